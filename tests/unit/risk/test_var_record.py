"""Days against their forecasts: what counts, what is exceeded, and when there is a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.risk.backtests import backtest
from pmm.risk.var_record import Forecast, VarDay, Zone, judge, traffic_light

ALLOWED = Forecast(var_usd=100.0, shortfall_usd=120.0)


def var_day(number: int, realised: float | None, *, whole: bool = True, **methods: Forecast) -> VarDay:
    return VarDay(
        day=number,
        capital_usd=10_000.0,
        forecasts=methods or {"monte_carlo": ALLOWED},
        realised_usd=realised,
        closed=realised is not None,
        whole=whole,
    )


# Basel Committee (1996), table 2: green to 4, yellow 5 to 9, red from 10.
@pytest.mark.parametrize(
    ("exceptions", "zone"),
    [(0, Zone.GREEN), (4, Zone.GREEN), (5, Zone.YELLOW), (9, Zone.YELLOW), (10, Zone.RED), (250, Zone.RED)],
)
def test_traffic_light__published_table__is_met(exceptions: int, zone: Zone) -> None:
    assert traffic_light(exceptions) is zone


@pytest.mark.parametrize(("realised", "beyond"), [(-100.0, False), (-100.000001, True), (150.0, False)])
def test_exceeded__on_the_line__is_kept(realised: float, beyond: bool) -> None:
    assert var_day(1, realised).exceeded("monte_carlo") is beyond


def test_judge__too_few_days__says_how_many_and_nothing_else() -> None:
    (found,) = judge([var_day(number, -200.0 if number == 3 else 1.0) for number in range(12)])
    assert (found.days, found.exceptions, found.zone, found.tests) == (12, 1, None, None)
    assert found.sentence == "12 of 250 days, 1 exception: no verdict"


def test_judge__day_that_is_open_lost_or_began_late__does_not_count() -> None:
    days = [var_day(1, None), var_day(2, -900.0, whole=False), var_day(3, -900.0)]
    (found,) = judge(days)
    assert (found.days, found.exceptions) == (1, 1)


def test_judge__250_days__is_the_three_tests_and_a_zone() -> None:
    days = [var_day(number, -200.0 if number % 50 == 0 else 1.0) for number in range(260)]
    (found,) = judge(days)
    # The ten oldest are no part of it, among them day 0.
    assert (found.days, found.exceptions, found.zone) == (250, 5, Zone.YELLOW)
    assert found.tests == backtest([number % 50 == 0 for number in range(10, 260)])
    assert found.sentence.startswith("5 exceptions in 250 days: yellow; p 0.162 Kupiec")


def test_judge__method_that_joined_later__has_its_own_days() -> None:
    wide = Forecast(var_usd=500.0, shortfall_usd=600.0)
    days = [var_day(1, -200.0), var_day(2, -200.0, monte_carlo=ALLOWED, historical=wide)]
    assert [(one.method, one.days, one.exceptions) for one in judge(days)] == [
        ("historical", 1, 0),
        ("monte_carlo", 2, 2),
    ]
    assert judge([]) == ()


@given(losses=st.lists(st.one_of(st.none(), st.floats(-300, 300)), max_size=300))
def test_judge__any_record__counts_what_a_plain_loop_counts(losses: list[float | None]) -> None:
    days = [var_day(number, realised) for number, realised in enumerate(losses)]
    kept = [one for one in losses if one is not None][-250:]
    for found in judge(days):
        assert (found.days, found.exceptions) == (len(kept), sum(one < -100 for one in kept))
        assert (found.zone is None) == (len(kept) < 250)
