"""What one event loop writes at once: one batch at a time, as large as waiting for it costs nothing.

A commit costs the same 300 us of processor time for one quote as for thirty. A busy event loop that handed over each
record at once had two or three in a commit; it hands over when it has nothing else to do, or after ``_MOST_WAIT_S``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pmm.journal.entries import Entry

_MOST_WAITING = 64
_MOST_WAIT_S = 0.01
PATIENCE_S = 0.05
"""How long a patient entry waits for one that must be on disk at once."""


class Gathering:
    """The entries of one event loop that no batch has yet; used in that loop, but for :meth:`flush`.

    Args:
        hand_over: takes a batch; the journal calls :meth:`answered` in the loop when it is written, or is not.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, hand_over: Callable[[list[Entry]], None]) -> None:
        self.loop = loop
        self._hand_over = hand_over
        self._waiting: list[Entry] = []
        self._patient: list[Entry] = []
        self._patience: asyncio.TimerHandle | None = None
        self._since_s = 0.0
        self._seen = 0
        self._looks = False
        self._in_hand = 0
        # Of the last batch, the patient left out: one quote alone is followed by one quote alone.
        self._last = 0

    def add(self, entry: Entry) -> None:
        """Hand an entry over now, or with others soon."""
        if entry.patient:
            self._wait_with(entry)
            return
        self._waiting.append(entry)
        if self._in_hand:
            return
        if self._last <= 1 and len(self._waiting) == 1:
            self.flush()
        elif not self._looks:
            self._look_soon()

    def answered(self, count: int) -> None:
        """Say that a batch of ``count`` is done."""
        self._in_hand -= count
        if self._in_hand:
            return
        if not self._waiting:
            if self._patient and self._patience is None:
                self.flush()
        elif not self._looks:
            # Not at once: those who are answered go on before the loop writes again.
            self._look_soon()

    def flush(self) -> None:
        """Hand over what waits, and what has patience with it."""
        batch = self._patient + self._waiting
        if not batch:
            return
        self._last = len(self._waiting)
        self._waiting, self._patient = [], []
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._in_hand += len(batch)
        self._hand_over(batch)

    def _wait_with(self, entry: Entry) -> None:
        if not self._patient:
            self._patience = self.loop.call_later(PATIENCE_S, self._lose_patience)
        self._patient.append(entry)

    def _lose_patience(self) -> None:
        # With a batch in hand, the end of that is waited for.
        self._patience = None
        if not self._in_hand:
            self.flush()

    def _look_soon(self) -> None:
        self._looks, self._seen, self._since_s = True, 0, self.loop.time()
        self.loop.call_soon(self._look)

    def _look(self) -> None:
        count = len(self._waiting)
        # Whoever was read from a socket before the last look has run before this one: none came.
        idle = count == self._seen
        if idle or count >= _MOST_WAITING or self.loop.time() - self._since_s > _MOST_WAIT_S:
            self._looks = False
            self.flush()
            return
        self._seen = count
        self.loop.call_soon(self._look)
