"""Markouts of fills: at the horizon, in time, once."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Address
from pmm.replay.markouts import markouts
from pmm.risk.markouts import HORIZONS_S, FilledTrade, PendingMarkouts, TakenMarkout, gain_bps_e3

ETH, USD = 10**18, 10**6


def prices(weth_usd: int) -> dict[Address, int]:
    return {WETH.address: weth_usd * 10**18, USDC.address: 10**30}


def fill(key: str = "a", at_ms: int = 0, making: int = 3_000 * USD) -> FilledTrade:
    """We gave dollars for one ether."""
    return FilledTrade(
        key=key,
        at_ms=at_ms,
        maker_asset=USDC.address,
        taker_asset=WETH.address,
        making_amount=making,
        taking_amount=ETH,
    )


def test_gain__price_rose_by_1_percent__is_a_gain_of_99_bps_of_what_was_taken() -> None:
    assert gain_bps_e3(fill(), prices(3_030)) == 99_009
    assert gain_bps_e3(fill(), prices(3_000)) == 0
    assert gain_bps_e3(fill(), prices(2_970)) == -101_011  # rounded down: not in our favour
    assert gain_bps_e3(fill(), {WETH.address: 1}) is None
    assert gain_bps_e3(fill(), {USDC.address: 1}) is None


def judged(
    pending: PendingMarkouts, now_ms: int, usd_per_unit_e36: Mapping[Address, int]
) -> list[TakenMarkout]:
    """Return what is due as it is once it has been written."""
    found = pending.due(now_ms, usd_per_unit_e36)
    pending.judged()
    return found


def test_due__what_was_not_written__comes_again_until_it_is() -> None:
    pending = PendingMarkouts(lateness_ms=0)
    pending.add(fill())
    found = pending.due(1_000, prices(3_000))
    assert [one.horizon_s for one in found] == [1]
    assert pending.due(1_500, prices(3_000)) == found
    pending.judged()
    assert pending.due(1_500, prices(3_000)) == []
    # Too late is over, too, once it was said.
    pending.add(fill("b"), done=frozenset(HORIZONS_S[1:]))
    assert pending.due(9_000, prices(3_000)) == [TakenMarkout(key="a", horizon_s=5, markout_bps_e3=0)]
    pending.drop("a")
    assert pending.due(9_000, prices(3_000)) == []
    assert len(pending) == 1
    pending.judged()
    assert len(pending) == 0


def test_due__each_horizon__comes_once_by_the_first_prices_from_then_on() -> None:
    pending = PendingMarkouts(lateness_ms=0)
    pending.add(fill())
    assert judged(pending, 999, prices(9)) == []
    found = [one for at_s in range(1, 400) for one in judged(pending, at_s * 1_000, prices(3_000 + at_s))]
    assert [one.horizon_s for one in found] == list(HORIZONS_S)
    assert [one.markout_bps_e3 for one in found] == [
        gain_bps_e3(fill(), prices(3_000 + horizon_s)) for horizon_s in HORIZONS_S
    ]
    assert len(pending) == 0


def test_due__nobody_watched_at_a_horizon__it_is_left_out() -> None:
    pending = PendingMarkouts(lateness_ms=3_000)
    pending.add(fill())
    # 1 s and 5 s are long past; 30 s is not later than twice itself.
    assert [one.horizon_s for one in judged(pending, 50_000, prices(3_000))] == [30]
    assert [one.horizon_s for one in judged(pending, 130_000, prices(3_000))] == []
    assert [one.horizon_s for one in judged(pending, 300_000, prices(3_000))] == [300]
    assert len(pending) == 0


def test_due__no_price__waits_while_it_is_in_time() -> None:
    pending = PendingMarkouts(lateness_ms=0)
    pending.add(fill(), done=frozenset(HORIZONS_S[1:]))
    assert judged(pending, 1_500, {}) == []
    assert len(judged(pending, 2_000, prices(3_000))) == 1
    pending.add(fill("b"), done=frozenset(HORIZONS_S[1:]))
    assert judged(pending, 2_001, {}) == []
    assert len(pending) == 0


def test_drop__fill_that_is_gone__is_judged_no_more() -> None:
    pending = PendingMarkouts(lateness_ms=0)
    pending.add(fill())
    pending.drop("a")
    pending.drop("never there")
    assert judged(pending, 1_000, prices(3_000)) == []


@given(
    making=st.integers(1, 10**13),
    price=st.integers(1, 100_000),
    times=st.lists(st.integers(0, 700), min_size=1, max_size=60).map(sorted),
)
def test_due__any_looks__agree_with_the_replay_and_come_at_most_once(
    making: int, price: int, times: list[int]
) -> None:
    pending = PendingMarkouts(lateness_ms=0)
    trade = fill(making=making)
    pending.add(trade)
    taken = [one for at_s in times for one in judged(pending, at_s * 1_000, prices(price))]
    found = {one.horizon_s: one.markout_bps_e3 for one in taken}
    assert len(found) == len(taken)
    rate_e36 = prices(price)[WETH.address] * 10**36 // prices(price)[USDC.address]
    for horizon_s in HORIZONS_S:
        near = [(at_s, rate_e36) for at_s in dict.fromkeys(times) if at_s <= 2 * horizon_s]
        (wanted,) = markouts(
            making_amount=making,
            taking_amount=ETH,
            quoted_at_s=0,
            fair_rates=near,
            horizons_s=(horizon_s,),
        )
        assert (horizon_s in found) == (wanted.gain_bps_e2 is not None)
        if wanted.gain_bps_e2 is not None:
            assert found[horizon_s] // 10 == wanted.gain_bps_e2
