"""``GET /metrics`` of the desk, on this machine only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, start_http_server

from pmm.errors import SetupError


class MetricsPort:
    """Serves a registry on 127.0.0.1 from a thread of its own; ``port`` 0 takes a free one.

    Raises SetupError when the port is taken.
    """

    def __init__(self, registry: CollectorRegistry, *, port: int) -> None:
        try:
            self._server, self._thread = start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            raise SetupError(
                f"metrics: expected port {port} of 127.0.0.1 to be free, found {error.strerror}; give another"
            ) from error
        self.port: int = self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
