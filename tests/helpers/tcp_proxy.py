"""A TCP proxy before a node that a test cuts, mutes or delays; what it passes on it does not understand."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

_HOST = "127.0.0.1"
_PIECE = 1 << 16
_DEADLINE_S = 10.0


class TcpProxy:
    """Use as a context manager. ``refuses``, ``mute`` and ``delay_s`` may be set while it runs."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server((_HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self.refuses = False
        self.mute = False
        """Everything stays open, and nothing that the node says arrives."""
        self.delay_s = 0.0
        """How much later what the node says arrives."""
        self.accepted = 0

    def cut(self) -> None:
        """End every connection."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuses = True
        # A closed listener does not wake who accepts on it.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            try:
                node = socket.create_connection((_HOST, self._target), timeout=_DEADLINE_S)
            except OSError:
                client.close()
                continue
            node.settimeout(None)
            self.accepted += 1
            self._open += [client, node]
            for source, sink, said in ((client, node, False), (node, client, True)):
                threading.Thread(target=self._pass_on, args=(source, sink, said), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, said_by_node: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                if said_by_node and self.mute:
                    continue
                if said_by_node and self.delay_s:
                    # One after the other: what comes meanwhile waits as well, and longer.
                    time.sleep(self.delay_s)
                sink.sendall(piece)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
