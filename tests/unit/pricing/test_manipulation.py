"""Somebody moves small pools before asking: the price must not follow to our loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import DAI, USDC, WETH, Decision, Inventory, RefusalReason, Token
from pmm.pricing import (
    DepthCurve,
    DirectionTerms,
    FairValue,
    FairValueRules,
    MarketSnapshot,
    PairPolicy,
    PoolReading,
    fair_value,
    inventory_terms,
    price_exact_in,
)
from pmm.pricing.fixed_point import E36
from pmm.pricing.pool_depth import deep_pools
from tests.helpers.quoting import CHAIN_TIME_S, ETH_USD, feed, market, pool_reading

_RULES = FairValueRules()
_PAIR = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH)
_DIRECTIONS = ((WETH, USDC), (USDC, WETH))
# Seven WETH and 20,000 USDC.
_THIN = 7 * 10**18


def moved(*extra: tuple[int, int, int], honest: tuple[int, ...] = (500, 3_000)) -> MarketSnapshot:
    """Return the market with pools of (fee, price, WETH on its side) beside the honest ones."""
    pools: dict[tuple[str, str], tuple[PoolReading, ...]] = {}
    for taker, maker in _DIRECTIONS:
        pools[taker.address, maker.address] = (
            *(pool_reading(taker, maker, fee_pips=fee) for fee in honest),
            *(
                pool_reading(taker, maker, fee_pips=fee, eth_usd=price, depth_weth=depth)
                for fee, price, depth in extra
            ),
        )
    return market(pools=pools)


def _fair(snapshot: MarketSnapshot, taker: Token = WETH, maker: Token = USDC) -> FairValue | Decision:
    return fair_value(snapshot, maker_asset=maker, taker_asset=taker, rules=_RULES)


def _given(snapshot: MarketSnapshot, taker: Token, maker: Token, amount: int) -> int:
    inventories = {token.address: Inventory(token=token, balance=10**24) for token in (WETH, USDC)}
    terms = inventory_terms(snapshot, inventories, _PAIR, maker_asset=maker, taker_asset=taker)
    assert isinstance(terms, DirectionTerms), terms
    priced = price_exact_in(terms, amount)
    assert not isinstance(priced, Decision)
    return priced.making_amount


@pytest.mark.parametrize("off_bps", [-5_000, -158, -123, 123, 158, 5_000])
def test_fair_value__thin_pools_moved__does_not_move_and_is_not_stopped(off_bps: int) -> None:
    price = ETH_USD * (10_000 + off_bps) // 10_000
    honest = _fair(moved())
    found = _fair(moved((10_000, price, _THIN), (100, price, _THIN)))
    assert isinstance(honest, FairValue)
    assert isinstance(found, FairValue)
    assert found.rate_e36 == honest.rate_e36


@given(
    st.lists(
        st.tuples(
            st.sampled_from((100, 10_000)),
            st.integers(min_value=-150, max_value=150),
            st.integers(min_value=1, max_value=25_000),
        ),
        min_size=1,
        max_size=2,
        unique_by=lambda pool: pool[0],
    ),
    st.sampled_from(_DIRECTIONS),
    st.integers(min_value=50, max_value=100_000),
)
def test_inventory_quote__pools_but_the_deepest_moved__never_beats_the_honest_price(
    pools: list[tuple[int, int, int]], direction: tuple[Token, Token], usd: int
) -> None:
    snapshot = moved(
        *((fee, ETH_USD * (10_000 + off) // 10_000, depth * 10**18) for fee, off, depth in pools)
    )
    taker, maker = direction
    if isinstance(_fair(snapshot), Decision):
        return
    amount = usd * (10**18 // 3_000 if taker is WETH else 10**6)
    fair = ETH_USD * 10**16 if taker is WETH else E36 * 10**20 // ETH_USD
    assert _given(snapshot, taker, maker, amount) * E36 < amount * fair


def test_fair_value__one_deep_pool_far_off__is_left_out_and_named() -> None:
    found = _fair(moved((100, ETH_USD * 106 // 100, 20_000 * 10**18)))
    honest = _fair(moved())
    assert isinstance(found, FairValue)
    assert isinstance(honest, FairValue)
    assert found.rate_e36 == honest.rate_e36
    (dropped,) = found.dropped
    assert (dropped.source, "from the others" in dropped.reason) == ("uniswap_v3_100", True)


def test_fair_value__all_deep_pools_far_off__is_refused() -> None:
    price = ETH_USD * 106 // 100
    found = _fair(moved((100, price, 20_000 * 10**18), (500, price, 20_000 * 10**18), honest=()))
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.PRICE_DEVIATION


def test_fair_value__only_thin_pools__is_refused() -> None:
    found = _fair(moved((500, ETH_USD, _THIN), honest=()))
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.STALE_PRICE
    assert "trades 50000 USD" in found.detail


def test_fair_value__pool_quoted_one_way_only__does_not_count() -> None:
    one_way = {(WETH.address, USDC.address): (pool_reading(WETH, USDC),)}
    assert isinstance(_fair(market(pools=one_way)), Decision)


def test_deep_pools__several__deepest_first_and_least_slippage_among_equals() -> None:
    snapshot = moved((100, ETH_USD, 60_000 * 10**18), (10_000, ETH_USD, 4_000 * 10**18), honest=(500,))
    found = deep_pools(snapshot, maker_asset=USDC, taker_asset=WETH, least_usd=50_000)
    assert [pool.reading.fee_pips for pool in found] == [100, 500, 10_000]
    # A pool of 12 million dollars a side pays 1 % less than its mid price at 120,000 dollars.
    assert 49_500 <= found[-1].depth_usd <= 50_000


@pytest.mark.parametrize(
    ("gas_feed", "reason"),
    [
        ({"updated_at_s": CHAIN_TIME_S - 10_000}, RefusalReason.STALE_PRICE),
        ({"answer": 0}, RefusalReason.STALE_PRICE),
        ({"answer": -5}, RefusalReason.STALE_PRICE),
        ({"answer": ETH_USD * 2}, RefusalReason.PRICE_DEVIATION),
    ],
)
def test_inventory_terms__gas_feed_of_no_use__is_refused(
    gas_feed: dict[str, int], reason: RefusalReason
) -> None:
    found = _dai_terms(gas_feed)
    assert isinstance(found, Decision)
    assert found.reason is reason


def test_inventory_terms__gas_feed_good__is_priced() -> None:
    assert isinstance(_dai_terms({}), DirectionTerms)


def _stable_pool(rate_e36: int, knots: tuple[tuple[int, int], ...]) -> PoolReading:
    return PoolReading(pool=USDC.address, fee_pips=100, spot_rate_e36=rate_e36, depth=DepthCurve(knots=knots))


def _dai_terms(gas_feed: dict[str, int]) -> DirectionTerms | Decision:
    """Return the terms of DAI/USDC, whose gas is priced in ETH, beside pools of WETH and USDC."""
    base = moved()
    knots = tuple((usd * 10**18, usd * 999_000) for usd in (100, 1_000, 60_000))
    back = tuple((usd * 10**6, usd * 999 * 10**15) for usd in (100, 1_000, 60_000))
    stable = {
        (DAI.address, USDC.address): (_stable_pool(10**24, knots),),
        (USDC.address, DAI.address): (_stable_pool(10**48, back),),
    }
    answer = gas_feed.get("answer", ETH_USD)
    rest = {name: value for name, value in gas_feed.items() if name != "answer"}
    feeds = {
        WETH.address: feed("ETH / USD", answer, **rest),
        USDC.address: feed("USDC / USD", 10**8),
        DAI.address: feed("DAI / USD", 10**8),
    }
    snapshot = market(feeds=feeds, pools={**base.pools, **stable})
    pair = PairPolicy(base=DAI, quote=USDC, gas_asset=WETH)
    return inventory_terms(snapshot, {}, pair, maker_asset=USDC, taker_asset=DAI)
