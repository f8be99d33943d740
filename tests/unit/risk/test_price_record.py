"""Prices seen: thinned, taken whole, and scaled to a day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.risk.price_record import DAY_MS, HOUR_MS, MOST_HOURS, PriceRecord

MINUTE_MS = 60_000


def record(least: int = 3, most: int = 100) -> PriceRecord:
    return PriceRecord(("USDC", "WETH"), every_ms=MINUTE_MS, least=least, most=most)


def test_see__too_early_or_not_whole__is_left_out() -> None:
    found = record()
    assert found.see(0, {"WETH": 3_000.0, "USDC": 1.0})
    assert not found.see(MINUTE_MS - 1, {"WETH": 3_001.0, "USDC": 1.0})
    for bad in ({"WETH": 3_001.0}, {"WETH": 0.0, "USDC": 1.0}, {"WETH": math.inf, "USDC": 1.0}):
        assert not found.see(MINUTE_MS, bad)
    assert found.missing == 2


def test_day_returns__before_enough_prices__are_refused_and_never_zero() -> None:
    found = record()
    found.see(0, {"WETH": 3_000.0, "USDC": 1.0})
    with pytest.raises(InvalidInput, match="expected 3, found 1"):
        found.day_returns()


def test_day_returns__of_uneven_times__are_scaled_by_the_root_of_each() -> None:
    found = record()
    for at_ms, price in ((0, 3_000.0), (MINUTE_MS, 3_030.0), (5 * MINUTE_MS, 3_000.0)):
        found.see(at_ms, {"WETH": price, "USDC": 1.0})
    move = math.log(1.01)
    wanted = [move * math.sqrt(1_440), -move * math.sqrt(360)]
    assert found.day_returns()[:, 1] == pytest.approx(wanted)
    assert found.day_returns()[:, 0] == pytest.approx([0, 0])
    assert found.missing == 0


def test_still__price_that_never_moved__is_named() -> None:
    found = record()
    for turn in range(3):
        found.see(turn * MINUTE_MS, {"WETH": 3_000.0 + turn, "USDC": 1.0})
    assert found.still(("WETH", "USDC")) == ("USDC",)


def test_record__more_than_it_keeps__forgets_the_oldest() -> None:
    found = record(least=2, most=3)
    for turn in range(10):
        found.see(turn * MINUTE_MS, {"WETH": 3_000.0 + turn, "USDC": 1.0})
    assert len(found.day_returns()) == 2


@pytest.mark.parametrize(("every_ms", "least"), [(0, 3), (1, 1), (1, 101)])
def test_record__settings_that_cannot_be__are_refused(every_ms: int, least: int) -> None:
    with pytest.raises(InvalidInput):
        PriceRecord(("WETH",), every_ms=every_ms, least=least, most=100)


@given(
    st.lists(st.tuples(st.integers(MINUTE_MS, 10 * MINUTE_MS), st.floats(1.0, 1e6)), min_size=3, max_size=30)
)
def test_day_returns__any_prices__give_back_the_whole_move(seen: list[tuple[int, float]]) -> None:
    found, at_ms, times = PriceRecord(("A",), every_ms=MINUTE_MS, least=2), 0, []
    for pause_ms, price in seen:
        at_ms += pause_ms
        assert found.see(at_ms, {"A": price})
        times.append(at_ms)
    moves = found.day_returns()[:, 0] * np.sqrt(np.diff(times) / DAY_MS)
    assert moves.sum() == pytest.approx(math.log(seen[-1][1] / seen[0][1]), abs=1e-9)


def test_hour_returns__first_row_of_each_hour__is_kept_for_a_month_beside_the_newest_minutes() -> None:
    found = record(most=10)
    for minute in range(61 * 100):
        found.see(minute * MINUTE_MS, {"WETH": 3_000.0 + minute, "USDC": 1.0})
        if minute == 99 * 60 + 59:
            assert found.hour_returns() is None
    hours = found.hour_returns()
    assert hours is not None
    assert len(hours) == 101
    assert hours[0, 1] == pytest.approx(math.log(3_060 / 3_000) * math.sqrt(24))
    assert len(found.day_returns()) == 9
    for hour in range(102, 102 + 2 * MOST_HOURS):
        found.see(hour * HOUR_MS, {"WETH": 3_000.0, "USDC": 1.0})
    month = found.hour_returns()
    assert month is not None
    assert len(month) == MOST_HOURS - 1
    assert not month.any()
