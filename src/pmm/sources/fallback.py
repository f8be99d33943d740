"""Several sources for one thing, in the order of the risk book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pmm.errors import ChainError, InvalidInput
from pmm.sources.source import Source, SourceWatch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """An answer and who gave it."""

    value: T
    source: str


class FirstOf(Generic[T]):
    """Asks one after the other until one answers. ``role`` is what they are for."""

    def __init__(self, role: str, sources: Sequence[Source[T]], *, watch: SourceWatch) -> None:
        if not sources:
            raise InvalidInput(f"sources of {role}: expected at least one, found none")
        self.name = role
        self._sources = tuple(sources)
        self._watch = watch

    def ask(self) -> Answered[T] | None:
        """Return the first answer; None when nobody has one, which is counted and never raised."""
        missing: list[str] = []
        for source in self._sources:
            try:
                value = source.ask()
            except ChainError:
                missing.append(source.name)
                continue
            if missing:
                self._watch.fell_back(role=self.name, source=source.name, missing=tuple(missing))
            return Answered(value, source.name)
        self._watch.skipped(role=self.name, missing=tuple(missing))
        return None
