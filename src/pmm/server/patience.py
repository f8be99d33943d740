"""An HTTP protocol that does not wait for ever for the head of a request, and does little for one that is small."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any, ClassVar

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pmm.server.access.request_body import WHOLE_ANSWER, WHOLE_BODY, Scope

_JSON_OF_LENGTH = b"content-type: application/json\r\ncontent-length: "


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol; closes a connection on which no whole head arrives within ``head_timeout_s``.

    uvicorn itself limits only how long a connection may idle after an answer.
    """

    head_timeout_s: ClassVar[float] = 2.0
    _deadline: asyncio.TimerHandle | None = None
    # None while a request is under way, or none was answered.
    _idle_since_s: float | None = None
    _default_headers: list[tuple[bytes, bytes]] | None = None
    _fixed_fields = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take data; wait on while it is no whole head."""
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._wait_for_head()
        elif self._deadline is not None:
            self._stop_waiting()

    def on_message_complete(self) -> None:
        """Put the body beside the request: one that is whole need not be waited for."""
        super().on_message_complete()
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and len(cycle.body) <= HIGH_WATER_LIMIT:
            scope: MutableMapping[str, Any] = cycle.scope  # type: ignore[assignment]  # keys of our own
            scope[WHOLE_BODY] = bytes(cycle.body)
            scope[WHOLE_ANSWER] = self._write_answer

    def on_response_complete(self) -> None:
        """Wait for the next request: with a timer that stays for as long as answers follow each other."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since_s = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was idle for all of its time; look again later at another one."""
        self.timeout_keep_alive_task = None
        if self._idle_since_s is None:
            return
        left_s = self._idle_since_s + self.timeout_keep_alive - self.loop.time()
        if left_s <= 0:
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left_s, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait; what was asked and not begun is not answered."""
        self._stop_waiting()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        if self.cycle is not None:
            scope: MutableMapping[str, Any] = self.cycle.scope  # type: ignore[assignment]  # keys of our own
            scope.pop(WHOLE_BODY, None)
            # It holds this protocol, which holds the scope: nothing is to wait for the garbage collector.
            scope.pop(WHOLE_ANSWER, None)
        super().connection_lost(exc)

    def _unset_keepalive_if_required(self) -> None:
        # A timer less for each request.
        self._idle_since_s = None

    def _write_answer(self, scope: Scope, status: int, body: bytes) -> bool:
        """Write what uvicorn's ``send`` would in two pieces; leave to it whatever is out of the ordinary."""
        cycle = self.cycle
        if (
            cycle.scope is not scope
            or cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or cycle.access_log
            or self.flow.write_paused
            or scope["method"] == "HEAD"
        ):
            return False
        defaults = self.server_state.default_headers
        if defaults is not self._default_headers:
            # uvicorn makes the list anew every second, with the date.
            fields = b"".join(b"%b: %b\r\n" % field for field in defaults)
            self._default_headers, self._fixed_fields = defaults, fields + _JSON_OF_LENGTH
        head = b"%b%b%d\r\n\r\n" % (STATUS_LINE[status], self._fixed_fields, len(body))
        self.transport.write(head + body)
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

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
