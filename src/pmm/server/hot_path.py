"""The quote routes as raw ASGI in front of the web framework, which sees every other path."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from pmm.relayers.refusals import WireRefusal
from pmm.server.access.request_body import WHOLE_ANSWER, WHOLE_BODY, WriteAnswer
from pmm.server.endpoints import HttpAnswer, own_refusal
from pmm.server.relayer_routes import BEGAN_SCOPE, RELAYER_SCOPE, RelayerRoutes, Served

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_JSON = (b"content-type", b"application/json")


class _ClientLeft(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


_CLOSE = (b"connection", b"close")
_SLOW = WireRefusal(
    status=408,
    code="body_too_slow",
    message="expected the whole body of the request in time, found a part of it",
    remedy="send the request in one go",
)
_STOPPING = WireRefusal(
    status=503,
    code="stopping",
    message="expected the whole body of the request before the server stopped",
    remedy="ask again when the server is back",
    retry_after_s=1,
)


class QuoteRoutes:
    """Serves the routes of every relayer, hands the rest to ``app``.

    Bodies above ``max_body`` bytes get 413, those that are not there after ``body_timeout_s`` get 408.
    """

    def __init__(
        self, app: AsgiApp, relayers: RelayerRoutes, *, max_body: int, body_timeout_s: float
    ) -> None:
        self._app = app
        self._relayers = relayers
        self._max_body = max_body
        self._body_timeout_s = body_timeout_s
        self._reading: set[asyncio.Timeout] = set()
        self._stopping = False

    @property
    def relayers(self) -> RelayerRoutes:
        """Who is served."""
        return self._relayers

    def stop(self) -> None:
        """Wait no longer for bodies that are under way; called in the event loop."""
        self._stopping = True
        for reading in self._reading:
            reading.reschedule(asyncio.get_running_loop().time())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        served = self._relayers.find(scope["path"], scope.get(RELAYER_SCOPE))
        if served is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(served, scope, receive)
        except _ClientLeft:
            return
        # In one piece where our protocol takes it so, and nothing is to be said beside it.
        write: WriteAnswer | None = scope.get(WHOLE_ANSWER)
        if write is None or answer.headers or not write(scope, answer.status, answer.body):
            await _send(send, answer)

    async def _answer(self, served: Served | WireRefusal, scope: Scope, receive: Receive) -> HttpAnswer:
        if isinstance(served, WireRefusal):
            return own_refusal(served)
        endpoints, route = served.endpoints, served.route
        if scope["method"] != route.method:
            return _wrong_method(served, scope["method"])
        if route.method == "GET":
            query = _query(scope.get("query_string", b""))
            return await endpoints.serve(route, query=query, headers=scope["headers"])
        # The front door reads the body of a request with an HMAC before it is let in.
        time_s = asyncio.get_running_loop().time
        began_s = scope.get(BEGAN_SCOPE) or time_s()
        body: bytes | None = scope.get(WHOLE_BODY)
        if body is None:
            try:
                body = await self._timely_body(scope, receive)
            except TimeoutError:
                answer = endpoints.refusal(route, _STOPPING if self._stopping else _SLOW)
                return HttpAnswer(status=answer.status, body=answer.body, headers=(*answer.headers, _CLOSE))
        if body is None or len(body) > self._max_body:
            return endpoints.refusal(
                route,
                WireRefusal(
                    status=413,
                    code="body_too_large",
                    message=f"expected a body of at most {self._max_body} bytes",
                    remedy="send the fields of the request and nothing else",
                ),
            )
        return await endpoints.serve(route, body=body, headers=scope["headers"], waited_s=time_s() - began_s)

    async def _timely_body(self, scope: Scope, receive: Receive) -> bytes | None:
        async with asyncio.timeout(0 if self._stopping else self._body_timeout_s) as reading:
            self._reading.add(reading)
            try:
                return await self._body(scope, receive)
            finally:
                self._reading.discard(reading)

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


def _wrong_method(served: Served, method: str) -> HttpAnswer:
    allowed = served.route.method
    answer = served.endpoints.refusal(
        served.route,
        WireRefusal(
            status=405,
            code="method_not_allowed",
            message=f"expected {allowed}, found {method[:20]}",
            remedy=f"use {allowed}",
        ),
    )
    return HttpAnswer(status=405, body=answer.body, headers=((b"allow", allowed.encode()),))


def _query(raw: bytes) -> dict[str, str]:
    """Return the parameters of a query string; of a name that comes twice, the first."""
    if not raw:
        return {}
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=None):
        found.setdefault(name, value)
    return found


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
