"""A node's answers, recorded once and given again from memory: what is left is our own time."""

from __future__ import annotations

import httpx


class Recorder(httpx.BaseTransport):
    """Passes requests on and keeps the answer of each. The numbers of requests count from one for each client, so
    that the same client run again asks in the same words."""

    def __init__(self) -> None:
        self._node = httpx.HTTPTransport()
        self.answers: dict[bytes, bytes] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._node.handle_request(request).read()
        self.answers[request.read()] = answer
        return httpx.Response(200, content=answer)


class Recorded(httpx.BaseTransport):
    """Gives the answers again; raises KeyError for a question that was not recorded."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self._answers[request.read()])
