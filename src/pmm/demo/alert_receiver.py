"""A webhook receiver of the demo's own: what the desk tells people, checked as any receiver must check it."""

from __future__ import annotations

import json
import secrets
import threading
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pmm.alerts.channels import verify_webhook
from pmm.alerts.channels.webhook import SIGNATURE, TIMESTAMP

_HOST: Final = "127.0.0.1"
_MOST_BYTES: Final = 65_536


class AlertReceiver:
    """Listens on a free port of this machine from a thread of its own, and writes a file; a context manager.

    Attributes:
        url: for PMM_ALERTS_WEBHOOK_URL.
        secret: for PMM_ALERTS_WEBHOOK_SECRET.
    """

    def __init__(self, file: Path) -> None:
        self.secret: Final = secrets.token_hex(16)
        self._file, receiver = file, self

        class Handler(BaseHTTPRequestHandler):
            """One delivery."""

            timeout = 5

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                taken = receiver._take(self.headers, self.rfile.read(min(length, _MOST_BYTES)))
                self.send_response(204 if taken else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing: the desk logs its deliveries."""

        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="alert-receiver", daemon=True)
        self.url: Final = f"http://{_HOST}:{self._server.server_port}/alerts"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _take(self, headers: Message, body: bytes) -> bool:
        genuine = verify_webhook(
            self.secret,
            timestamp=headers.get(TIMESTAMP, ""),
            body=body,
            signature=headers.get(SIGNATURE, ""),
            now_s=time.time(),
        )
        if genuine:
            told = json.loads(body)
            state = "over" if told["resolved"] else told["severity"]
            with self._file.open("a") as file:
                file.write(f"{state}: {told['title']}\n")
        return genuine
