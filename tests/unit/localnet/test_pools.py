"""Price arithmetic of the pools."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.localnet.feeds import START_PRICES_USD, to_answer
from pmm.localnet.pools import (
    POOLS,
    Q96,
    Pool,
    Range,
    Version,
    amounts_for_liquidity_up,
    liquidity_of,
    price_ratio,
    sqrt_price_at_tick_x96,
    sqrt_price_x96,
    tick_bounds,
    v4_pool_id,
)
from pmm.localnet.protocols.uniswap_v2 import amount_out, amount_to_ratio

ANSWERS = {asset: to_answer(price) for asset, price in START_PRICES_USD.items()}
USDC_WETH = POOLS[0]


def test_pools__usdc_weth__has_usdc_first_as_on_mainnet() -> None:
    assert USDC_WETH.sorted_symbols == ("USDC", "WETH")
    assert USDC_WETH.assets == ("USDC", "ETH")
    assert USDC_WETH.name == "V3 USDC/WETH 0.05 %"


def test_sqrt_price_x96__golden_values__match_the_tick_math_library() -> None:
    # From TickMath: the first is exact, the others are its bounds.
    assert sqrt_price_at_tick_x96(0) == Q96
    assert abs(sqrt_price_at_tick_x96(-887_272) - 4_295_128_739) <= 1
    highest = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
    assert abs(sqrt_price_at_tick_x96(887_272) - highest) * 10**18 < highest


def test_price_ratio__usdc_weth__is_wei_per_base_unit() -> None:
    numerator, denominator = price_ratio(USDC_WETH, ANSWERS)
    wei_per_usdc_unit = Decimal(numerator) / Decimal(denominator)
    expected = START_PRICES_USD["USDC"] * 10**12 / START_PRICES_USD["ETH"]
    assert abs(wei_per_usdc_unit / expected - 1) < Decimal("1e-20")


@given(st.integers(1, 10**30), st.integers(1, 10**30))
def test_sqrt_price_x96__any_ratio__squares_back_from_below(numerator: int, denominator: int) -> None:
    root = sqrt_price_x96((numerator, denominator))
    assert root**2 <= (numerator << 192) // denominator < (root + 1) ** 2


@pytest.mark.parametrize("pool", POOLS, ids=lambda p: p.name)
def test_liquidity_of__each_pool__has_the_stated_virtual_reserves(pool: Pool) -> None:
    root = sqrt_price_x96(price_ratio(pool, ANSWERS))
    symbol = pool.sorted_symbols[0]
    decimals = {"USDC": 6, "USDT": 6, "WBTC": 8}.get(symbol, 18)
    virtual0 = Decimal(liquidity_of(pool, ANSWERS)) * Q96 / root
    usd = virtual0 * ANSWERS[pool.assets[0]] / Decimal(10) ** (8 + decimals)
    assert abs(usd / pool.depth_usd - 1) < Decimal("1e-6")


@pytest.mark.parametrize("pool", POOLS, ids=lambda p: p.name)
def test_ranges__each_pool__share_out_everything(pool: Pool) -> None:
    assert sum(span.share_pct for span in pool.ranges) == 100
    assert pool.ranges[-1].ticks is None


@given(st.integers(-300_000, 300_000), st.sampled_from([100, 500, 3_000, 10_000]), st.integers(1, 9_000))
def test_tick_bounds__any_tick__are_spaced_and_enclose_it(tick: int, fee_pips: int, ticks: int) -> None:
    pool = Pool(version=Version.V3, symbols=("USDC", "WETH"), fee_pips=fee_pips, depth_usd=1)
    low, high = tick_bounds(pool, Range(share_pct=100, ticks=ticks), tick)
    assert low % pool.tick_spacing == high % pool.tick_spacing == 0
    assert low <= tick - ticks < tick + ticks <= high


@given(st.integers(10**6, 10**24), st.integers(-200_000, 200_000), st.integers(10, 6_000))
def test_amounts_for_liquidity_up__price_in_the_middle__suffice(
    liquidity: int, tick: int, ticks: int
) -> None:
    bounds = (tick - ticks, tick + ticks)
    price = sqrt_price_at_tick_x96(tick)
    amount0, amount1 = amounts_for_liquidity_up(liquidity, price, bounds)
    low, high = (sqrt_price_at_tick_x96(bound) for bound in bounds)
    assert amount0 * high * price >= liquidity * Q96 * (high - price)
    assert amount1 * Q96 >= liquidity * (price - low)


def test_v4_pool_id__eth_usdc__is_the_id_of_mainnets_pool() -> None:
    pool = next(p for p in POOLS if p.version == Version.V4 and p.fee_pips == 500)
    assert v4_pool_id(pool).hex() == "21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27"


@given(st.integers(10**6, 10**26), st.integers(10**6, 10**26), st.integers(1, 400))
def test_amount_to_ratio__lower_target__lands_on_it(reserve_in: int, reserve_out: int, fall_bps: int) -> None:
    target = (reserve_out * (10_000 - fall_bps), reserve_in * 10_000)
    amount = amount_to_ratio(reserve_in, reserve_out, target)
    paid_out = amount * 997 * reserve_out // (reserve_in * 1_000 + amount * 997)
    found = Decimal(reserve_out - paid_out) / Decimal(reserve_in + amount)
    wanted = Decimal(target[0]) / Decimal(target[1])
    assert abs(found / wanted - 1) < Decimal("1e-5")


def test_amount_out__of_the_library__is_rounded_down_and_nothing_for_dust() -> None:
    # 997 * 10**6 / (1000 * 10**3 + 997) = 996.006..., and 900 units of 18 decimals buy no unit of a dear token.
    assert amount_out(1, 1_000, 10**6) == 996
    assert amount_out(900, 3_000 * 10**18, 10**18) == 0


def test_amount_to_ratio__target_not_below__is_nothing() -> None:
    assert amount_to_ratio(1_000_000, 1_000_000, (11, 10)) == 0
    assert amount_to_ratio(1_000_000, 1_000_000, (1, 1)) == 0
