"""Quotes, fills, hedges and transactions reach risk once each, through restarts and reorganisations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.desk.venue_times import VenueTimes
from pmm.domain import WETH, TokenMoved
from pmm.execution.hedging import IntentState, PerpOrder, Report, ReportState
from pmm.risk.engine import RiskEngine
from pmm.risk.events import (
    EdgeRealised,
    FlashLoanTaken,
    InventoryHeld,
    QuoteExecuted,
    QuoteGiven,
    Rebalanced,
    RiskEvent,
    SettlementEnded,
    TransactionIncluded,
    VenueTradeDone,
)
from pmm.risk.settings import RiskSettings
from tests.unit.desk.business_site import QUOTE, BusinessSite, keep, mined, pending
from tests.unit.desk.performance_site import POOL, START_MS, USD, block, filled, swapped

_VALUE = 2_998 * USD
_GIVEN = QuoteGiven(QUOTE.given_ms, "1inch", "USDC/WETH", "any", _VALUE)
_EXECUTED = QuoteExecuted(START_MS, "1inch", "USDC/WETH", "any", _VALUE)
_SETTLED = SettlementEnded(START_MS, True, _VALUE)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[BusinessSite]:
    found = BusinessSite(tmp_path)
    found.told()
    yield found
    found.ledger.close()


def of(events: list[RiskEvent], *kinds: type) -> list[RiskEvent]:
    return [one for one in events if isinstance(one, kinds)]


def values(events: list[RiskEvent], now_ms: int) -> dict[str, float | None]:
    engine = RiskEngine(RiskSettings())
    for one in events:
        engine.apply(one)
    return {one.name: one.value for one in engine.tick(now_ms)}


def test_fill_of_a_quote__unhedged_asset__is_settled_executed_and_judged_once(site: BusinessSite) -> None:
    site.happens(block(1), filled(block(1)))
    told = site.told()
    # Of the ten basis points of the fair value two were for gas; two dollars came.
    expected = int(2_998 * USD / 0.999 * 0.0008)
    assert told == [_SETTLED, _EXECUTED, EdgeRealised(START_MS, expected, 2 * USD)]
    assert site.told(after_ms=60_000) == []


def test_restart__tells_the_day_again_and_no_more(site: BusinessSite) -> None:
    site.happens(block(1), filled(block(1)))
    before = site.told()
    for _ in range(2):
        site.again()
        again = of(site.told(), SettlementEnded, QuoteExecuted, EdgeRealised)
        assert sorted(map(repr, again)) == sorted(map(repr, before))
        assert site.told() == []
    site.now_ms += 86_400_001
    site.again()
    assert of(site.told(), SettlementEnded, QuoteExecuted, EdgeRealised) == []


def test_quotes__are_told_again_after_a_restart_and_never_twice(site: BusinessSite) -> None:
    assert site.told() == []
    site.journal.quotes[b"\2" * 32] = replace(QUOTE, seq=2, given_ms=START_MS)
    assert site.told() == [replace(_GIVEN, at_ms=START_MS)]
    site.again()
    assert of(site.told(), QuoteGiven) == [_GIVEN, replace(_GIVEN, at_ms=START_MS)]


def test_reorganisation__takes_back_all_that_stood_on_the_fill(site: BusinessSite) -> None:
    site.happens(block(1), filled(block(1)))
    told = [_GIVEN, *site.told()]
    site.happens(block(1, fork=1), (), ancestor=0)
    told += site.told(after_ms=1_000)
    after = values(told, site.now_ms)
    assert after["settlement_success_pct"] is None
    assert after["realised_edge_pct"] is None
    assert after["quote_to_fill_pct"] == 0
    assert after["quote_acceptance_pct[relayer:1inch]"] == 0
    site.happens(block(2, fork=1), filled(block(2, fork=1)))
    told += site.told()
    again = values(told, site.now_ms)
    assert (again["settlement_success_pct"], again["quote_to_fill_pct"]) == (100, 100)
    site.again()
    assert len(of(site.told(), SettlementEnded)) == 1


def test_crash_before_the_commit__tells_of_the_fill_with_the_next_look(
    site: BusinessSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.happens(block(1), filled(block(1)))
    monkeypatch.setattr("pmm.desk.business.put_fill", _fails)
    with pytest.raises(RuntimeError):
        site.told()
    monkeypatch.undo()
    site.again()
    assert of(site.told(), SettlementEnded) == [_SETTLED]


def test_ledger_fails_behind_the_commit__what_was_written_is_told_later(
    site: BusinessSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.happens(block(1), filled(block(1)))
    monkeypatch.setattr("pmm.desk.business.drop_fill", _fails)
    with pytest.raises(RuntimeError):
        site.told()
    monkeypatch.undo()
    told = site.told(after_ms=10_000)
    assert [type(one) for one in told] == [SettlementEnded, QuoteExecuted, EdgeRealised]


def _fails(*_: object) -> None:
    raise RuntimeError("killed")


def test_journal_down__fill_is_settled_at_once_and_executed_once_it_is_back(site: BusinessSite) -> None:
    site.happens(block(1), filled(block(1)))
    site.journal.down = True
    assert site.told() == [_SETTLED]
    site.again()
    assert of(site.told(after_ms=1_000), QuoteExecuted) == []
    site.journal.down = False
    assert of(site.told(after_ms=10_000), QuoteExecuted) == [_EXECUTED]


def test_fill_of_no_quote_of_the_server__is_a_settlement_alone(site: BusinessSite) -> None:
    site.journal.quotes.clear()
    site.happens(block(1), filled(block(1)))
    assert site.told() == [_SETTLED]
    assert site.ledger.read("SELECT count(*) FROM business_fills") == [(0,)]


def test_edge__hedged_fill__waits_for_the_hedge_and_pays_its_loss_and_gas(site: BusinessSite) -> None:
    site.happens(block(1), (*filled(block(1)), *swapped(block(1))))
    site.enter()
    site.hedge(IntentState.OPEN)
    assert of(site.told(), EdgeRealised) == []
    keep(site, mined(pending()))
    site.hedge(IntentState.DONE)
    # Two dollars of the fill, less five that the swap lost, less three for its gas; through a restart.
    site.again()
    (edge,) = of(site.told(hedged=True), EdgeRealised)
    assert isinstance(edge, EdgeRealised)
    assert edge.realised_usd_e6 == (2 - 5 - 3) * USD
    assert of(site.told(hedged=True), EdgeRealised) == []


def test_edge__fill_that_nobody_hedges__is_its_own_after_an_hour(site: BusinessSite) -> None:
    site.happens(block(1), filled(block(1)))
    site.enter()
    assert of(site.told(), EdgeRealised) == []
    (edge,) = of(site.told(after_ms=3_600_000), EdgeRealised)
    assert isinstance(edge, EdgeRealised)
    assert (edge.at_ms, edge.realised_usd_e6) == (START_MS, 2 * USD)


def test_edge__desk_that_does_not_hedge__is_known_at_once(site: BusinessSite) -> None:
    site.hedges = False
    site.again()
    site.enter()
    site.happens(block(1), filled(block(1)))
    assert len(of(site.told(), EdgeRealised)) == 1


def test_flash_loan__is_its_share_of_the_volume(site: BusinessSite) -> None:
    fill, paid, got = filled(block(1))
    assert isinstance(paid, TokenMoved)
    came = replace(paid, sender=POOL, receiver=paid.sender)
    later = [
        replace(one, place=replace(one.place, log_index=5 + index)) for index, one in enumerate((paid, got))
    ]
    site.happens(block(1), (fill, came, *later))
    told = site.told()
    assert of(told, FlashLoanTaken) == [FlashLoanTaken(START_MS, _VALUE)]
    assert values(told, site.now_ms)["flash_loan_exposure_pct"] == 100
    site.happens(block(1, fork=1), (), ancestor=0)
    assert of(site.told(), FlashLoanTaken) == [FlashLoanTaken(START_MS, -_VALUE)]


def test_hedge__that_is_done__is_one_rebalancing__through_restarts(site: BusinessSite) -> None:
    site.hedge(IntentState.OPEN, claims=False)
    assert site.told(hedged=True) == []
    site.hedge(IntentState.DONE, claims=False)
    assert site.told(hedged=True) == [Rebalanced(START_MS)]
    assert site.told(hedged=True) == []
    site.again()
    assert of(site.told(hedged=True), Rebalanced) == [Rebalanced(START_MS)]


def test_hedge__done_in_the_turn_of_a_crash__is_counted_by_the_next_process(site: BusinessSite) -> None:
    site.hedge(IntentState.DONE, claims=False)
    site.again()
    assert of(site.told(), Rebalanced) == [Rebalanced(START_MS)]


def test_nothing_rebalanced__is_known_to_be_none(site: BusinessSite) -> None:
    site.again()
    found = site.business.look(site.book, None, site.now_ms, hedged=False)
    assert values(found, site.now_ms)["rebalances_per_day"] == 0


def test_transaction__from_decision_to_its_block__is_told_once(site: BusinessSite) -> None:
    site.transactions.deciding()
    site.clock_ns += 7_000_000
    record = pending()
    site.transactions.seen(record)
    site.clock_ns += 10**9
    site.transactions.seen(record)
    assert site.told() == []
    included = [TransactionIncluded(START_MS, 7_000, 2)]
    assert site.told(records=[mined(record)]) == included
    # Confirmed, or in another block: the same transaction.
    assert site.told(records=[mined(record, number=9)]) == []
    site.again()
    assert of(site.told(), TransactionIncluded) == included


def test_transaction__restart_before_its_block__keeps_the_time(site: BusinessSite) -> None:
    site.transactions.deciding()
    site.clock_ns += 7_000_000
    site.transactions.seen(pending())
    site.told()
    site.again()
    site.transactions.begin([pending().intent.key])
    site.transactions.deciding()
    site.transactions.seen(pending())
    assert of(site.told(records=[mined(pending())]), TransactionIncluded) == [
        TransactionIncluded(START_MS, 7_000, 2)
    ]


def test_transaction__of_an_earlier_process_sent_again__has_no_time_and_its_blocks(
    site: BusinessSite,
) -> None:
    site.transactions.begin([pending().intent.key])
    site.transactions.deciding()
    site.transactions.seen(pending())
    (told,) = site.told(records=[mined(pending())])
    assert told == TransactionIncluded(START_MS, None, 2)
    found = values([told], site.now_ms)
    assert (found["submission_latency_ms"], found["inclusion_blocks"]) == (None, 2)


def test_transaction__included_in_the_turn_of_a_crash__is_told_by_the_next_process(
    site: BusinessSite,
) -> None:
    at = block(1, time_s=START_MS // 1_000)
    site.happens(at, filled(at))
    site.told()
    keep(site, mined(pending()))
    for _ in range(2):
        site.again()
        assert of(site.told(), TransactionIncluded) == [TransactionIncluded(START_MS, None, 2)]


def test_inventory__is_written_now_and_then_and_told_after_a_restart(site: BusinessSite) -> None:
    assert of(site.told(after_ms=1_000), InventoryHeld) == []
    site.told(after_ms=600_000)
    site.again()
    assert [one.at_ms for one in of(site.told(), InventoryHeld)] == [START_MS, START_MS + 601_000]


def test_turnover__of_before_a_restart__stands_over_the_time_that_was_watched() -> None:
    day, hour = [SettlementEnded(START_MS + 1, True, 240 * USD)], 3_600_000
    held = [InventoryHeld(START_MS + hour * number, 100 * USD) for number in range(3)]
    found = values([held[0], *day, *held[1:]], START_MS + 2 * hour)
    assert found["inventory_turnover_per_day"] == pytest.approx(240 / 100 * 12)


class Venue:
    """A perp venue that fills when it is told to."""

    venue = "paper"
    state = ReportState.PENDING

    def submit(self, key: str, order: PerpOrder) -> Report:
        return Report(state=self.state)

    def report(self, key: str) -> Report:
        return Report(state=self.state)

    def positions(self) -> tuple[()]:
        return ()


_ORDER = PerpOrder(venue="paper", asset=WETH.address, amount=-1, limit_usd_e36=1, purpose="hedge")


def timed(site: BusinessSite, venue: Venue) -> VenueTimes:
    clock: Callable[[], int] = lambda: site.clock_ns  # noqa: E731
    found = VenueTimes(venue, clock_ms=lambda: site.now_ms, clock_ns=clock)
    site.venues = (found,)
    site.again()
    return found


def test_venue__order_to_completion__is_timed_once(site: BusinessSite) -> None:
    venue = Venue()
    times = timed(site, venue)
    times.submit("a", _ORDER)
    site.clock_ns += 5_000_000
    assert times.report("a").state is ReportState.PENDING
    venue.state = ReportState.DONE
    times.report("a")
    times.report("a")
    done = [VenueTradeDone(START_MS, 5_000)]
    assert of(site.told(), VenueTradeDone) == done
    assert of(site.told(), VenueTradeDone) == []
    site.again()
    assert of(site.told(), VenueTradeDone) == done


def test_venue__order_that_failed__or_of_an_earlier_process__has_no_time(site: BusinessSite) -> None:
    venue = Venue()
    times = timed(site, venue)
    times.submit("a", _ORDER)
    venue.state = ReportState.FAILED
    times.report("a")
    venue.state = ReportState.DONE
    times.report("b")
    assert (times.venue, times.positions()) == ("paper", ())
    assert of(site.told(), VenueTradeDone) == []
