"""An HTTP protocol that does not wait for ever for the head of a request."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, ClassVar

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pmm.server.access.request_body import WHOLE_BODY


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol; closes a connection on which no whole head arrives within ``head_timeout_s``.

    uvicorn itself limits only how long a connection may idle after an answer.
    """

    head_timeout_s: ClassVar[float] = 2.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take data; wait on while it is no whole head."""
        super().data_received(data)
        if self._awaits_head():
            self._wait_for_head()
        else:
            self._stop_waiting()

    def on_message_complete(self) -> None:
        """Put the body beside the request: one that is whole need not be waited for."""
        super().on_message_complete()
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and len(cycle.body) <= HIGH_WATER_LIMIT:
            scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]  # a key of our own
            scope[WHOLE_BODY] = bytes(cycle.body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait; what was asked and not begun is not answered."""
        self._stop_waiting()
        if self.cycle is not None:
            scope: MutableMapping[str, Any] = self.cycle.scope  # type: ignore[assignment]  # a key of our own
            scope.pop(WHOLE_BODY, None)
        super().connection_lost(exc)

    def _awaits_head(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait_for_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._awaits_head() and not self.transport.is_closing():
            self.transport.close()


def impatient_protocol(head_timeout_s: float) -> type[ImpatientProtocol]:
    """Return the protocol with a timeout of its own."""
    return type("TimedProtocol", (ImpatientProtocol,), {"head_timeout_s": head_timeout_s})
