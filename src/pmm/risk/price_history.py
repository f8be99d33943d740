"""Prices of before the desk's own record: a month of hours for value at risk, a year for its backtest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pmm.errors import InvalidInput
from pmm.risk.price_record import DAY_MS, HOUR_MS, LEAST_HOURS, MOST_HOURS, scaled_returns
from pmm.risk.tail import Floats

LATE_MS = HOUR_MS
"""How long after midnight a price still is that of the day's beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDay:
    """One UTC day of a history.

    Attributes:
        day: number of days since 1970-01-01.
        hours: (times, assets) logarithmic returns of the month before it, each scaled to one day.
        moves: simple return of each asset from its first price to that of the next day.
    """

    day: int
    hours: Floats
    moves: Floats


class PriceHistory:
    """Hourly prices of some assets: of each hour of the clock the first row.

    Args:
        assets: names of the columns.
        rows: time in milliseconds and US dollars per whole token, in rising order.

    Raises InvalidInput for a row out of order or a price that is none.
    """

    def __init__(self, assets: Iterable[str], rows: Iterable[tuple[int, Sequence[float]]]) -> None:
        self.assets = tuple(assets)
        times: list[int] = []
        prices: list[Sequence[float]] = []
        last_ms = -1
        for at_ms, row in rows:
            if at_ms <= last_ms:
                raise InvalidInput(f"price history: expected a time after {last_ms} ms, found {at_ms} ms")
            last_ms = at_ms
            if not times or at_ms // HOUR_MS > times[-1] // HOUR_MS:
                times.append(at_ms)
                prices.append(row)
        self.times_ms = np.array(times, dtype=np.int64)
        self.prices: Floats = np.array(prices, dtype=np.float64).reshape(len(times), len(self.assets))
        if not (np.isfinite(self.prices).all() and (self.prices > 0).all()):
            raise InvalidInput("price history: expected prices above zero, found another one")

    @property
    def until_ms(self) -> int:
        """Time of the newest row, 0 without one."""
        return int(self.times_ms[-1]) if len(self.times_ms) else 0

    def month(self) -> Iterator[tuple[int, Mapping[str, float]]]:
        """Yield the rows of the newest month."""
        for at_ms, row in zip(self.times_ms[-MOST_HOURS:], self.prices[-MOST_HOURS:], strict=True):
            yield int(at_ms), dict(zip(self.assets, map(float, row), strict=True))

    def days(self, *, most: int) -> tuple[PastDay, ...]:
        """Return the newest days that have a month (or its 100 hours at least) before them, both ends seen."""
        if not len(self.times_ms):
            return ()
        found: list[PastDay] = []
        first, last = int(self.times_ms[0]) // DAY_MS, int(self.times_ms[-1]) // DAY_MS
        for day in range(last, first - 1, -1):
            begins, ends = self._at(day), self._at(day + 1)
            if begins is None or ends is None or begins <= LEAST_HOURS:
                continue
            # The row of midnight is known as the day begins.
            window = slice(max(begins + 1 - MOST_HOURS, 0), begins + 1)
            found.append(
                PastDay(
                    day=day,
                    hours=scaled_returns(self.times_ms[window], self.prices[window]),
                    moves=self.prices[ends] / self.prices[begins] - 1,
                )
            )
            if len(found) == most:
                break
        return tuple(reversed(found))

    def _at(self, day: int) -> int | None:
        """Return the first row of a day, None where it comes late."""
        begins_ms = day * DAY_MS
        index = int(np.searchsorted(self.times_ms, begins_ms))
        seen = index < len(self.times_ms) and self.times_ms[index] < begins_ms + LATE_MS
        return index if seen else None
