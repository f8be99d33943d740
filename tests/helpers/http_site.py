"""A real HTTP server that answers what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """One answer; a ``delay_s`` beyond the client's patience is silence."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(value).encode(), headers)


@dataclass
class Asked:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Site:
    """``answers`` are given one after the other, then ``usual`` for ever; ``routes`` answer by start of the path."""

    def __init__(self) -> None:
        self.url = ""
        self.usual = Answer()
        self.answers: deque[Answer] = deque()
        self.routes: dict[str, Answer] = {}
        self.asked: list[Asked] = []

    def answer(self, request: Asked) -> Answer:
        """Keep a request and choose its answer."""
        self.asked.append(request)
        if self.answers:
            return self.answers.popleft()
        routes = sorted(self.routes, key=len, reverse=True)
        return next((self.routes[one] for one in routes if request.path.startswith(one)), self.usual)


@contextmanager
def http_site() -> Iterator[Site]:
    """Run one on a free port of 127.0.0.1."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = site.answer(Asked(self.command, self.path, headers, body))
            time.sleep(answer.delay_s)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except OSError:
                # The client lost its patience.
                self.close_connection = True

        do_GET = do_POST = _any

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
