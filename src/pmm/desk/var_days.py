"""Keeps one forecast of value at risk per UTC day, and what its positions brought until the day's end.

Positions are held as they were: what was traded meanwhile, and fees and interest, are no part of it (Basel's
hypothetical profit and loss, MAR32.5 of the Basel Framework). A restart goes on with the ledger's rows. Until they
are 250, days of a price history stand before them, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pmm.desk.backtest_ledger import (
    DAY_MS,
    LATE_MS,
    Holding,
    open_day,
    own_days,
    put_day,
    put_end,
    put_replay,
    var_days,
)
from pmm.domain import Address, Token
from pmm.ledger import Ledger
from pmm.monitoring.desk import RiskEvents
from pmm.risk.events import PositionValued
from pmm.risk.valuation import METHODS, Valuation
from pmm.risk.var_record import DAYS_FOR_A_VERDICT, VarDay, judge

Held = dict[Address, Holding]


class VarDays:
    """One thread. Raises SetupError while the ledger is down; what was not written is tried again."""

    def __init__(self, ledger: Ledger, events: RiskEvents, *, tokens: Iterable[Token]) -> None:
        self._ledger, self._events = ledger, events
        self._addresses = {one.symbol: one.address for one in tokens}
        days = own_days(ledger)
        self._last = days[-1].day if days else -1
        self._open = open_day(ledger)
        self.wants_history = sum(one.counts for one in days) < DAYS_FOR_A_VERDICT
        """Whether too few days are there for a verdict."""
        self._judge()

    def held(self, positions: Sequence[PositionValued], usd_e36: Mapping[Address, int]) -> Held:
        """Return what a forecast of this moment is about."""
        found: Held = {}
        for one in positions:
            asset, net = self._addresses[one.asset], one.lasting_usd_e6
            if net:
                found[asset] = Holding(net_usd_e6=net, usd_e36=usd_e36[asset])
        return found

    def forecast(self, valuation: Valuation, held: Held) -> None:
        """Keep a day's first forecast; without value at risk there is none yet."""
        day = valuation.at_ms // DAY_MS
        if day <= self._last or self._open is not None or not valuation.tails:
            return
        with self._ledger.transaction() as transaction:
            put_day(
                transaction,
                day,
                valuation.at_ms,
                round(valuation.capital_usd * 1e6),
                valuation.tails,
                held,
            )
        self._last, self._open = day, (day, held)

    def end(self, usd_e36: Mapping[Address, int], now_ms: int) -> None:
        """Close a day that is over, by the first prices behind its end; without them within an hour it is lost."""
        if self._open is None or now_ms < (self._open[0] + 1) * DAY_MS:
            return
        day, held = self._open
        late = now_ms > (day + 1) * DAY_MS + LATE_MS
        realised = None if late else realised_usd_e6(held, usd_e36)
        if realised is None and not late:
            return
        with self._ledger.transaction() as transaction:
            put_end(transaction, day, now_ms, realised)
        self._open = None
        self._judge(ended=day)

    def replayed(self, days: Sequence[VarDay]) -> None:
        """Keep what a price history says, in place of what an earlier one said."""
        with self._ledger.transaction() as transaction:
            put_replay(transaction, days)
        self._judge()

    # ---------------------------------------------------------------------------------------------- internal

    def _judge(self, ended: int | None = None) -> None:
        days = var_days(self._ledger)
        found = judge(days)
        for method in METHODS - {one.method for one in found}:
            self._events.var_judged(method=method, days=0, exceptions=0, zone=None, p_values={})
        for verdict in found:
            tests = verdict.tests
            self._events.var_judged(
                method=verdict.method,
                days=verdict.days,
                replayed=verdict.replayed,
                exceptions=verdict.exceptions,
                zone=verdict.zone.value if verdict.zone else None,
                p_values={}
                if tests is None
                else {
                    "kupiec": tests.kupiec.p_value,
                    "independence": tests.independence.p_value,
                    "conditional_coverage": tests.conditional_coverage.p_value,
                },
            )
        over = [one.realised_usd for one in days if one.realised_usd is not None]
        if ended is None and over:
            self._events.last_day(pnl_usd=over[-1])
        for one in days:
            if one.day == ended and one.realised_usd is not None and "monte_carlo" in one.forecasts:
                self._events.loss_realised(
                    pnl_usd=one.realised_usd, var_usd=one.forecasts["monte_carlo"].var_usd, counts=one.counts
                )


def realised_usd_e6(held: Mapping[Address, Holding], usd_e36: Mapping[Address, int]) -> int | None:
    """Return what positions gained by their prices, rounded down; None where one of them has no price."""
    if any(usd_e36.get(asset, 0) <= 0 for asset in held):
        return None
    return sum(one.net_usd_e6 * (usd_e36[asset] - one.usd_e36) // one.usd_e36 for asset, one in held.items())
