"""Sources that an operator has switched off, left out before anything is priced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pmm.execution import Outside, OutsideMarket


class SwitchedMarket:
    """Implements ``OutsideMarket`` over another, without the reference prices of the sources that are off.

    The market that is priced and journaled never had them, so that a replay needs to know nothing of it.
    """

    def __init__(self, market: OutsideMarket, sources_off: Callable[[], frozenset[str]]) -> None:
        self._market = market
        self._off = sources_off

    def current(self) -> Outside:
        """Return what the others said last."""
        heard, off = self._market.current(), self._off()
        if not off:
            return heard
        return replace(heard, references=tuple(one for one in heard.references if one.source not in off))
