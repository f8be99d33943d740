"""Prices that the desk has seen itself, evenly thinned, and what they say of a day's returns. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pmm.errors import InvalidInput
from pmm.risk.tail import Floats

DAY_MS: Final = 86_400_000
MOST_PRICES: Final = 1_440
"""A day of minutes."""
HOUR_MS: Final = 3_600_000
MOST_HOURS: Final = 720
"""A month: over recorded prices a day alone promised too little (docs/risk.md, "Against recorded days")."""
LEAST_HOURS: Final = 100


class PriceRecord:
    """The newest prices of some assets, one row per ``every_ms`` at most; of a month one row per hour beside them.

    A row is taken whole: without a price of every asset, at common times, there is no covariance.
    """

    def __init__(self, assets: Iterable[str], *, every_ms: int, least: int, most: int = MOST_PRICES) -> None:
        self.assets = tuple(assets)
        if every_ms <= 0 or not 2 <= least <= most:
            raise InvalidInput(
                f"prices: expected a positive pause and 2 to {most} prices, found {every_ms} ms and {least}"
            )
        self._every_ms, self._least = every_ms, least
        self._rows: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=most)
        self._hours: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=MOST_HOURS)

    def see(self, at_ms: int, prices: Mapping[str, float]) -> bool:
        """Take prices in; False where it is too early, or one of the assets has none (above zero and finite)."""
        row = tuple(prices.get(asset, 0.0) for asset in self.assets)
        if not all(0 < one < math.inf for one in row):
            return False
        if self._rows and at_ms - self._rows[-1][0] < self._every_ms:
            return False
        self._rows.append((at_ms, row))
        # By the hours of the clock: the ledger keeps the first row of each.
        if not self._hours or at_ms // HOUR_MS > self._hours[-1][0] // HOUR_MS:
            self._hours.append((at_ms, row))
        return True

    @property
    def missing(self) -> int:
        """How many prices are still to be seen before returns say anything."""
        return max(self._least - len(self._rows), 0)

    def still(self, assets: Iterable[str]) -> tuple[str, ...]:
        """Return those assets whose price has never moved: a feed that stands still is no proof of calm."""
        return tuple(
            asset for asset in assets if len({row[self.assets.index(asset)] for _, row in self._rows}) <= 1
        )

    def day_returns(self) -> Floats:
        """Return a (times, assets) array of logarithmic returns, each scaled to one day by the root of its time.

        The square-root-of-time rule holds for independent returns (RiskMetrics Technical Document, 4th ed., 1996,
        5.2). Raises InvalidInput while prices are missing.
        """
        if self.missing:
            raise InvalidInput(f"prices: expected {self._least}, found {len(self._rows)}; needs more")
        return _scaled(self._rows)

    def hour_returns(self) -> Floats | None:
        """Return the same of the month's hours, None below 100 of them.

        A feed answers with the same price for many minutes, so that most of a day's minutes say nothing moved: their
        quantile is no loss at all, or one move of the feed's threshold scaled up.
        """
        return _scaled(self._hours) if len(self._hours) > LEAST_HOURS else None


def _scaled(rows: Iterable[tuple[int, tuple[float, ...]]]) -> Floats:
    times, prices = zip(*rows, strict=True)
    return scaled_returns(np.array(times), np.array(prices, dtype=np.float64))


def scaled_returns(times_ms: NDArray[np.int64], prices: Floats) -> Floats:
    """Return logarithmic returns of (times, assets) prices, each scaled to one day by the root of its time."""
    moves = np.diff(np.log(prices), axis=0)
    scaled: Floats = moves * np.sqrt(DAY_MS / np.diff(times_ms.astype(np.float64)))[:, None]
    return scaled
