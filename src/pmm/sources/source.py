"""What a source is, how it fails, and who counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pmm.errors import ChainError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class SourceUnavailable(ChainError):
    """A source did not answer, or not with what it must.

    Attributes:
        retry_after_s: what it asked for, None if it said nothing.
        final: asking again at once would bring the same (a wrong key, nonsense).
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.final = final


class Source(Protocol[T_co]):
    """Answers one question. Not thread-safe."""

    @property
    def name(self) -> str:
        """Name in metrics and logs."""
        ...

    def ask(self) -> T_co:
        """Return the answer; raise SourceUnavailable, or another ChainError, within its timeout."""
        ...


class CalledSource(Generic[T]):
    """A source that is a function: a reader that stands already."""

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self.name = name
        self._ask = ask

    def ask(self) -> T:
        """Call it; its ChainError is the caller's."""
        return self._ask()


class SourceWatch(Protocol):
    """Who counts; ``pmm.monitoring.desk.SourceEvents`` does."""

    def source_answered(self, *, source: str, took_s: float, at_s: float) -> None:
        """A source answered."""

    def source_failed(self, *, source: str, outcome: str, detail: str) -> None:
        """A source did not: failed, limited or broken."""

    def source_state(self, *, source: str, healthy: bool, breaker: str) -> None:
        """How a source stands."""

    def breaker_changed(self, *, source: str, before: str, after: str) -> None:
        """A breaker changed."""

    def fell_back(self, *, role: str, source: str, missing: tuple[str, ...]) -> None:
        """Another source answered."""

    def skipped(self, *, role: str, missing: tuple[str, ...]) -> None:
        """Nobody answered."""

    def cross_checked(self, *, role: str, ratio: float) -> None:
        """Two ways to the same numbers differ by this much."""


class Clock(Protocol):
    """Time, and waiting."""

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        ...

    def unix_s(self) -> float:
        """Unix time."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's."""

    def monotonic_s(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def unix_s(self) -> float:
        """Return ``time.time()``."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
