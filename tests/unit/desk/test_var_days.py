"""One forecast a day through restarts, and what its positions brought by the first prices behind the day's end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.desk.backtest_ledger import DAY_MS, LATE_MS, Holding, var_days
from pmm.desk.performance_ledger import PerformanceLedger
from pmm.desk.var_days import VarDays, realised_usd_e6
from pmm.domain import USDC, WETH, Address
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import PositionValued
from pmm.risk.tail import TailRisk
from pmm.risk.valuation import Valuation
from tests.helpers.postgres import Postgres
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import TOKENS, USD

FIRST = 20_000
MIDNIGHT = FIRST * DAY_MS


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    where: Path | str = tmp_path / "ledger.sqlite"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        where = server.new_schema()
    found = open_ledger(where, chain_id=1, maker=MAKER)
    yield found
    found.close()


class Site:
    """The days of one desk; ``sees`` is a turn, ``values`` what its valuation found."""

    def __init__(self, ledger: Ledger) -> None:
        self.events = DeskEvents()
        self.days = VarDays(ledger, self.events.risk, tokens=TOKENS)

    def values(self, at_ms: int, weth_usd: int = 3_000, *, var: float = 7_000.0, long: int = 120_000) -> None:
        held = self.days.held([position("WETH", long), position("USDC", 80_000)], prices(weth_usd))
        tails = {"monte_carlo": TailRisk(value_at_risk_usd=var, expected_shortfall_usd=var * 1.2)}
        self.days.forecast(
            Valuation(at_ms=at_ms, capital_usd=200_000.0, tails=tails, stressed=()),
            held,
        )

    def metric(self, name: str, **labels: str) -> float | None:
        return self.events.registry.get_sample_value(name, labels)


def position(asset: str, usd: int) -> PositionValued:
    long, short = max(usd, 0) * USD, max(-usd, 0) * USD
    return PositionValued(0, asset, asset == "USDC", long, short, long, long, 0, 0, 0, 0)


def prices(weth_usd: int) -> dict[Address, int]:
    return {WETH.address: weth_usd * 10**18, USDC.address: 10**30}


def test_day__forecast_and_end__brings_what_the_positions_of_its_start_gained(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT + 5)
    # Neither a later valuation nor a trade of that day changes what was promised.
    site.values(MIDNIGHT + 9_000, 3_300, var=1.0, long=0)
    site.days.end(prices(2_700), MIDNIGHT + DAY_MS - 1)
    (kept,) = var_days(ledger)
    assert (kept.closed, kept.realised_usd, kept.whole) == (False, None, True)
    site.days.end(prices(2_700), MIDNIGHT + DAY_MS)
    (kept,) = var_days(ledger)
    assert (kept.day, kept.capital_usd, kept.realised_usd) == (FIRST, 200_000.0, -12_000.0)
    assert kept.forecasts["monte_carlo"].var_usd == 7_000.0
    assert kept.exceeded("monte_carlo")
    assert site.metric("pmm_var_exceedances_total") == 1
    assert site.metric("pmm_risk_loss_usd", method="realised", measure="pnl") == -12_000
    assert site.metric("pmm_var_backtest", method="monte_carlo", count="days") == 1
    assert site.metric("pmm_var_backtest", method="monte_carlo", count="exceptions") == 1
    # One day is no verdict.
    assert site.metric("pmm_var_backtest_zone", method="monte_carlo") is None


def test_day__short_position__gains_where_the_price_falls(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT, long=-60_000)
    site.days.end(prices(2_700), MIDNIGHT + DAY_MS)
    assert var_days(ledger)[0].realised_usd == 6_000.0
    assert site.metric("pmm_var_exceedances_total") == 0


def test_day__restart_in_the_middle__ends_as_if_there_had_been_none(ledger: Ledger) -> None:
    Site(ledger).values(MIDNIGHT + 5)
    again = Site(ledger)
    again.values(MIDNIGHT + 7_000, 3_300, var=1.0)
    again.days.end(prices(2_700), MIDNIGHT + DAY_MS + 1)
    (kept,) = var_days(ledger)
    assert (kept.realised_usd, kept.forecasts["monte_carlo"].var_usd) == (-12_000.0, 7_000.0)
    # And a third one tells the record, and counts no exception twice.
    third = Site(ledger)
    assert third.metric("pmm_var_backtest", method="monte_carlo", count="exceptions") == 1
    assert third.metric("pmm_var_exceedances_total") == 0


def test_day__nobody_saw_its_end__is_lost_and_does_not_count(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT)
    site.days.end(prices(1_000), MIDNIGHT + DAY_MS + LATE_MS + 1)
    (kept,) = var_days(ledger)
    assert (kept.closed, kept.realised_usd, kept.counts) == (True, None, False)
    assert site.metric("pmm_var_exceedances_total") == 0
    site.values(MIDNIGHT + DAY_MS + LATE_MS + 2)
    assert [one.day for one in var_days(ledger)] == [FIRST, FIRST + 1]


def test_day__price_missing_at_its_end__waits_for_it(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT)
    site.days.end({USDC.address: 10**30}, MIDNIGHT + DAY_MS)
    assert not var_days(ledger)[0].closed
    # The next day's forecast does not step over it.
    site.values(MIDNIGHT + DAY_MS + 1)
    assert len(var_days(ledger)) == 1
    site.days.end(prices(3_030), MIDNIGHT + DAY_MS + 60_000)
    assert var_days(ledger)[0].realised_usd == 1_200.0


def test_day__forecast_after_its_first_hour__is_kept_and_is_no_exception(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT + LATE_MS + 1)
    site.days.end(prices(1_000), MIDNIGHT + DAY_MS)
    (kept,) = var_days(ledger)
    assert kept.realised_usd == -80_000.0
    assert not kept.counts
    assert site.metric("pmm_var_exceedances_total") == 0
    assert site.metric("pmm_var_backtest", method="monte_carlo", count="days") == 0


def test_day__valuation_asked_before_midnight_and_told_behind_it__is_of_no_other_day(ledger: Ledger) -> None:
    site = Site(ledger)
    site.values(MIDNIGHT)
    site.days.end(prices(3_000), MIDNIGHT + DAY_MS)
    site.values(MIDNIGHT + DAY_MS - 1, var=1.0)
    (kept,) = var_days(ledger)
    assert kept.closed
    assert kept.forecasts["monte_carlo"].var_usd == 7_000.0


def test_day__value_at_risk_unknown__has_no_forecast(ledger: Ledger) -> None:
    site = Site(ledger)
    unknown = Valuation(
        at_ms=MIDNIGHT, capital_usd=1.0, tails={}, stressed=(), needs=3, why="needs 3 more prices"
    )
    site.days.forecast(unknown, {})
    assert var_days(ledger) == ()
    site.days.forecast(
        replace(unknown, tails={"monte_carlo": TailRisk(value_at_risk_usd=1, expected_shortfall_usd=1)}), {}
    )
    assert len(var_days(ledger)) == 1


@given(
    net=st.integers(-(10**15), 10**15).filter(bool),
    first=st.integers(1, 10**40),
    last=st.integers(1, 10**40),
)
def test_realised__any_prices__is_the_share_rounded_down(net: int, first: int, last: int) -> None:
    found = realised_usd_e6({WETH.address: Holding(net_usd_e6=net, usd_e36=first)}, {WETH.address: last})
    assert found is not None
    assert found * first <= net * (last - first) < (found + 1) * first


def test_prices__of_whole_hours_before_a_time__are_thinned_to_the_first(ledger: Ledger) -> None:
    rows, minute_ms = PerformanceLedger(ledger), 60_000
    for minute in range(0, 600, 20):
        rows.put_prices(
            minute * minute_ms,
            {WETH.address: 5},
            thin_before_ms=(minute - 200) * minute_ms,
            forget_before_ms=(minute - 540) * minute_ms,
        )
    kept = [at_ms // minute_ms for at_ms, _ in rows.prices(most=99)]
    assert kept == [60, 120, 180, 240, 300, *range(360, 600, 20)]
