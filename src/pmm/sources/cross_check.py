"""How far two ways to the same numbers lie apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from pmm.errors import ChainError
from pmm.sources.lending_rates import LendingRate, numbers
from pmm.sources.source import Source, SourceWatch

K = TypeVar("K", bound=Hashable)


def largest_gap(first: Mapping[K, float], second: Mapping[K, float], *, floor: float) -> float | None:
    """Return the largest difference over the names that both have, relative to the larger number.

    ``floor`` is the least that a number counts as: a rate of 0.01 % against one of 0.02 % is no disagreement.
    None when they have no name in common.
    """
    shared = first.keys() & second.keys()
    if not shared:
        return None
    return max(
        abs(first[name] - second[name]) / max(abs(first[name]), abs(second[name]), floor) for name in shared
    )


class CrossCheck:
    """Holds the contracts' rates against those of an API; the gap is a metric and an alert rule watches it."""

    def __init__(
        self,
        role: str,
        first: Source[Iterable[LendingRate]],
        second: Source[Iterable[LendingRate]],
        *,
        watch: SourceWatch,
        floor: float = 0.005,
    ) -> None:
        self.name = role
        self._first, self._second = first, second
        self._watch = watch
        self._floor = floor

    def run(self) -> float | None:
        """Ask both and return their gap; None where one is silent or they share nothing: nothing is known then."""
        try:
            gap = largest_gap(numbers(self._first.ask()), numbers(self._second.ask()), floor=self._floor)
        except ChainError:
            return None
        if gap is not None:
            self._watch.cross_checked(role=self.name, ratio=gap)
        return gap
