"""Strategies: what they trade, carry and waive always adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.execution.hedging import (
    BandHedge,
    BatchHedge,
    HedgeStrategy,
    Immediate,
    NoHedge,
    OpenDelta,
    RatioHedge,
)

_ALL: list[HedgeStrategy] = [
    NoHedge(),
    Immediate(),
    BandHedge(inner=3, outer=10),
    BandHedge(inner=0, outer=0),
    BatchHedge(usd_wad=50, age_ms=100),
    RatioHedge(ratio_wad=7 * 10**17, inside=BandHedge(inner=3, outer=10)),
    RatioHedge(ratio_wad=0, inside=Immediate()),
]


@pytest.mark.parametrize("strategy", _ALL, ids=lambda one: one.name)
@given(amount=st.integers(-(10**30), 10**30), age_ms=st.integers(0, 1_000), usd_wad=st.integers(0, 100))
def test_decision__claims_everything__and_never_adds_to_the_delta(
    strategy: HedgeStrategy, amount: int, age_ms: int, usd_wad: int
) -> None:
    found = strategy.decide(OpenDelta(amount=amount, oldest_ms=0, now_ms=age_ms, usd_wad=usd_wad))
    if found is None:
        return
    assert amount == -found.trade + found.waived + found.carry
    assert found.trade * amount <= 0
    assert abs(found.trade) <= abs(amount)


def test_band__on_the_edge__waits() -> None:
    band = BandHedge(inner=3, outer=10)
    assert band.decide(OpenDelta(amount=-10, oldest_ms=0, now_ms=0, usd_wad=0)) is None
    found = band.decide(OpenDelta(amount=-11, oldest_ms=0, now_ms=0, usd_wad=0))
    assert found is not None
    assert (found.trade, found.carry) == (8, -3)


@pytest.mark.parametrize(("inner", "outer"), [(5, 4), (-1, 4)])
def test_band__edges_in_the_wrong_order__are_refused(inner: int, outer: int) -> None:
    with pytest.raises(InvalidInput, match="band"):
        BandHedge(inner=inner, outer=outer)


def test_ratio__beyond_one__is_refused() -> None:
    with pytest.raises(InvalidInput, match="hedge ratio"):
        RatioHedge(ratio_wad=10**18 + 1, inside=Immediate())


@given(
    anew=st.integers(-(10**24), 10**24),
    ruled=st.integers(-(10**24), 10**24),
    ratio_wad=st.integers(0, 10**18),
)
def test_ratio__what_was_scaled_before__is_taken_whole(anew: int, ruled: int, ratio_wad: int) -> None:
    delta = OpenDelta(amount=anew + ruled, oldest_ms=0, now_ms=0, usd_wad=0, decided=ruled)
    found = RatioHedge(ratio_wad=ratio_wad, inside=Immediate()).decide(delta)
    if found is None:
        assert anew + ruled == 0
        return
    assert -found.trade - ruled == (abs(anew) * ratio_wad // 10**18) * (1 if anew > 0 else -1)
    assert delta.amount == -found.trade + found.waived + found.carry
