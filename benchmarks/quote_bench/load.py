"""HTTP load from one process: open loop at a given rate, or as many requests as the connections carry.

In the open loop every request has a time at which it is due, whatever happened to the ones before; its latency counts
from there. A server that stalls is so charged for everybody who would have come meanwhile: no coordinated omission.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

_TIMER_S = 0.001
_DRAIN_S = 10.0


@dataclass(slots=True)
class Sample:
    """Latencies in seconds of answers with status 200, and how many others there were, by status."""

    latencies_s: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    unanswered: int = 0
    seconds: float = 0.0

    def percentile_ms(self, share: float) -> float:
        """Return a percentile in milliseconds."""
        return float(np.percentile(self.latencies_s, share * 100)) * 1000

    @property
    def per_second(self) -> float:
        """Return answers of status 200 per second."""
        return len(self.latencies_s) / self.seconds

    @property
    def faultless(self) -> bool:
        """Say whether every request was answered with 200."""
        return not self.refused and not self.unanswered


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, done: Callable[[_Connection, int], None]) -> None:
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.due_s = 0.0
        self.kind = ""
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def send(self, request: bytes, due_s: float, kind: str) -> None:
        """Send a request; ``done`` is called with the status once the answer is complete."""
        assert self._transport is not None
        self.due_s, self.kind = due_s, kind
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        if len(body) < length:
            return
        self._buffer = b""
        self._done(self, int(head[9:12]))


class Load:
    """A client with a fixed number of connections to one server.

    Args:
        requests: makes the complete bytes of a request of a kind, a new one at each call.
    """

    def __init__(self, host: str, port: int, *, connections: int, requests: Callable[[str], bytes]) -> None:
        self._host, self._port, self._count = host, port, connections
        self._requests = requests
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[tuple[float, str]] = deque()
        self._samples: dict[str, Sample] = {}
        self._busy = 0
        self._refill = ""

    async def open_loop(self, rates: dict[str, float], seconds: float) -> dict[str, Sample]:
        """Send ``rates`` requests a second of each kind, evenly spaced, for ``seconds``."""
        await self._connect(rates)
        started_s = time.perf_counter()
        due = sorted(
            (number / rate, kind) for kind, rate in rates.items() for number in range(int(rate * seconds))
        )
        for at_s, kind in due:
            # A schedule, not a state that an event could tell.
            while (left_s := started_s + at_s - time.perf_counter()) > 0:  # noqa: ASYNC110
                # The loop's timer is late by up to a millisecond, for which the server would be charged.
                await asyncio.sleep(left_s - _TIMER_S if left_s > 2 * _TIMER_S else 0)
            self._waiting.append((started_s + at_s, kind))
            self._send_waiting()
        await self._finish(started_s)
        return self._samples

    async def closed_loop(self, kind: str, seconds: float) -> Sample:
        """Keep every connection busy for ``seconds``: what the server can do at most."""
        await self._connect({kind: 1.0})
        started_s = time.perf_counter()
        self._refill = kind
        while self._idle:
            self._waiting.append((time.perf_counter(), kind))
            self._send_waiting()
        await asyncio.sleep(seconds)
        self._refill = ""
        await self._finish(started_s)
        return self._samples[kind]

    async def _connect(self, kinds: dict[str, float]) -> None:
        self._samples = {kind: Sample() for kind in kinds}
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._answered), self._host, self._port
            )
            self._idle.append(connection)

    def _send_waiting(self) -> None:
        while self._waiting and self._idle:
            due_s, kind = self._waiting.popleft()
            connection = self._idle.popleft()
            self._busy += 1
            connection.send(self._requests(kind), due_s, kind)

    def _answered(self, connection: _Connection, status: int) -> None:
        sample = self._samples[connection.kind]
        now_s = time.perf_counter()
        if status == 200:
            sample.latencies_s.append(now_s - connection.due_s)
        else:
            sample.refused[status] = sample.refused.get(status, 0) + 1
        self._busy -= 1
        self._idle.append(connection)
        if self._refill:
            self._waiting.append((now_s, self._refill))
        self._send_waiting()

    async def _finish(self, started_s: float) -> None:
        deadline_s = time.perf_counter() + _DRAIN_S
        while (self._busy or self._waiting) and time.perf_counter() < deadline_s:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.001)
        seconds = time.perf_counter() - started_s
        left = self._busy + len(self._waiting)
        for sample in self._samples.values():
            sample.seconds, sample.unanswered = seconds, left
        for connection in self._idle:
            connection.close()
        self._idle.clear()
        self._waiting.clear()
        self._busy = 0
