"""A whole request body, bounded in size and in time, and given again to the application behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

WHOLE_BODY = "pmm.body"
"""Key of the ASGI scope under which our protocol puts a body that was whole before the application began."""
WHOLE_ANSWER = "pmm.answer"
"""Key of the ASGI scope with our protocol's :data:`WriteAnswer`, which goes past the ``send`` of the request."""
WriteAnswer = Callable[[Scope, int, bytes], bool]
"""Writes a JSON answer, by status and body, in one piece; tells whether it did: if not, it is to be sent as ever."""


class BodyTooLarge(Exception):
    """More bytes than allowed, announced or sent."""


class ClientLeft(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


async def read_body(scope: Scope, receive: Receive, *, most_bytes: int, timeout_s: float) -> bytes:
    """Return the body; raises BodyTooLarge, ClientLeft, TimeoutError."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most_bytes:
            raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(timeout_s):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most_bytes:
                raise BodyTooLarge
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body in one message, and then what really comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
