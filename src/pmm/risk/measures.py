"""How single metrics are kept: each takes what happened and answers with a value, None when there is none."""

from __future__ import annotations

import math
from typing import Final, Protocol

from pmm.risk.windows import RollingDrawdown, RollingPresence, RollingSums

_PERCENT: Final = 100.0
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class Measure(Protocol):
    """A metric's memory."""

    @property
    def last_ms(self) -> int | None:
        """Time of the newest data."""
        ...

    def value(self, now_ms: int) -> float | None:
        """Return the metric at a moment, None when nothing is known."""
        ...


class Latest:
    """The newest value; ``why`` it is unknown, where somebody said so."""

    __slots__ = ("_value", "last_ms", "why")

    def __init__(self) -> None:
        self._value: float | None = None
        self.last_ms: int | None = None
        self.why = ""

    def put(self, at_ms: int, value: float | None, why: str = "") -> None:
        """Replace the value, unless a newer one is there."""
        if self.last_ms is None or at_ms >= self.last_ms:
            self._value, self.last_ms, self.why = value, at_ms, why

    def value(self, now_ms: int) -> float | None:
        """Return it."""
        return self._value


class Ratio:
    """Sum over sum, times ``scale``: means (count below the line) and shares."""

    __slots__ = ("_scale", "_sums")

    def __init__(self, window_ms: int, scale: float) -> None:
        self._sums = RollingSums(window_ms, 2)
        self._scale = scale

    @property
    def last_ms(self) -> int | None:
        """Time of the newest addition."""
        return self._sums.last_ms

    def add(self, at_ms: int, above: int, below: int) -> None:
        """Add to both sums."""
        self._sums.add(at_ms, above, below)

    def value(self, now_ms: int) -> float | None:
        """Return the ratio; None when there is nothing below the line."""
        above, below = self._sums.totals(now_ms)
        return above / below * self._scale if below else None


class Total:
    """A sum, in units of ``scale``; None while nothing was added in the window."""

    __slots__ = ("_scale", "_sums")

    def __init__(self, window_ms: int, scale: float) -> None:
        self._sums = RollingSums(window_ms, 2)
        self._scale = scale

    @property
    def last_ms(self) -> int | None:
        """Time of the newest addition."""
        return self._sums.last_ms

    def add(self, at_ms: int, amount: int) -> None:
        """Add."""
        self._sums.add(at_ms, amount, 1)

    def value(self, now_ms: int) -> float | None:
        """Return the sum."""
        total, count = self._sums.totals(now_ms)
        return total * self._scale if count else None


class Deviation:
    """Standard deviation over mean, percent: ``sqrt(n * sum(x^2) - sum(x)^2) / sum(x)``, of the population."""

    __slots__ = ("_sums",)

    def __init__(self, window_ms: int) -> None:
        self._sums = RollingSums(window_ms, 3)

    @property
    def last_ms(self) -> int | None:
        """Time of the newest addition."""
        return self._sums.last_ms

    def add(self, at_ms: int, number: int) -> None:
        """Take a number."""
        self._sums.add(at_ms, 1, number, number * number)

    def value(self, now_ms: int) -> float | None:
        """Return it; None below two numbers."""
        count, total, squares = self._sums.totals(now_ms)
        if count < 2 or total <= 0:
            return None
        return math.sqrt(count * squares - total * total) / total * _PERCENT


class Presence:
    """Share of time, percent."""

    __slots__ = ("_presence",)

    def __init__(self, window_ms: int, max_gap_ms: int) -> None:
        self._presence = RollingPresence(window_ms, max_gap_ms)

    @property
    def last_ms(self) -> int | None:
        """Time of the newest observation."""
        return self._presence.last_ms

    def add(self, at_ms: int, held: bool) -> None:
        """Observe."""
        self._presence.add(at_ms, held)

    def value(self, now_ms: int) -> float | None:
        """Return the share."""
        share = self._presence.value(now_ms)
        return None if share is None else share * _PERCENT


class Drawdown:
    """Largest fall from a peak, percent."""

    __slots__ = ("_drawdown",)

    def __init__(self, window_ms: int) -> None:
        self._drawdown = RollingDrawdown(window_ms)

    @property
    def last_ms(self) -> int | None:
        """Time of the newest value."""
        return self._drawdown.last_ms

    def add(self, at_ms: int, number: int) -> None:
        """Take a portfolio value."""
        self._drawdown.add(at_ms, number)

    def value(self, now_ms: int) -> float | None:
        """Return the fall."""
        fall = self._drawdown.value(now_ms)
        return None if fall is None else fall * _PERCENT


class Turnover:
    """Volume over mean inventory, per day watched. Unknown until an hour was watched: less says nothing of a day."""

    __slots__ = ("_at_ms", "_inventory", "_sums")

    def __init__(self, window_ms: int) -> None:
        self._sums = RollingSums(window_ms, 3)
        self._at_ms: int | None = None
        self._inventory = 0

    @property
    def last_ms(self) -> int | None:
        """Time of the newest look at the inventory."""
        return self._at_ms

    def traded(self, at_ms: int, value_usd_e6: int) -> None:
        """Count volume."""
        self._sums.add(at_ms, value_usd_e6, 0, 0)

    def held(self, at_ms: int, inventory_usd_e6: int) -> None:
        """Say what the inventory is worth from now on. The stretch before counts where it ends."""
        if self._at_ms is not None:
            if at_ms < self._at_ms:
                return
            passed_ms = at_ms - self._at_ms
            self._sums.add(at_ms, 0, self._inventory * passed_ms, passed_ms)
        self._at_ms, self._inventory = at_ms, inventory_usd_e6

    def value(self, now_ms: int) -> float | None:
        """Return ``volume / (inventory x time / time) / (time / day)``."""
        volume, inventory_ms, watched_ms = self._sums.totals(now_ms)
        if watched_ms < _HOUR_MS or inventory_ms <= 0:
            return None
        return volume / inventory_ms * _DAY_MS
