"""Profit and markouts of the running desk: booked once, through crashes, taken back with their fill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.chain.indexer import ChainFeed
from pmm.domain import USDC, WETH, EventPlace, LendingAction, LendingChanged, TokenMoved
from pmm.domain.chain_events import LendingMarket
from pmm.execution.book import LendingKey
from pmm.execution.book.positions import NO_AMOUNT, LendingPosition
from pmm.execution.hedging import ChargeKind, PerpCharge
from pmm.risk.events import MarkoutTaken, PnlBooked, PnlComponent
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import (
    ETH,
    START_MS,
    USD,
    Site,
    block,
    filled,
    sent,
    swapped,
    undecided,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.ledger.close()


def amounts(events: Sequence[object]) -> dict[str, int]:
    return {f"{one.token} {one.component}": one.amount_usd_e6 for one in events if isinstance(one, PnlBooked)}


def test_look__fill_hedge_and_gas__are_booked_by_component_once(site: Site) -> None:
    site.happens(block(1), (*filled(block(1)), *swapped(block(1))))
    found = amounts(site.look(records=[sent(), undecided(sent("hedge:2"))]))
    assert found == {"WETH spread": 2 * USD, "WETH hedge_slippage": -5 * USD, "WETH gas": -3 * USD}
    assert amounts(site.look(records=[sent()])) == {}
    assert site.value("pmm_desk_pnl_usd", token="WETH", component="hedge_slippage") == -5
    assert site.desk.day_usd(site.now_ms) == (2.0, 3.0)
    assert site.desk.day_usd(site.now_ms + 86_400_001) == (0.0, 0.0)


def test_look__nothing_happens__books_nothing(site: Site) -> None:
    assert site.look() == []
    assert site.count("profit") == 0


def test_look__deposit_of_the_owner__is_no_profit(site: Site) -> None:
    fill = filled(block(1))
    site.happens(block(1), fill[2:])
    assert site.look() == []


def test_look__hedge_inside_the_fill__is_slippage_and_a_part_that_is_missing_a_fee(site: Site) -> None:
    # All of the ether is sold on within the transaction, for one dollar more than was given.
    inside = swapped(block(1), bought=2_999 * USD)
    fill = filled(block(1))
    moved = [
        replace(one, place=replace(one.place, transaction_hash=b"\7" * 32, log_index=10 + index))
        for index, one in enumerate(inside)
    ]
    site.happens(block(1), (*fill, *moved))
    assert amounts(site.look()) == {"WETH spread": 2 * USD, "WETH hedge_slippage": -1 * USD}
    *kept, came = filled(block(2))
    assert isinstance(came, TokenMoved)
    short = (*kept, replace(came, amount=ETH * 999 // 1_000))
    site.happens(block(2), short)
    assert amounts(site.look()) == {"WETH spread": 2 * USD, "WETH fee": -3 * USD}


def test_look__price_is_missing__books_no_profit_and_still_waits_for_markouts(site: Site) -> None:
    site.happens(block(1), filled(block(1)))
    assert site.look(weth_usd=0) == []
    assert site.count("fills") == 1
    assert [one for one in site.look(after_ms=1_000) if isinstance(one, MarkoutTaken)] != []


def test_look__perp_venue__books_fees_and_funding_once_through_restarts(site: Site) -> None:
    site.charged = [
        PerpCharge(key="a", venue="paper", asset=WETH.address, kind=ChargeKind.FEE, usd_wad=-27 * 10**17),
        PerpCharge(key="a", venue="paper", asset=WETH.address, kind=ChargeKind.FUNDING, usd_wad=6 * 10**18),
    ]
    assert amounts(site.look()) == {"WETH paper fee": -2_700_000, "WETH paper funding": 6 * USD}
    assert amounts(site.look()) == {}
    site.again()
    site.charged.append(replace(site.charged[1], key="b", usd_wad=-1))
    # Told to risk again, with what is new: the millionth that we pay is rounded against us.
    assert [one.amount_usd_e6 for one in site.look() if isinstance(one, PnlBooked)] == [
        -2_700_000,
        6 * USD,
        -1,
    ]
    assert site.value("pmm_desk_pnl_usd", token="WETH paper", component="funding") == pytest.approx(-1e-6)
    assert site.count("profit") == 3


def test_look__reorganisation__takes_back_profit_and_markouts_and_the_fill_counts_again(site: Site) -> None:
    site.happens(block(1), filled(block(1)))
    site.look()
    site.look(after_ms=1_000)
    assert (site.count("profit"), site.count("fills"), site.count("markouts")) == (1, 1, 1)
    site.happens(block(1, fork=1), (), ancestor=0)
    assert amounts(site.look()) == {"WETH spread": -2 * USD}
    assert (site.count("profit"), site.count("fills"), site.count("markouts")) == (0, 0, 0)
    assert site.look(after_ms=5_000) == []
    site.happens(block(2, fork=1), filled(block(2, fork=1)))
    assert amounts(site.look()) == {"WETH spread": 2 * USD}
    assert site.value("pmm_desk_pnl_usd", token="WETH", component="spread") == 2


def test_look__crash_before_the_commit__books_the_fill_with_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.happens(block(1), filled(block(1)))
    monkeypatch.setattr("pmm.desk.performance.put_fill", _fails)
    with pytest.raises(RuntimeError):
        site.look()
    monkeypatch.undo()
    assert (site.count("profit"), site.value("pmm_desk_pnl_usd", token="WETH", component="spread")) == (
        0,
        None,
    )
    assert amounts(site.look()) == {"WETH spread": 2 * USD}


def test_look__ledger_fails_behind_the_commit__tells_all_of_it_with_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.happens(block(1), filled(block(1)))
    site.look()
    site.again()
    site.happens(block(2), swapped(block(2)))
    monkeypatch.setattr("pmm.desk.performance.put_markouts", _fails)
    with pytest.raises(RuntimeError):
        site.look(after_ms=1_000, records=[sent()])
    monkeypatch.undo()
    # What an earlier process booked, what was committed before the failure: risk hears of it once.
    told = amounts(site.look())
    assert told == {"WETH spread": 2 * USD, "WETH hedge_slippage": -5 * USD, "WETH gas": -3 * USD}
    assert amounts(site.look()) == {}


def test_look__ledger_fails_while_interest_is_written__books_it_with_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = LendingKey(LendingMarket.AAVE_V3, MAKER, USDC.address)
    site.book.lending[key] = owed(50 * USD)
    site.look(after_ms=60_000)
    site.book.lending[key] = owed(52 * USD)
    monkeypatch.setattr("pmm.desk.performance.put_profit", _fails)
    with pytest.raises(RuntimeError):
        site.look(after_ms=60_000)
    monkeypatch.undo()
    # At once, not a minute later.
    assert amounts(site.look(after_ms=1_000)) == {"USDC borrow_interest": -2 * USD}
    assert amounts(site.look(after_ms=60_000)) == {}


def test_look__ledger_fails_behind_an_event_of_lending__that_event_is_no_interest(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = LendingKey(LendingMarket.AAVE_V3, MAKER, USDC.address)
    site.book.lending[key] = owed(50 * USD)
    site.look(after_ms=60_000)
    place = EventPlace(block=block(1), transaction_hash=b"\1" * 32, log_index=0)
    borrowed = LendingChanged(
        place=place,
        market=LendingMarket.AAVE_V3,
        action=LendingAction.BORROW,
        account=MAKER,
        token=USDC.address,
        amount=10 * USD,
    )
    # Two deliveries: the first is committed, the second one fails.
    site.desk._feed = ChainFeed(most_steps=1)
    site.happens(block(1), (borrowed,))
    site.happens(block(2), filled(block(2)))
    monkeypatch.setattr("pmm.desk.performance.put_fill", _fails)
    with pytest.raises(RuntimeError):
        site.look(after_ms=1_000)
    monkeypatch.undo()
    site.book.lending[key] = owed(60 * USD)
    assert amounts(site.look(after_ms=60_000)) == {"WETH spread": 2 * USD}


def test_look__ledger_fails_while_markouts_are_written__judges_them_with_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.happens(block(1), filled(block(1)))
    site.look()
    monkeypatch.setattr("pmm.desk.performance.put_markouts", _fails)
    with pytest.raises(RuntimeError):
        site.look(after_ms=1_000)
    monkeypatch.undo()
    found = site.look(after_ms=100)
    assert [one.horizon_s for one in found if isinstance(one, MarkoutTaken)] == [1]
    assert site.count("markouts") == 1


def owed(amount: int) -> LendingPosition:
    return LendingPosition(supply=NO_AMOUNT, debt=replace(NO_AMOUNT, amount=amount), read_at_s=100)


def _fails(*_: object) -> None:
    raise RuntimeError("killed")


def test_restart__tells_risk_the_day_again_and_waits_for_the_horizons_that_are_left(site: Site) -> None:
    site.happens(block(1), filled(block(1)))
    site.look()
    site.look(after_ms=1_000)
    site.now_ms += 4_000
    site.again()
    told = site.look()
    assert amounts(told) == {"WETH spread": 2 * USD}
    assert [one.horizon_s for one in told if isinstance(one, MarkoutTaken)] == [1, 5]
    # The report adds up what each process gained: what another one booked is not counted again.
    assert site.value("pmm_desk_pnl_usd", token="WETH", component="spread") is None
    assert site.desk.day_usd(site.now_ms)[0] == 2
    site.now_ms += 86_400_001
    site.again()
    assert site.look() == []


def test_markouts__by_later_prices__are_rows_metrics_and_a_histogram(site: Site) -> None:
    site.happens(block(1), filled(block(1)))
    site.look()
    found = [one for one in site.look(3_030, after_ms=1_000) if isinstance(one, MarkoutTaken)]
    assert found == [MarkoutTaken(START_MS + 1_000, 1, (3_030 - 2_998) * 10_000_000 // 3_030)]
    assert site.value("pmm_desk_markout_bps_count", horizon_s="1") == 1
    assert site.ledger.read("SELECT horizon_s, markout_bps_e3 FROM performance_markouts") == [
        (1, found[0].markout_bps_e3)
    ]


def test_markouts__fill_that_was_seen_late__has_only_the_horizons_that_are_to_come(site: Site) -> None:
    site.happens(block(1, time_s=60), filled(block(1, time_s=60)))
    found = [one.horizon_s for one in site.look(at_s=100) if isinstance(one, MarkoutTaken)]
    assert found == [30]
    assert [one.horizon_s for one in site.look(after_ms=20_000) if isinstance(one, MarkoutTaken)] == [60]


def test_profit__of_a_token__is_that_of_what_is_no_numeraire(site: Site) -> None:
    site.happens(block(1), filled(block(1)))
    (booked,) = [one for one in site.look() if isinstance(one, PnlBooked)]
    assert (booked.token, booked.component) == (WETH.symbol, PnlComponent.SPREAD)
