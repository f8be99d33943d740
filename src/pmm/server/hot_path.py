"""The quote routes as raw ASGI in front of the web framework, which sees every other path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pmm.relayers.refusals import WireRefusal
from pmm.server.endpoints import HttpAnswer, QuoteEndpoints

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")


class _ClientLeft(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


class QuoteRoutes:
    """Serves ``/order`` and ``/levels``, hands the rest to ``app``; bodies above ``max_body`` get 413."""

    def __init__(self, app: AsgiApp, endpoints: QuoteEndpoints, *, max_body: int) -> None:
        self._app = app
        self._endpoints = endpoints
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["path"] not in ("/order", "/levels"):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except _ClientLeft:
            return
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> HttpAnswer:
        method = scope["method"]
        if scope["path"] == "/levels":
            return await self._endpoints.levels() if method == "GET" else self._wrong_method(method, "GET")
        if method != "POST":
            return self._wrong_method(method, "POST")
        body = await self._body(scope, receive)
        if body is None:
            return self._endpoints.refusal(
                WireRefusal(
                    status=413,
                    code="body_too_large",
                    message=f"expected a body of at most {self._max_body} bytes",
                    remedy="send the fields of the request and nothing else",
                )
            )
        return await self._endpoints.order(body)

    def _wrong_method(self, method: str, allowed: str) -> HttpAnswer:
        answer = self._endpoints.refusal(
            WireRefusal(
                status=405,
                code="method_not_allowed",
                message=f"expected {allowed}, found {method}",
                remedy=f"use {allowed}",
            )
        )
        return HttpAnswer(status=405, body=answer.body, headers=((b"allow", allowed.encode()),))

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._max_body:
                return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


async def _send(send: Send, answer: HttpAnswer) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [_JSON, length, *answer.headers],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
