"""The paper perp venue in the desk: prices from feeds, funding by the hour, held against the legs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pmm.desk.paper_perps import VENUE, PaperPerpDesk
from pmm.domain import USDC, WETH
from pmm.errors import UnsafeToSign
from pmm.execution.book import Cause
from pmm.execution.hedging import (
    ChargeKind,
    HedgedAsset,
    HedgeMarket,
    HedgeOrder,
    Immediate,
    PerpOrder,
    ReportState,
    RoutePlan,
)
from pmm.ledger import Ledger
from pmm.monitoring.desk import DeskEvents
from pmm.settings_sections import DeskSettings
from pmm.venues.paper import PerpRoute
from tests.helpers.hedging import (
    ETHER,
    FakeSender,
    block,
    change,
    fill_events,
    hedger_on,
    market,
    open_hedging_ledger,
)

_HOUR_S = 3_600
_ASSETS = (HedgedAsset(asset=WETH, quote=USDC, strategy=Immediate()),)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_hedging_ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def paper(ledger: Ledger, *, development: bool = True, **settings: Any) -> PaperPerpDesk:
    return PaperPerpDesk(
        ledger,
        DeskEvents(),
        settings=DeskSettings.model_validate({"paper_perp": True, **settings}),
        hedged=_ASSETS,
        tokens=(WETH, USDC),
        development=development,
    )


def at(at_s: int) -> HedgeMarket:
    return replace(market(), at_s=at_s)


def sold(desk: PaperPerpDesk, amount: int, key: str = "a") -> None:
    order = PerpOrder(venue=VENUE, asset=WETH.address, amount=amount, limit_usd_e36=0, purpose="test")
    assert desk.venue.submit(key, order).state is ReportState.DONE


def test_paper_perp__on_a_real_node__is_refused() -> None:
    with pytest.raises(UnsafeToSign, match="hedges on paper are none"):
        paper(None, development=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("trade", [-ETHER, ETHER])
def test_quotes__of_both_sides__are_filled_as_they_were_planned(ledger: Ledger, trade: int) -> None:
    desk = paper(ledger)
    (route,) = desk.routes
    quoted = desk.quoted(market())
    assert quoted is not None
    order = HedgeOrder(
        asset=WETH, quote=USDC, trade=trade, max_slippage_bps=50, max_cost_bps=50, holding_s=_HOUR_S
    )
    (plan,) = route.plans(order, quoted)
    assert isinstance(plan, RoutePlan)
    assert plan.route == "perp_paper"
    value = quoted.value_down(WETH.address, ETHER)
    # 4.5 bps in and out and 2 bps of spread; funding of an hour for the side that pays it: longs.
    assert plan.cost.fee_usd_wad == pytest.approx(value * 9 // 10_000, rel=1e-6)
    assert plan.cost.slippage_usd_wad == pytest.approx(value * 2 // 10_000, rel=1e-3)
    assert (plan.cost.funding_usd_wad > 0) is (trade > 0)
    call = plan.legs[0].call
    assert isinstance(call, PerpOrder)
    assert desk.venue.submit("a", call).filled == trade


def test_not_offered__no_route_no_quote__but_what_was_done_still_counts(ledger: Ledger) -> None:
    desk = paper(ledger)
    desk.quoted(market())
    sold(desk, -ETHER)
    off = paper(ledger, paper_perp=False)
    found = off.quoted(market())
    assert off.routes == ()
    assert found is not None
    assert found.perps == ()
    assert [one.amount for one in off.positions()] == [-ETHER]


def test_no_market_or_no_price__trades_nothing(ledger: Ledger) -> None:
    desk = paper(ledger)
    desk.quoted(market())
    assert desk.quoted(None) is None
    assert desk.venue.books == {}
    desk.quoted(replace(market(), usd_per_unit_e36={}))
    order = PerpOrder(venue=VENUE, asset=WETH.address, amount=-ETHER, limit_usd_e36=0, purpose="test")
    assert desk.venue.submit("a", order).state is ReportState.REFUSED


def test_funding__each_whole_hour_once__through_restarts_and_rollbacks(ledger: Ledger) -> None:
    desk = paper(ledger, paper_perp_funding_pips=100)
    start_s = 10 * _HOUR_S + 1_800
    desk.quoted(at(start_s))
    sold(desk, -ETHER)
    price_wad = desk.venue.books[WETH.address].bid_usd_e36 + desk.venue.books[WETH.address].ask_usd_e36

    def paid() -> list[int]:
        return [one.usd_wad for one in desk.venue.charges() if one.kind is ChargeKind.FUNDING]

    for at_s in (start_s, 11 * _HOUR_S - 1):
        desk.quoted(at(at_s))
    assert paid() == []
    desk.quoted(at(11 * _HOUR_S + 5))
    # A short is paid a ten-thousandth of its dollars, of the mid price, an hour.
    hour = price_wad // 2 // 10_000
    assert paid() == [pytest.approx(hour, rel=1e-9)]
    desk = paper(ledger, paper_perp_funding_pips=100)
    desk.quoted(at(14 * _HOUR_S))
    desk.quoted(at(12 * _HOUR_S))
    desk.quoted(at(14 * _HOUR_S + 9))
    assert paid() == [pytest.approx(hour, rel=1e-9), pytest.approx(3 * hour, rel=1e-9)]


def test_funding__of_hours_without_a_position__is_none_afterwards(ledger: Ledger) -> None:
    desk = paper(ledger)
    for hour in (1, 2, 3):
        desk.quoted(at(hour * _HOUR_S))
    sold(desk, -ETHER)
    again = paper(ledger)
    again.quoted(at(3 * _HOUR_S + 60))
    assert [one.kind for one in again.venue.charges()] == [ChargeKind.FEE]


def test_funding__of_a_position_closed_and_opened_again__is_of_its_own_hours(ledger: Ledger) -> None:
    desk = paper(ledger, paper_perp_funding_pips=100)
    desk.quoted(at(_HOUR_S))
    sold(desk, -ETHER)
    back = PerpOrder(venue=VENUE, asset=WETH.address, amount=ETHER, limit_usd_e36=10**40, purpose="test")
    assert desk.venue.submit("back", back).state is ReportState.DONE
    for hour in (2, 3, 4):
        desk.quoted(at(hour * _HOUR_S))
    sold(desk, -ETHER, key="again")
    # Killed before its next turn: what was written down says from when on.
    desk = paper(ledger, paper_perp_funding_pips=100)
    desk.quoted(at(5 * _HOUR_S))
    mid = (desk.venue.books[WETH.address].bid_usd_e36 + desk.venue.books[WETH.address].ask_usd_e36) // 2
    found = [one.usd_wad for one in desk.venue.charges() if one.kind is ChargeKind.FUNDING]
    assert found == [pytest.approx(mid // 10_000, rel=1e-9)]


def test_won__closed_and_open_trades__with_fees_to_the_unit(ledger: Ledger) -> None:
    desk = paper(ledger, paper_perp_half_spread_bps=0, paper_perp_fee_pips=0)
    now = market()
    price = now.usd_per_unit_e36[WETH.address]
    desk.quoted(now)
    sold(desk, -2 * ETHER)
    up = replace(now, usd_per_unit_e36={**now.usd_per_unit_e36, WETH.address: price + 10**20})
    desk.quoted(up)
    # 100 dollars against two ether; one of them closed, then the other.
    for key, left in (("b", -ETHER), ("c", 0)):
        order = PerpOrder(venue=VENUE, asset=WETH.address, amount=ETHER, limit_usd_e36=10**40, purpose="t")
        desk.venue.submit(key, order)
        assert sum(one.amount for one in desk.positions()) == left
        assert desk.won_usd_e6(up.usd_per_unit_e36) == -200 * 10**6


def test_hedger_and_venue__agree__and_one_base_unit_is_told(ledger: Ledger) -> None:
    desk = paper(ledger, paper_perp_half_spread_bps=0, paper_perp_fee_pips=0)
    quoted = desk.quoted(market())
    assert quoted is not None
    hedger = hedger_on(ledger, FakeSender(), routes=(PerpRoute(VENUE),), perps=(desk.venue,))  # type: ignore[arg-type]
    step = change(block(1), added=fill_events(block(1), b"\x01" * 32, buys=ETHER))
    hedger.on_change(step, now_ms=1, market=quoted)
    hedger.step(now_ms=2, market=quoted)
    assert [one.amount for one in desk.positions()] == [-ETHER]
    assert hedger.open_delta(WETH.address) == 0
    assert desk.differences(block(1)) == ()
    with ledger.transaction() as transaction:
        transaction.execute("UPDATE hedging_paper_orders SET filled = ?", (str(1 - ETHER),))
    (found,) = desk.differences(block(1))
    assert (found.difference, found.cause, found.key.token) == (1, Cause.MISSED_ORDER, WETH.address)
    with ledger.transaction() as transaction:
        transaction.execute("DELETE FROM hedging_paper_orders")
    (found,) = desk.differences(block(1))
    assert (found.booked, found.found) == (-ETHER, 0)
    with ledger.transaction() as transaction:
        transaction.execute("UPDATE hedging_legs SET state = 'unknown'")
    assert desk.differences(block(1)) == ()
