"""One changed piece of source text, its identity and its place."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A replacement of ``text[start:end]`` of ``file``, relative to contracts/, by ``new``.

    Offsets count characters. ``function`` is the function around it, empty outside of one.
    """

    file: str
    function: str
    operator: str
    start: int
    end: int
    old: str
    new: str

    def apply(self, source: str) -> str:
        """Return the source with the fault in it.

        Raises:
            ValueError: the source is not the one the mutant was made from.
        """
        if source[self.start : self.end] != self.old:
            raise ValueError(f"expected {self.old!r} at {self.file}:{self.start}, found another text")
        return source[: self.start] + self.new + source[self.end :]

    def line(self, source: str) -> int:
        return source.count("\n", 0, self.start) + 1

    def lines(self, source: str) -> range:
        """Return the numbers of all lines that the replaced text touches."""
        first = self.line(source)
        return range(first, first + self.old.count("\n") + 1)

    def before_and_after(self, source: str) -> tuple[str, str]:
        """Return the lines that change, as they were and as they are, with single spaces."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        last = len(source) if last < 0 else last
        before = source[first:last]
        after = source[first : self.start] + self.new + source[self.end : last]
        return " ".join(before.split()), " ".join(after.split())

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def without_repetition(mutants: Iterable[Mutant], sources: dict[str, str]) -> list[Mutant]:
    """Return the mutants in their order, each changed text once, none that changes nothing."""
    seen: set[bytes] = set()
    kept = []
    for mutant in mutants:
        text = mutant.apply(sources[mutant.file])
        digest = hashlib.sha256(f"{mutant.file}\0{text}".encode()).digest()
        if mutant.old != mutant.new and digest not in seen:
            seen.add(digest)
            kept.append(mutant)
    return kept


def shuffled(mutants: list[Mutant], seed: str) -> list[Mutant]:
    """Return the order in which mutants are drawn: a smaller sample is the start of a larger one."""
    order = sorted(mutants, key=lambda m: (m.file, m.start, m.end, m.operator, m.new))
    random.Random(seed).shuffle(order)  # noqa: S311 - a sample, not a secret
    return order
