"""Tick maps: prices at ticks, the walk across them, and what the pool never gives away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.tick_map import PairReserves, TickMap
from pmm.pricing.tick_math import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick_x96,
    tick_at_sqrt_ratio,
)
from tests.helpers.recorded_ticks import recorded_pool, recorded_pools

# Ticks around a price of one, in the neighbouring word too, with a hole in between.
_TICKS = (-3_000, -600, -60, 60, 600, 16_000)
_NET = (10**18, 5 * 10**18, 10**20, -(10**20), -5 * 10**18, -(10**18))
_MAP = TickMap(
    sqrt_x96=1 << 96,
    tick=0,
    liquidity=10**18 + 5 * 10**18 + 10**20,
    fee_pips=3_000,
    tick_spacing=60,
    ticks=tuple(tick - tick % 60 for tick in _TICKS),
    net_liquidity=_NET,
)


@pytest.mark.parametrize(
    ("tick", "sqrt_x96"),
    [
        (MIN_TICK, MIN_SQRT_RATIO),
        (MAX_TICK, MAX_SQRT_RATIO),
        # Vectors of Uniswap/v3-core test/TickMath.spec.ts.
        (0, 1 << 96),
        (50, 79426470787362580746886972461),
        (-50, 79030349367926598376800521322),
        (250_000, 21246587762933397357449903968194344),
        (-250_000, 295440463448801648376846),
        (738_203, 847134979253254120489401328389043031315994541),
    ],
)
def test_sqrt_ratio_at_tick__vector__is_met(tick: int, sqrt_x96: int) -> None:
    assert sqrt_ratio_at_tick_x96(tick) == sqrt_x96


def test_sqrt_ratio_at_tick__recorded_ticks_of_mainnet__are_met() -> None:
    pools = recorded_pools()
    assert sum(len(pool.state.ticks) for pool in pools) > 4_000
    for pool in pools:
        assert tuple(map(sqrt_ratio_at_tick_x96, pool.state.ticks)) == pool.sqrt_prices


@given(st.integers(min_value=MIN_TICK, max_value=MAX_TICK - 1))
def test_tick_at_sqrt_ratio__price_of_a_tick__is_that_tick(tick: int) -> None:
    sqrt_x96 = sqrt_ratio_at_tick_x96(tick)
    assert tick_at_sqrt_ratio(sqrt_x96) == tick
    if tick > MIN_TICK:
        assert tick_at_sqrt_ratio(sqrt_x96 - 1) == tick - 1


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_sqrt_ratio_at_tick__beyond_the_range__is_refused(tick: int) -> None:
    with pytest.raises(InvalidInput, match="expected -887272"):
        sqrt_ratio_at_tick_x96(tick)


def test_recorded_pools__net_liquidity__sums_to_zero_and_to_the_pools_own() -> None:
    for pool in recorded_pools():
        state = pool.state
        assert sum(state.net_liquidity) == 0
        below = sum(
            net for tick, net in zip(state.ticks, state.net_liquidity, strict=True) if tick <= state.tick
        )
        assert below == state.liquidity


# Each stop of the pool's loop rounds once, so the two ways may differ by a unit per stop.
_STOPS = 16


@given(st.integers(min_value=1, max_value=10**17), st.booleans())
def test_out_for_in__asked_the_other_way__is_the_same_but_for_rounding(amount: int, down: bool) -> None:
    out = _MAP.out_for_in(amount, zero_for_one=down)
    assert out is not None
    if out:
        asked = _MAP.in_for_out(out, zero_for_one=down)
        assert asked is not None
        assert asked <= amount + _STOPS
        again = _MAP.out_for_in(asked + _STOPS, zero_for_one=down)
        assert again is not None
        assert again >= out


@given(st.integers(min_value=1, max_value=10**17), st.integers(min_value=1, max_value=10**17), st.booleans())
def test_out_for_in__more_in__pays_no_less(amount: int, more: int, down: bool) -> None:
    first = _MAP.out_for_in(amount, zero_for_one=down)
    second = _MAP.out_for_in(amount + more, zero_for_one=down)
    assert first is not None
    assert second is not None
    assert first <= second


@given(
    st.lists(st.integers(min_value=1, max_value=10**20), min_size=1, max_size=8, unique=True), st.booleans()
)
def test_depth__rising_amounts__are_those_of_single_swaps(amounts: list[int], down: bool) -> None:
    curve = _MAP.depth(sorted(amounts), zero_for_one=down)
    single = {amount: _MAP.out_for_in(amount, zero_for_one=down) for amount in amounts}
    for amount, out in curve.knots if curve else ():
        assert single[amount] == out


def test_out_for_in__beyond_the_known_ticks__is_none() -> None:
    known = replace(_MAP, lowest_tick=-600, highest_tick=600)
    for down in (True, False):
        assert known.out_for_in(10**15, zero_for_one=down) == _MAP.out_for_in(10**15, zero_for_one=down)
        assert known.out_for_in(10**21, zero_for_one=down) is None
        assert known.in_for_out(10**21, zero_for_one=down) is None


def test_out_for_in__more_than_all_liquidity__is_none_at_the_end_of_prices() -> None:
    assert _MAP.out_for_in(10**60, zero_for_one=True) is None
    assert _MAP.in_for_out(10**60, zero_for_one=False) is None


@pytest.mark.parametrize("ticks", [(60, 0), (0, 0), (1, 60)])
def test_tick_map__ticks_out_of_order_or_off_the_grid__are_refused(ticks: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="multiples of 60"):
        replace(_MAP, ticks=ticks, net_liquidity=(1, -1))


def test_depth__recorded_pool__is_concave_and_beyond_one_tick() -> None:
    state = recorded_pool("USDC", "WETH", 500).state
    curve = state.depth([10**k * 10**18 for k in range(4)], zero_for_one=False)
    assert curve is not None
    assert len(curve.knots) == 4
    prices = [step.amount_out * 10**18 // step.amount_in for step in curve.steps]
    assert prices == sorted(prices, reverse=True)
    assert 2_600 * 10**6 < prices[0] < 2_800 * 10**6


@given(
    st.integers(min_value=10**6, max_value=10**30),
    st.integers(min_value=10**6, max_value=10**30),
    st.integers(min_value=1, max_value=10**30),
)
def test_pair_reserves__out_and_back__never_gives_more_than_was_paid(
    reserve_in: int, reserve_out: int, amount: int
) -> None:
    pair = PairReserves(reserve_in=reserve_in, reserve_out=reserve_out)
    out = pair.out_for_in(amount)
    asked = pair.in_for_out(out) if out else 0
    assert asked is not None
    # UniswapV2Library adds one to the quotient, exact or not.
    assert asked <= amount + 1
    # The constant product never falls.
    assert (reserve_in * 1_000 + amount * 997) * (reserve_out - out) >= reserve_in * reserve_out * 1_000


def test_pair_reserves__whole_reserve__is_none() -> None:
    assert PairReserves(reserve_in=1, reserve_out=5).in_for_out(5) is None
