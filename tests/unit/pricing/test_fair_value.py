"""Sources must be fresh, positive and agree; else there is no price."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, RefusalReason
from pmm.pricing import FairValue, FairValueRules, MarketSnapshot, fair_value
from pmm.pricing.fair_value import SourcePrice, check_feed, combine_sources
from pmm.pricing.fixed_point import E36
from tests.helpers.quoting import CHAIN_TIME_S, ETH_USD, feed, market

_RULES = FairValueRules()


def _fair(snapshot: MarketSnapshot) -> FairValue | Decision:
    return fair_value(snapshot, maker_asset=USDC, taker_asset=WETH, rules=_RULES)


def _reason(found: FairValue | Decision) -> RefusalReason | None:
    assert isinstance(found, Decision)
    return found.reason


def test_fair_value__sources_agree__is_their_price() -> None:
    found = _fair(market())
    assert isinstance(found, FairValue)
    # 3,000 USDC (6 digits) per WETH (18 digits).
    assert abs(found.rate_e36 - 3_000 * 10**24) <= 10**12
    assert {source.source for source in found.sources} == {"chainlink", "uniswap_v3_500", "uniswap_v3_3000"}


@pytest.mark.parametrize("answer", [0, -1])
def test_fair_value__answer_not_positive__is_refused(answer: int) -> None:
    snapshot = market(feeds={WETH.address: feed("ETH / USD", answer), USDC.address: feed("USDC", 10**8)})
    assert _reason(_fair(snapshot)) is RefusalReason.STALE_PRICE


def test_check_feed__at_heartbeat_and_grace__is_the_last_accepted_second() -> None:
    reading = feed("ETH / USD", ETH_USD, updated_at_s=CHAIN_TIME_S - 3_900)
    assert check_feed(reading, chain_time_s=CHAIN_TIME_S, heartbeat_grace_s=300).accepted
    late = check_feed(reading, chain_time_s=CHAIN_TIME_S + 1, heartbeat_grace_s=300)
    assert late.reason is RefusalReason.STALE_PRICE
    assert "3901 s" in late.detail


def test_check_feed__answer_from_the_future__is_refused() -> None:
    reading = feed("ETH / USD", ETH_USD, updated_at_s=CHAIN_TIME_S + 301)
    decision = check_feed(reading, chain_time_s=CHAIN_TIME_S, heartbeat_grace_s=300)
    assert decision.reason is RefusalReason.STALE_PRICE


def test_check_feed__round_never_updated__is_refused() -> None:
    reading = feed("ETH / USD", ETH_USD, updated_at_s=0)
    assert not check_feed(reading, chain_time_s=100, heartbeat_grace_s=300).accepted


def test_fair_value__pool_far_from_feed__is_refused_naming_the_source() -> None:
    found = _fair(market(pool_eth_usd=ETH_USD * 106 // 100))
    assert _reason(found) is RefusalReason.PRICE_DEVIATION
    assert isinstance(found, Decision)
    assert "chainlink" in found.detail


def test_fair_value__pool_within_the_gate__is_between_the_sources() -> None:
    found = _fair(market(pool_eth_usd=ETH_USD * 1_005 // 1_000))
    assert isinstance(found, FairValue)
    assert 3_000 * 10**24 < found.rate_e36 < 3_015 * 10**24


def test_fair_value__no_pool__is_refused() -> None:
    assert _reason(_fair(replace(market(), pools={}))) is RefusalReason.STALE_PRICE


def test_fair_value__no_feed__is_refused() -> None:
    assert (
        _reason(_fair(market(feeds={WETH.address: feed("ETH / USD", ETH_USD)}))) is RefusalReason.STALE_PRICE
    )


@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=10**50), st.integers(min_value=0, max_value=100)),
        max_size=6,
    ),
    st.integers(min_value=1, max_value=9_999),
)
def test_combine_sources__any_sources__accepted_ones_are_within_the_gate(
    prices: list[tuple[int, int]], gate_bps: int
) -> None:
    sources = [SourcePrice(source=str(i), rate_e36=rate, weight=w) for i, (rate, w) in enumerate(prices)]
    found = combine_sources(sources, max_deviation_bps=gate_bps)
    if isinstance(found, Decision):
        assert not found.accepted
        return
    rates = [source.rate_e36 for source in found.sources]
    assert min(rates) <= found.rate_e36 <= max(rates)
    # Each within the gate of one middle, so at most two gates from the lowest to the highest.
    assert (max(rates) - min(rates)) * (10_000 - gate_bps) <= 2 * gate_bps * min(rates)
    assert len(found.sources) >= min(2, len([1 for _, weight in prices if weight]))


@given(st.integers(min_value=10**11, max_value=10**14), st.integers(min_value=9_900, max_value=10_100))
def test_fair_value__both_directions__multiply_to_no_more_than_one(eth_usd: int, off_bps: int) -> None:
    snapshot = market(eth_usd=eth_usd, pool_eth_usd=eth_usd * off_bps // 10_000)
    there = fair_value(snapshot, maker_asset=USDC, taker_asset=WETH, rules=_RULES)
    back = fair_value(snapshot, maker_asset=WETH, taker_asset=USDC, rules=_RULES)
    assert isinstance(there, FairValue) is isinstance(back, FairValue)
    if isinstance(there, FairValue) and isinstance(back, FairValue):
        assert there.rate_e36 * back.rate_e36 <= E36 * E36


def test_fair_value__snapshot_changed_after_it_was_asked__is_found_anew() -> None:
    snapshot = market()
    first = _fair(snapshot)
    assert isinstance(first, FairValue)
    assert _fair(snapshot) is first
    moved = replace(
        snapshot, feeds={**snapshot.feeds, WETH.address: feed("ETH / USD", ETH_USD * 1_005 // 1_000)}
    )
    second = _fair(moved)
    assert isinstance(second, FairValue)
    assert second.rate_e36 > first.rate_e36
