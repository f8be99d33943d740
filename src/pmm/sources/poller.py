"""Asks each source when its time has come, and keeps what it said last."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from pmm.sources.fallback import Answered
from pmm.sources.source import Clock

_LOG = structlog.get_logger()


class Role(Protocol):
    """What is asked; ``FirstOf`` is one."""

    @property
    def name(self) -> str:
        """What it is for."""
        ...

    def ask(self) -> Answered[Any] | None:
        """Return an answer and who gave it, None where nobody has one."""
        ...


@dataclass(frozen=True, slots=True)
class Polled:
    """A role and how often it is asked."""

    role: Role
    every_s: float


class SourcePoller:
    """Drive it with ``poll_due``, or let ``start`` do so in one thread per role: no role waits for another."""

    def __init__(self, polled: Sequence[Polled], clock: Clock) -> None:
        self._polled = tuple(polled)
        self._clock = clock
        self._due_s = dict.fromkeys(range(len(self._polled)), clock.monotonic_s())
        self._last: dict[str, tuple[float, Answered[Any]]] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def poll_due(self) -> int:
        """Ask what is due, one after the other; return how many answered; what was missed is not made up for."""
        return sum(self._poll(index) for index in range(len(self._polled)))

    def last(self, role: str, *, max_age_s: float) -> Answered[Any] | None:
        """Return the last answer if it is young enough, at once."""
        found = self._last.get(role)
        return found[1] if found and self._clock.monotonic_s() - found[0] <= max_age_s else None

    def start(self, *, interval_s: float = 0.5) -> None:
        """Poll each role from a thread of its own until ``close``."""
        for index, polled in enumerate(self._polled):
            thread = threading.Thread(
                target=self._run, args=(index, interval_s), name=f"sources-{polled.role.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def close(self, *, wait_s: float = 0.0) -> None:
        """Stop asking; an answer under way is waited for so long in all, and then left to itself."""
        self._stop.set()
        deadline_s = self._clock.monotonic_s() + wait_s
        for thread in self._threads:
            if thread.ident is None:
                continue  # never started
            thread.join(max(deadline_s - self._clock.monotonic_s(), 0.0))

    def _run(self, index: int, interval_s: float) -> None:
        while not self._stop.is_set():
            try:
                self._poll(index)
            except Exception as error:  # noqa: BLE001 - a site may answer anything; the next question must leave
                _LOG.error(
                    "source_broke", role=self._polled[index].role.name, error=f"{type(error).__name__}"
                )
            self._stop.wait(interval_s)

    def _poll(self, index: int) -> bool:
        polled, now_s = self._polled[index], self._clock.monotonic_s()
        if now_s < self._due_s[index]:
            return False
        self._due_s[index] = now_s + polled.every_s
        found = polled.role.ask()
        if found is not None:
            self._last[polled.role.name] = (self._clock.monotonic_s(), found)
        return found is not None
