"""Days of value at risk against what they brought, and the verdict on a method. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pmm.risk.backtests import Backtest, backtest

DAYS_FOR_A_VERDICT: Final = 250
"""A year of trading days: the sample of the traffic light."""
_GREEN_BELOW: Final = 5
_RED_FROM: Final = 10


class Zone(StrEnum):
    """How many exceptions 250 days had at 99 %.

    0 to 4, 5 to 9, and more (Basel Committee, "Supervisory framework for the use of backtesting in conjunction with
    the internal models approach to market risk capital requirements", 1996, table 2).
    """

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What one method said of a day at its start: 99 %, one day, US dollars, as positive losses."""

    var_usd: float
    shortfall_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VarDay:
    """One UTC day.

    Attributes:
        day: number of days since 1970-01-01.
        capital_usd: that bore the loss.
        forecasts: by method.
        realised_usd: what the positions of the forecast brought until the day's end, held as they were; None while
            the day is open, and for ever where nobody saw its end.
        closed: whether the day is over.
        whole: whether the forecast was there as the day began; else it is shown, and proves nothing.
        replayed: whether it is a day of a price history, met by a later book (``pmm.risk.var_replay``).
    """

    day: int
    capital_usd: float
    forecasts: Mapping[str, Forecast]
    realised_usd: float | None
    closed: bool
    whole: bool
    replayed: bool = False

    @property
    def counts(self) -> bool:
        """Whether the backtest may use it."""
        return self.whole and self.realised_usd is not None

    def exceeded(self, method: str) -> bool:
        """Tell whether the day lost more than a method allowed."""
        return self.realised_usd is not None and -self.realised_usd > self.forecasts[method].var_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class VarVerdict:
    """What the newest 250 days say of a method, ``replayed`` of them from a price history.

    ``zone`` and ``tests`` are None where there are fewer.
    """

    method: str
    days: int
    replayed: int
    exceptions: int
    zone: Zone | None
    tests: Backtest | None

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        found = f"{self.exceptions} exceptions" if self.exceptions != 1 else "1 exception"
        replayed = f", {self.replayed} of them replayed" if self.replayed else ""
        if self.zone is None or self.tests is None:
            return f"{self.days} of {DAYS_FOR_A_VERDICT} days{replayed}, {found}: no verdict"
        return (
            f"{found} in {self.days} days{replayed}: {self.zone.value}; p {self.tests.kupiec.p_value:.3f} Kupiec, "
            f"{self.tests.independence.p_value:.3f} independence, "
            f"{self.tests.conditional_coverage.p_value:.3f} both"
        )


def judge(days: Sequence[VarDay]) -> tuple[VarVerdict, ...]:
    """Judge every method that said something of a day, by name; ``days`` in their order."""
    methods = sorted({method for one in days for method in one.forecasts})
    return tuple(_judge(method, days) for method in methods)


def traffic_light(exceptions: int) -> Zone:
    """Return the zone of a number of exceptions in 250 days at 99 %."""
    if exceptions < _GREEN_BELOW:
        return Zone.GREEN
    return Zone.YELLOW if exceptions < _RED_FROM else Zone.RED


def _judge(method: str, days: Sequence[VarDay]) -> VarVerdict:
    counted = [one for one in days if one.counts and method in one.forecasts][-DAYS_FOR_A_VERDICT:]
    hits = [one.exceeded(method) for one in counted]
    enough = len(hits) >= DAYS_FOR_A_VERDICT
    return VarVerdict(
        method=method,
        days=len(hits),
        replayed=sum(one.replayed for one in counted),
        exceptions=sum(hits),
        zone=traffic_light(sum(hits)) if enough else None,
        tests=backtest(hits) if enough else None,
    )
