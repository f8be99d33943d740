"""Asks each source when its time has come, and keeps what it said last."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pmm.sources.fallback import Answered, FirstOf
from pmm.sources.source import Clock


@dataclass(frozen=True, slots=True)
class Polled:
    """A role and how often it is asked."""

    role: FirstOf[Any]
    every_s: float


class SourcePoller:
    """Drive it with ``poll_due``, or let ``start`` do so in a thread: nobody else waits for a slow source."""

    def __init__(self, polled: Sequence[Polled], clock: Clock) -> None:
        self._polled = tuple(polled)
        self._clock = clock
        self._due_s = dict.fromkeys(range(len(self._polled)), clock.monotonic_s())
        self._last: dict[str, tuple[float, Answered[Any]]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def poll_due(self) -> int:
        """Ask what is due; return how many answered; what was missed is not made up for."""
        answered = 0
        for index, polled in enumerate(self._polled):
            now_s = self._clock.monotonic_s()
            if now_s < self._due_s[index]:
                continue
            self._due_s[index] = now_s + polled.every_s
            found = polled.role.ask()
            if found is not None:
                self._last[polled.role.name] = (self._clock.monotonic_s(), found)
                answered += 1
        return answered

    def last(self, role: str, *, max_age_s: float) -> Answered[Any] | None:
        """Return the last answer if it is young enough, at once."""
        found = self._last.get(role)
        return found[1] if found and self._clock.monotonic_s() - found[0] <= max_age_s else None

    def start(self, *, interval_s: float = 0.5) -> None:
        """Poll from a thread until ``close``."""

        def run() -> None:
            while not self._stop.is_set():
                self.poll_due()
                self._stop.wait(interval_s)

        self._thread = threading.Thread(target=run, name="sources", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop asking; an answer under way is not waited for."""
        self._stop.set()
