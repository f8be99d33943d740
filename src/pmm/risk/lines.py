"""Where a metric is good, where it warns and where it is critical."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from pmm.errors import InvalidInput


class Better(StrEnum):
    """Which way a metric is better: up, down, or close to its target."""

    HIGHER = "higher"
    LOWER = "lower"
    NEAR = "near"


class Level(IntEnum):
    """What a value says now, before any hysteresis; greater is worse."""

    GOOD = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A value held against its line.

    Attributes:
        level: of the value; an unknown value warns.
        known: there was a value, and it was fresh.
        clear_of_warning: known and better than the warning line by the margin.
        clear_of_critical: known and better than the critical line by the margin.
    """

    level: Level
    known: bool
    clear_of_warning: bool
    clear_of_critical: bool


UNKNOWN: Final = Assessment(level=Level.WARNING, known=False, clear_of_warning=False, clear_of_critical=False)
"""No data or a stale source: a warning, and never clear of anything."""
_WARNED: Final = Assessment(level=Level.WARNING, known=True, clear_of_warning=False, clear_of_critical=False)
_CALMING: Final = Assessment(level=Level.WARNING, known=True, clear_of_warning=False, clear_of_critical=True)
_ALMOST: Final = Assessment(level=Level.GOOD, known=True, clear_of_warning=False, clear_of_critical=True)
_CLOSE: Final = Assessment(level=Level.GOOD, known=True, clear_of_warning=False, clear_of_critical=False)
_CLEAR: Final = Assessment(level=Level.GOOD, known=True, clear_of_warning=True, clear_of_critical=True)
_CRITICAL: Final = Assessment(
    level=Level.CRITICAL, known=True, clear_of_warning=False, clear_of_critical=False
)


@dataclass(frozen=True, slots=True)
class Line:
    """Target, warning and critical line in the metric's unit.

    A value warns beyond the warning line, not on it. For :attr:`Better.NEAR` warning and critical are distances from
    the target. An infinite critical line is never crossed. Raises InvalidInput when the three are not in order.
    """

    better: Better
    target: float
    warning: float
    critical: float

    def __post_init__(self) -> None:
        badness = [self._badness(self.target), self._bad(self.warning), self._bad(self.critical)]
        if any(math.isnan(one) for one in badness) or badness != sorted(badness):
            raise InvalidInput(
                f"line: expected target, warning, critical from good to bad ({self.better.value} is better), found "
                f"{self.target}, {self.warning}, {self.critical}"
            )

    def judge(self, value: float | None, margin: float) -> Assessment:
        """Hold a value against the line; None and NaN are unknown.

        ``margin`` is how far towards the next better line a value must be to count as clear, as a share of the way.
        """
        if value is None or value != value:
            return UNKNOWN
        bad, warning, critical = self._badness(value), self._bad(self.warning), self._bad(self.critical)
        if bad > critical:
            return _CRITICAL
        calm = _clear(bad, critical, warning, margin)
        if bad > warning:
            return _CALMING if calm else _WARNED
        if calm and _clear(bad, warning, self._badness(self.target), margin):
            return _CLEAR
        return _ALMOST if calm else _CLOSE

    def _badness(self, value: float) -> float:
        if self.better is Better.LOWER:
            return value
        return -value if self.better is Better.HIGHER else abs(value - self.target)

    def _bad(self, line: float) -> float:
        return -line if self.better is Better.HIGHER else line


def _clear(bad: float, line: float, better: float, margin: float) -> bool:
    return True if math.isinf(line) else bad <= line - margin * (line - better)
