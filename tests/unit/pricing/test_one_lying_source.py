"""Any single source may say anything: the fair value stays among the honest ones, or there is none."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pmm.domain import USDC, USDT, WETH, Decision, RefusalReason
from pmm.pricing import FairValue, FairValueRules, MarketSnapshot, ReferencePrice, SourceKind, fair_value
from pmm.pricing.fixed_point import E36
from pmm.pricing.robust import (
    SourcePrice,
    limited_weights,
    weighted_mean_e36,
    weighted_median_e36,
)
from tests.helpers.quoting import CHAIN_TIME_S, feed, market, pool_reading

_RULES = FairValueRules()
_GATE_BPS = _RULES.max_deviation_bps
_LIARS = ("feed", "pool0", "pool1", "pool2", "book", "aggregator")
_USD = 3_000 * 10**8


def reference(source: SourceKind, usd_e8: int, *, in_usdt: bool = False, **changes: object) -> ReferencePrice:
    """Return a price of WETH, in US dollars or in USDT (6 decimals)."""
    decimals = 36 - 8 - 18 if not in_usdt else 36 - 8 - 18 + 6
    found = ReferencePrice(
        source=source.value,
        kind=source,
        token=WETH.address,
        unit=USDT.address if in_usdt else None,
        rate_e36=usd_e8 * int(10**decimals),
        observed_at_s=CHAIN_TIME_S - 2,
        max_age_s=60,
    )
    return replace(found, **changes) if changes else found  # type: ignore[arg-type]


@dataclass(frozen=True)
class _World:
    """US dollars of one ETH (8 decimals) by each source."""

    feed: int
    pools: tuple[int, ...]
    book: int
    aggregator: int

    def with_lie(self, liar: str, price: int) -> _World:
        if liar.startswith("pool"):
            index = int(liar[4:])
            return replace(self, pools=(*self.pools[:index], price, *self.pools[index + 1 :]))
        return replace(self, **{liar: price})  # type: ignore[arg-type]

    def without(self, liar: str) -> list[int]:
        named = {"feed": self.feed, "book": self.book, "aggregator": self.aggregator}
        named |= {f"pool{index}": price for index, price in enumerate(self.pools)}
        return [price for name, price in named.items() if name != liar]

    def snapshot(self) -> MarketSnapshot:
        feeds = {
            WETH.address: feed("ETH / USD", self.feed),
            USDC.address: feed("USDC / USD", 10**8),
            USDT.address: feed("USDT / USD", 10**8),
        }
        tiers = (100, 500, 3_000)
        pools = {
            (taker.address, maker.address): tuple(
                pool_reading(taker, maker, eth_usd=price, fee_pips=fee)
                for fee, price in zip(tiers, self.pools, strict=True)
            )
            for taker, maker in ((WETH, USDC), (USDC, WETH))
        }
        references = (
            reference(SourceKind.BOOK, self.book, in_usdt=True),
            reference(SourceKind.AGGREGATOR, self.aggregator),
        )
        return market(feeds=feeds, pools=pools, references=references)


def _fair(snapshot: MarketSnapshot, rules: FairValueRules = _RULES) -> FairValue | Decision:
    return fair_value(snapshot, maker_asset=USDC, taker_asset=WETH, rules=rules)


def _rate(usd_e8: int) -> int:
    return usd_e8 * 10**16


def check_bound(world: _World, liar: str, lie: int) -> None:
    """Assert the promise of the module for one lie."""
    found = _fair(world.with_lie(liar, lie).snapshot())
    if isinstance(found, Decision):
        assert found.reason in (RefusalReason.PRICE_DEVIATION, RefusalReason.STALE_PRICE)
        return
    honest = world.without(liar)
    # Reserves and sqrt prices are integers: the last digits of a pool's rate are its own.
    slack = 10**20
    assert _rate(min(honest)) - slack <= found.rate_e36 <= _rate(max(honest)) + slack


# Honest sources are within half the gate of each other.
_HONEST = st.integers(min_value=_USD, max_value=_USD * (20_000 + _GATE_BPS) // 20_000)


@given(
    st.builds(
        _World, feed=_HONEST, pools=st.tuples(_HONEST, _HONEST, _HONEST), book=_HONEST, aggregator=_HONEST
    ),
    st.sampled_from(_LIARS),
    st.one_of(
        st.integers(min_value=10**7, max_value=10**16),
        st.integers(min_value=_USD * 98 // 100, max_value=_USD * 102 // 100),
    ),
)
@example(
    _World(feed=_USD, pools=(_USD, _USD, _USD), book=_USD, aggregator=_USD), "feed", _USD * 10_099 // 10_000
)
def test_fair_value__any_one_source_says_anything__stays_among_the_honest(
    world: _World, liar: str, lie: int
) -> None:
    check_bound(world, liar, lie)


@pytest.mark.parametrize("liar", _LIARS)
def test_fair_value__mean_in_the_place_of_the_median__breaks_the_bound(
    liar: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: the property above is no empty one."""
    for name in ("pmm.pricing.fair_value", "pmm.pricing.fair_sources", "pmm.pricing.robust"):
        monkeypatch.setattr(sys.modules[name], "weighted_median_e36", weighted_mean_e36)
    world = _World(feed=_USD, pools=(_USD, _USD, _USD), book=_USD, aggregator=_USD)
    with pytest.raises(AssertionError):
        check_bound(world, liar, _USD * 10_050 // 10_000)


def test_fair_value__lie_far_away__is_dropped_and_named() -> None:
    world = _World(feed=_USD, pools=(_USD, _USD, _USD), book=2 * _USD, aggregator=_USD)
    found = _fair(world.snapshot())
    assert isinstance(found, FairValue)
    assert [one.source for one in found.dropped] == ["book"]
    assert {one.source for one in found.sources} >= {"chainlink", "aggregator", "uniswap_v3_500"}


@given(st.integers(min_value=10**8 // 2, max_value=2 * 10**8))
def test_fair_value__dollar_feed_lies__is_bounded_by_the_peg(answer: int) -> None:
    """The dollar's feed converts several sources: it alone could move them all."""
    world = _World(feed=_USD, pools=(_USD, _USD, _USD), book=_USD, aggregator=_USD)
    snapshot = world.snapshot()
    found = _fair(replace(snapshot, feeds={**snapshot.feeds, USDC.address: feed("USDC / USD", answer)}))
    if isinstance(found, Decision):
        return
    most = _RULES.max_depeg_bps + 1
    assert abs(found.rate_e36 - _rate(_USD)) * (10_000 - most) <= _rate(_USD) * most


def test_fair_value__dollar_off_its_peg__is_refused() -> None:
    snapshot = market()
    off = replace(snapshot, feeds={**snapshot.feeds, USDC.address: feed("USDC / USD", 97_000_000)})
    found = _fair(off)
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.PRICE_DEVIATION
    assert "300 bps" in found.detail


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"observed_at_s": CHAIN_TIME_S - 61}, "61 s old"),
        ({"observed_at_s": CHAIN_TIME_S + 301}, "ahead of the chain"),
        ({"rate_e36": 0}, "not positive"),
        ({"rate_e36": -5}, "not positive"),
        ({"unit": WETH.address[:-1] + "0"}, "without a usable feed"),
        ({"kind": SourceKind.COST}, "weight is 0"),
    ],
)
def test_fair_value__reference_of_no_use__does_not_count_and_says_why(
    changes: dict[str, Any], why: str
) -> None:
    found = _fair(replace(market(), references=(reference(SourceKind.BOOK, _USD, **changes),)))
    assert isinstance(found, FairValue)
    (dropped,) = found.dropped
    assert why in dropped.reason


def test_fair_value__reference_of_another_asset__is_not_mentioned() -> None:
    other = reference(SourceKind.BOOK, _USD, token=USDT.address)
    found = _fair(replace(market(), references=(other,)))
    assert isinstance(found, FairValue)
    assert found.dropped == ()


@given(
    st.lists(
        st.tuples(st.integers(min_value=1, max_value=10**40), st.integers(min_value=1, max_value=10**9)),
        min_size=3,
        max_size=7,
    )
)
def test_limited_weights__three_and_more__none_is_half(prices: list[tuple[int, int]]) -> None:
    opinions = [SourcePrice(source=str(i), rate_e36=rate, weight=w) for i, (rate, w) in enumerate(prices)]
    limited = limited_weights(opinions)
    total = sum(one.weight for one in limited)
    assert all(2 * one.weight < total for one in limited)


@given(
    st.lists(st.integers(min_value=1, max_value=10**40), min_size=1, max_size=9),
    st.integers(min_value=1, max_value=50),
)
def test_weighted_median__equal_weights__is_the_lower_median(rates: list[int], weight: int) -> None:
    opinions = [SourcePrice(source=str(i), rate_e36=rate, weight=weight) for i, rate in enumerate(rates)]
    assert weighted_median_e36(opinions) == sorted(rates)[(len(rates) - 1) // 2]


@given(st.integers(min_value=_USD * 99 // 100, max_value=_USD * 101 // 100))
def test_fair_value__both_directions_with_references__multiply_to_no_more_than_one(book: int) -> None:
    world = _World(feed=_USD, pools=(_USD, _USD, _USD), book=book, aggregator=_USD)
    there = _fair(world.snapshot())
    back = fair_value(world.snapshot(), maker_asset=WETH, taker_asset=USDC, rules=_RULES)
    assume(isinstance(there, FairValue))
    assert isinstance(there, FairValue)
    assert isinstance(back, FairValue)
    assert there.rate_e36 * back.rate_e36 <= E36 * E36
