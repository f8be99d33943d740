"""An exchange's WebSocket in this process: takes subscriptions and says what a test gives it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.server import ServerConnection, serve


class Exchange:
    """One address; ``heard`` are the texts of its clients, ``joined`` counts their connections."""

    def __init__(self) -> None:
        self.address = ""
        self.heard: list[Any] = []
        self.joined = threading.Semaphore(0)
        self.spoken_to = threading.Semaphore(0)
        self.connections: list[ServerConnection] = []

    def serve_one(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.joined.release()
        for text in connection:
            self.heard.append(json.loads(text))
            self.spoken_to.release()

    def say(self, message: Any) -> None:
        """Send an object, or a text as it is, to the newest client."""
        self.connections[-1].send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    def cut(self) -> None:
        """Drop the newest client."""
        self.connections[-1].close()


@contextmanager
def exchange() -> Iterator[Exchange]:
    """Run one until the end of the block."""
    # What this side logs is no part of a test.
    silent = logging.getLogger("test.websocket.server")
    silent.disabled = True
    found = Exchange()
    with serve(found.serve_one, "127.0.0.1", 0, logger=silent) as server:
        found.address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
