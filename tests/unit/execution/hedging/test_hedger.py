"""The hedger: every fill is hedged once, whatever happens between it and its hedge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH, TokenMoved
from pmm.execution.hedging import (
    BandHedge,
    BatchHedge,
    ContractCall,
    HedgeLimits,
    Hedger,
    Immediate,
    Intent,
    IntentState,
    Leg,
    LegState,
    NoHedge,
    NoticeKind,
    RatioHedge,
    ReportState,
)
from pmm.execution.hedging.accounting import HedgeAccounts
from pmm.execution.hedging.commanded import CommandedState
from pmm.execution.hedging.records import HedgeState
from pmm.ledger import Ledger
from tests.helpers.hedging import (
    ETHER,
    POOL,
    SETTLEMENT,
    FakeSender,
    FlatRoute,
    block,
    change,
    fill_events,
    hedger_on,
    market,
    open_hedging_ledger,
    place,
    swap_events,
)

T1, T2 = b"\x01" * 32, b"\x02" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_hedging_ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


def test_fill__immediate__is_hedged_in_the_same_turn_and_closed_by_its_events(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    (key,) = sender.submitted
    assert hedger.open_delta(WETH.address) == 0
    assert hedger.in_flight(WETH.address) == ETHER
    mined = swap_events(block(2), sender.mine(key), weth=ETHER)
    notices = hedger.on_change(change(block(2), added=mined), now_ms=2, market=market())
    assert [one.kind for one in notices] == [NoticeKind.DONE]
    assert (hedger.open_delta(WETH.address), hedger.in_flight(WETH.address)) == (0, 0)
    assert hedger.live_intents() == ()


def test_same_change__twice__is_hedged_once(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    step = change(block(1), added=fill_events(block(1), T1, sells=ETHER))
    for _ in range(2):
        hedger.on_change(step, now_ms=1, market=market())
    again = hedger_on(ledger, sender)
    again.on_change(step, now_ms=2, market=market())
    assert len(sender.submitted) == 1


def test_crash_between_fill_and_hedge__restart__hedges_it(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(change(block(1), added=fill_events(block(1), T1, buys=ETHER)), now_ms=1)
    assert sender.submitted == []
    again = hedger_on(ledger, sender)
    assert again.cursor == (1, block(1).hash)
    again.step(now_ms=2, market=market())
    assert len(sender.submitted) == 1
    assert again.in_flight(WETH.address) == -ETHER


@pytest.mark.parametrize(("how", "sent"), [("before", 1), ("after", 1)])
def test_lost_answer__is_unknown_until_asked__never_sent_twice(
    ledger: Ledger, sender: FakeSender, how: str, sent: int
) -> None:
    hedger = hedger_on(ledger, sender)
    sender.fail, sender.mute = [how], True
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    before = len(sender.records)
    for now_ms in (2, 3):
        hedger.step(now_ms=now_ms, market=market())
        assert [leg.state for leg in hedger.legs_in_flight()] == [LegState.UNKNOWN]
        assert len(sender.records) == before
    sender.mute = False
    hedger.step(now_ms=4, market=market())
    assert len(sender.records) == sent
    assert [leg.state for leg in hedger.legs_in_flight()] == [LegState.SUBMITTED]


def test_leg__is_good_for_some_blocks_of_its_market__what_takes_it_back_for_ever(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(legs=2),))
    sender.fail = ["refuse"]
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    hedger.step(now_ms=2, market=replace(market(), block_number=101))
    (taken,) = sender.records.values()
    assert taken[0].last_block == 126
    legs = hedger_on(ledger, sender)._books.accounts.legs(tuple(LegState))
    planned = [leg.call.last_block for leg in legs if isinstance(leg.call, ContractCall)]
    assert planned == [26, 26, 126, 126]
    undo = [call.last_block for leg in legs for call in leg.undo if isinstance(call, ContractCall)]
    assert undo == [None] * 4


def test_fill_in_a_block_that_is_final_already__leaves_nothing_to_be_seen_in_memory_or_ledger(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    step = change(block(70), added=fill_events(block(1), T1, sells=ETHER), finalised=5)
    hedger.on_change(step, now_ms=1)
    assert hedger._books.accounts._seen == {}
    assert ledger.read("SELECT count(*) FROM hedging_seen") == [(0,)]


def test_crash_while_sending__sender_says_failed__but_its_events_are_on_the_chain__is_not_hedged_again(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    sender.fail = ["after"]
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    (key,) = sender.submitted
    mined = swap_events(block(2), sender.hash_of(key), weth=ETHER)
    sender.mute = True
    hedger.on_change(change(block(2), added=mined), now_ms=2, market=market())
    sender.mute = False
    sender.records[key] = (sender.records[key][0], ReportState.FAILED)
    for now_ms in (3, 4, 20_000):
        hedger.step(now_ms=now_ms, market=market())
    assert sender.submitted == [key]
    assert (hedger.open_delta(WETH.address), hedger.in_flight(WETH.address)) == (0, 0)


def test_reorg__takes_an_unhedged_fill__nets_to_nothing(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    events = fill_events(block(1), T1, sells=ETHER)
    hedger.on_change(change(block(1), added=events), now_ms=1)
    hedger.on_change(change(block(1, "b"), removed=events[::-1]), now_ms=2, market=market())
    assert hedger.open_delta(WETH.address) == 0
    assert sender.submitted == []


def test_reorg__takes_a_hedged_fill__the_opposite_is_hedged(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    events = fill_events(block(1), T1, sells=ETHER)
    hedger.on_change(change(block(1), added=events), now_ms=1, market=market())
    hedger.on_change(change(block(1, "b"), removed=events[::-1]), now_ms=2, market=market())
    first, second = sender.submitted
    assert sender.records[first][0].purpose == f"flat {ETHER} leg 0"
    assert sender.records[second][0].purpose == f"flat {-ETHER} leg 0"
    # The same branch comes back: the fill counts again.
    hedger.on_change(change(block(1), added=events), now_ms=3, market=market())
    assert len(sender.submitted) == 3
    assert hedger.in_flight(WETH.address) == ETHER


def test_reorg__takes_the_hedge__stays_unknown_until_mined_again(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    (key,) = sender.submitted
    mined = swap_events(block(2), sender.mine(key), weth=ETHER)
    hedger.on_change(change(block(2), added=mined), now_ms=2, market=market())
    notices = hedger.on_change(change(block(2, "b"), removed=mined[::-1]), now_ms=3, market=market())
    assert NoticeKind.UNDONE in [one.kind for one in notices]
    assert hedger.in_flight(WETH.address) == ETHER
    again = swap_events(block(3, "b"), sender.hash_of(key), weth=ETHER)
    hedger.on_change(change(block(3, "b"), added=again), now_ms=4, market=market())
    assert hedger.in_flight(WETH.address) == hedger.open_delta(WETH.address) == 0
    assert sender.submitted == [key]


def test_hedge__brings_another_amount__the_rest_is_open_again(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, strategy=BandHedge(inner=0, outer=ETHER // 2))
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    mined = swap_events(block(2), sender.mine(sender.submitted[0]), weth=ETHER + 7)
    hedger.on_change(change(block(2), added=mined), now_ms=2, market=market())
    assert hedger.open_delta(WETH.address) == 7


def test_atomic_hedge__inside_the_fill__is_not_hedged_again(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    fill = fill_events(block(1), T1, buys=ETHER)
    hook = swap_events(block(1), T1, weth=-ETHER, first_log=3)
    hedger.on_change(change(block(1), added=(*fill, *hook)), now_ms=1, market=market())
    assert sender.submitted == []
    # A hook that sells half leaves the other half to us.
    half = swap_events(block(2), T2, weth=-ETHER // 2, first_log=3)
    second = fill_events(block(2), T2, buys=ETHER)
    hedger.on_change(change(block(2), added=(*second, *half)), now_ms=2, market=market())
    assert hedger.in_flight(WETH.address) == -ETHER // 2


def test_funded_fill__only_the_profit_reaches_us__has_no_delta(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    fill = fill_events(block(1), T1, sells=60 * ETHER)
    moved = TokenMoved(
        place=place(block(1), T1), token=USDC.address, sender=POOL, receiver=SETTLEMENT, amount=5
    )
    hedger.on_change(change(block(1), added=(moved, fill[2])), now_ms=1, market=market())
    assert sender.submitted == []
    assert hedger.open_delta(WETH.address) == 0


def test_transfer_without_fill__is_no_fill(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(change(block(1), added=swap_events(block(1), T1, weth=ETHER)), now_ms=1, market=market())
    assert sender.submitted == []
    assert hedger.open_delta(WETH.address) == 0


def test_refused_leg__is_repaired_then_given_up__and_the_delta_is_open_again(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    sender.fail = ["refuse"] * 3
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    kinds = [one.kind for now in (2, 3, 4) for one in hedger.step(now_ms=now, market=market())]
    assert kinds == [NoticeKind.REPAIRED, NoticeKind.REPAIRED, NoticeKind.FAILED]
    assert hedger.open_delta(WETH.address) == -ETHER
    # It rests before it is tried again, and then it is.
    hedger.step(now_ms=5, market=market())
    assert len(sender.submitted) == 3
    hedger.step(now_ms=20_000, market=market())
    assert len(sender.submitted) == 4
    assert hedger.open_delta(WETH.address) == 0


def test_second_leg_fails__the_first_is_taken_back__and_the_delta_is_open_again(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(legs=2),))
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    first = sender.submitted[0]
    # A leg that moves collateral changes no delta, but it has events.
    moved = TokenMoved(
        place=place(block(2), sender.mine(first)),
        token=WETH.address,
        sender=SETTLEMENT,
        receiver=SETTLEMENT,
        amount=1,
    )
    sender.fail = ["revert"] * 3
    hedger.on_change(change(block(2), added=(moved,)), now_ms=2, market=market())
    kinds = [one.kind for now in range(3, 12) for one in hedger.step(now_ms=now, market=market())]
    assert kinds == [NoticeKind.REPAIRED, NoticeKind.REPAIRED, NoticeKind.UNWINDING]
    undo = sender.submitted[-1]
    assert sender.records[undo][0].purpose == "undo of flat"
    back = replace(moved, place=place(block(3), sender.mine(undo)))
    notices = hedger.on_change(change(block(3), added=(back,)), now_ms=20, market=market())
    assert [one.kind for one in notices] == [NoticeKind.FAILED]
    assert hedger.open_delta(WETH.address) == -ETHER


def test_undo_fails_too__is_stuck_and_said(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(legs=2),))
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    moved = TokenMoved(
        place=place(block(2), sender.mine(sender.submitted[0])),
        token=WETH.address,
        sender=SETTLEMENT,
        receiver=SETTLEMENT,
        amount=1,
    )
    sender.fail = ["revert"] * 6
    hedger.on_change(change(block(2), added=(moved,)), now_ms=2, market=market())
    kinds = [one.kind for now in range(3, 20) for one in hedger.step(now_ms=now, market=market())]
    assert kinds[-1] is NoticeKind.STUCK
    assert hedger.open_delta(WETH.address) == -ETHER


def test_no_route_within_the_limits__waits_and_says_why(ledger: Ledger, sender: FakeSender) -> None:
    routes = (FlatRoute(cost_bps=60), FlatRoute(name="closed", why_not="no depth"))
    hedger = hedger_on(ledger, sender, routes=routes)
    (notice,) = hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert notice.kind is NoticeKind.NO_ROUTE
    assert "cost: expected at most 50 bps" in notice.detail
    assert "no depth" in notice.detail
    assert hedger.open_delta(WETH.address) == -ETHER
    # It rests before it is judged again.
    assert hedger.step(now_ms=10_000, market=market()) == ()
    assert len(hedger.step(now_ms=10_001, market=market())) == 1


def test_profit_limit__holds_a_hedge_back__unless_risk_commands(ledger: Ledger, sender: FakeSender) -> None:
    limits = HedgeLimits(min_profit_usd_wad=0)
    hedger = hedger_on(ledger, sender, limits=limits)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    # The fill was at fair value: a hedge of any cost loses.
    assert sender.submitted == []
    assert hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    assert not hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    hedger.step(now_ms=3, market=market())
    assert len(sender.submitted) == 1


def test_command_without_a_route__is_tried_at_once_then_rests_like_any_other(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(name="closed", why_not="no depth"),))
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    said = [[one.kind for one in hedger.step(now_ms=now, market=market())] for now in (3, 4, 5)]
    assert said == [[NoticeKind.NO_ROUTE], [], []]
    assert sender.submitted == []


def test_command__its_hedge_fails__is_told_stays_commanded_and_is_tried_again_over_a_restart(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, strategy=NoHedge())
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    sender.fail = ["refuse"] * 3
    said = [one for now in (3, 4, 5, 6) for one in hedger.step(now_ms=now, market=market())]
    assert said[-1].kind is NoticeKind.FAILED
    assert said[-1].detail == "a command was not done and is tried again: it would revert"
    assert (sender.records, hedger.open_delta(WETH.address)) == ({}, -ETHER)
    again = hedger_on(ledger, sender, strategy=NoHedge())
    again.step(now_ms=20_000, market=market())
    assert len(sender.records) == 1
    assert again.open_delta(WETH.address) == 0


def test_commanded__hedge_that_fails_and_is_done_by_another__is_followed_to_its_end(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, strategy=NoHedge())
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert hedger.commanded("risk 1") is None
    assert hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    assert came_to(hedger) is CommandedState.WAITING
    sender.fail = ["refuse"] * 3
    seen = []
    for now_ms in (3, 4, 5, 6):
        hedger.step(now_ms=now_ms, market=market())
        seen.append(came_to(hedger))
    assert seen[0] is CommandedState.UNDER_WAY
    assert seen[-1] is CommandedState.AGAIN
    found = hedger.commanded("risk 1")
    assert found is not None
    assert found.detail == "a command was not done and is tried again: it would revert"
    # Over a restart, from the ledger alone.
    again = hedger_on(ledger, sender, strategy=NoHedge())
    again.step(now_ms=20_000, market=market())
    assert came_to(again) is CommandedState.UNDER_WAY
    (key,) = sender.records
    mined = swap_events(block(2), sender.mine(key), weth=ETHER)
    again.on_change(change(block(2), added=mined), now_ms=20_001, market=market())
    assert came_to(again) is CommandedState.DONE


def came_to(hedger: Hedger) -> CommandedState:
    found = hedger.commanded("risk 1")
    assert found is not None
    return found.state


def test_no_route__says_why_until_there_is_one(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, routes=(FlatRoute(name="closed", why_not="no depth"),))
    assert hedger.no_route(WETH.address) == ""
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert "closed: no depth" in hedger.no_route(WETH.address)
    # A command is judged by its own decision.
    assert hedger.hedge_now(WETH.address, 0, key="risk 1", now_ms=2)
    assert hedger.no_route(WETH.address) == ""
    hedger.step(now_ms=3, market=market())
    assert "closed: no depth" in hedger.no_route(WETH.address)


def test_no_command__its_hedge_fails__is_left_to_the_strategy(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    sender.fail = ["refuse"] * 3
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    for now_ms in (2, 3, 4):
        hedger.step(now_ms=now_ms, market=market())
    again = hedger_on(ledger, sender, strategy=NoHedge())
    again.step(now_ms=20_000, market=market())
    assert sender.records == {}


def test_profit_limit__hedge_failed_before__the_edge_of_its_fills_still_counts(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, limits=HedgeLimits(min_profit_usd_wad=0))
    moved, *rest = fill_events(block(1), T1, sells=ETHER)
    assert isinstance(moved, TokenMoved)
    # The taker pays 3,030 USDC for a WETH of 3,000: 30 US dollars, and a hedge costs 1.50.
    earned = (replace(moved, amount=3_030 * 10**6), *rest)
    sender.fail = ["refuse"] * 3
    hedger.on_change(change(block(1), added=earned), now_ms=1, market=market())
    for now_ms in (2, 3, 4):
        hedger.step(now_ms=now_ms, market=market())
    assert (len(sender.records), hedger.open_delta(WETH.address)) == (0, -ETHER)
    hedger.step(now_ms=20_000, market=market())
    assert len(sender.records) == 1
    edges = ledger.read("SELECT kind, edge_usd_wad FROM hedging_entries ORDER BY seq")
    assert edges == [("fill", str(30 * 10**18)), ("return", str(30 * 10**18))]


@pytest.mark.parametrize("trade", [3 * ETHER, -3 * ETHER])
@pytest.mark.parametrize("got", [-1, 0, 1, 2, 3, 4])
def test_closed_and_reopened__edges_go_with_what_was_not_traded__and_come_back(trade: int, got: int) -> None:
    intent = Intent(
        intent_id="a", asset=WETH.address, trade=trade, waived=0, route="flat", strategy="immediate", reason="",
        created_ms=0, cost_usd_wad=0, edge_usd_wad=30,
    )  # fmt: skip
    leg = Leg(
        key="a:0:0", intent_id="a", number=0, attempt=0, call=FlatRoute.call("a"), state=LegState.SETTLED,
        got=got * trade // 3,
    )  # fmt: skip
    accounts = HedgeAccounts(HedgeState(intents=(intent,), legs=(leg,)))
    closed = accounts.closed(intent, IntentState.FAILED, at_ms=1)
    accounts.apply(closed)
    assert sum(one.edge_usd_wad for one in closed.entries) == 10 * min(max(3 - got, 0), 3)
    undone = accounts.reopened(leg, at_ms=2)
    assert sum(one.edge_usd_wad for one in (*closed.entries, *undone.entries)) == 0
    assert sum(one.amount for one in (*closed.entries, *undone.entries)) == 0


def test_step__route_breaks_half_way__the_books_are_those_of_the_ledger(
    ledger: Ledger, sender: FakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1)

    def breaks() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hedger._work, "take_ready", breaks)
    with pytest.raises(ZeroDivisionError):
        hedger.step(now_ms=2, market=market())
    assert (hedger.open_delta(WETH.address), hedger.live_intents()) == (-ETHER, ())
    monkeypatch.undo()
    # It is decided anew, by the market of then.
    hedger.step(now_ms=3, market=replace(market(), block_number=101))
    (taken,) = sender.records.values()
    assert taken[0].last_block == 126


def test_routes__the_cheapest_is_taken(ledger: Ledger, sender: FakeSender) -> None:
    routes = (FlatRoute(name="dear", cost_bps=9), FlatRoute(name="cheap", cost_bps=3))
    hedger = hedger_on(ledger, sender, routes=routes)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert [one.route for one in hedger.live_intents()] == ["cheap"]


def test_none__keeps_the_delta_open(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, strategy=NoHedge())
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert (sender.submitted, hedger.open_delta(WETH.address)) == ([], -ETHER)


def test_band__inside__waits__beyond__trades_to_the_inner_edge(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, strategy=BandHedge(inner=ETHER // 2, outer=ETHER))
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert sender.submitted == []
    hedger.on_change(
        change(block(2), added=fill_events(block(2), T2, sells=ETHER)), now_ms=2, market=market()
    )
    assert hedger.in_flight(WETH.address) == 3 * ETHER // 2
    assert hedger.open_delta(WETH.address) == -ETHER // 2


def test_batch__by_size_and_by_age(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender, strategy=BatchHedge(usd_wad=6_000 * 10**18, age_ms=1_000))
    for number, transaction in ((1, T1), (2, T2)):
        assert sender.submitted == []
        events = fill_events(block(number), transaction, sells=ETHER)
        hedger.on_change(change(block(number), added=events), now_ms=number, market=market())
    assert hedger.in_flight(WETH.address) == 2 * ETHER
    hedger.on_change(
        change(block(3), added=fill_events(block(3), b"\x03" * 32, buys=1)), now_ms=10, market=market()
    )
    assert len(sender.submitted) == 1
    hedger.step(now_ms=1_010, market=market())
    assert len(sender.submitted) == 2


def test_ratio__hedges_its_share__and_leaves_the_rest_for_good(ledger: Ledger, sender: FakeSender) -> None:
    strategy = RatioHedge(ratio_wad=8 * 10**17, inside=Immediate())
    hedger = hedger_on(ledger, sender, strategy=strategy)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    assert hedger.in_flight(WETH.address) == 8 * ETHER // 10
    assert hedger.open_delta(WETH.address) == 0
    assert [one.waived for one in hedger.live_intents()] == [-2 * ETHER // 10]


def test_sender_denies_what_it_named__is_a_contradiction_and_not_sent_again(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    sender.records.clear()
    (notice,) = hedger.step(now_ms=2, market=market())
    assert notice.kind is NoticeKind.CONTRADICTION
    assert len(sender.submitted) == 1
    assert sender.records == {}


class Down(Exception):
    pass


@pytest.mark.parametrize("broken", [("write",), ("write", "load")])
def test_ledger_down__nothing_is_sent__and_the_fill_is_hedged_when_it_is_back(
    ledger: Ledger, sender: FakeSender, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]
) -> None:
    hedger = hedger_on(ledger, sender)

    def fail(*_: object) -> None:
        raise Down

    for name in broken:
        monkeypatch.setattr(hedger._ledger, name, fail)
    step = change(block(1), added=fill_events(block(1), T1, sells=ETHER))
    for _ in range(2):
        with pytest.raises(Down):
            hedger.on_change(step, now_ms=1, market=market())
    assert sender.submitted == []
    monkeypatch.undo()
    assert (hedger.open_delta(WETH.address), hedger.cursor) == (0, None)
    hedger.on_change(step, now_ms=1, market=market())
    assert len(sender.submitted) == 1
    assert ledger.read("SELECT count(*) FROM hedging_entries WHERE intent_id IS NOT NULL") == [(1,)]


def test_market_without_a_price__books_the_fill_and_says_why_it_waits(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender)
    blind = replace(market(), usd_per_unit_e36={})
    step = change(block(1), added=fill_events(block(1), T1, sells=ETHER))
    (notice,) = hedger.on_change(step, now_ms=1, market=blind)
    assert notice.kind is NoticeKind.NO_ROUTE
    assert "expected a price" in notice.detail
    assert hedger_on(ledger, sender).open_delta(WETH.address) == -ETHER


def test_final_hedge__leaves_memory__and_the_fill_is_still_known(ledger: Ledger, sender: FakeSender) -> None:
    hedger = hedger_on(ledger, sender)
    step = change(block(1), added=fill_events(block(1), T1, sells=ETHER))
    hedger.on_change(step, now_ms=1, market=market())
    mined = swap_events(block(2), sender.mine(sender.submitted[0]), weth=ETHER)
    hedger.on_change(change(block(2), added=mined), now_ms=2, market=market())
    hedger.on_change(change(block(70), finalised=5), now_ms=3, market=market())
    accounts = hedger._books.accounts
    assert not any((accounts._intents, accounts._legs, accounts._entries, accounts._seen))
    hedger.on_change(replace(step, head=block(70), finalised=5), now_ms=4, market=market())
    assert len(sender.submitted) == 1
    assert sender.records[sender.submitted[0]][1] is ReportState.DONE


def test_failed_batch__keeps_its_age__and_is_due_again_after_its_rest(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, strategy=BatchHedge(usd_wad=10**30, age_ms=3_600_000))
    sold = fill_events(block(1), T1, sells=ETHER)
    hedger.on_change(change(block(1), added=sold), now_ms=1, market=market())
    assert sender.submitted == []
    # A crash while it waits loses nothing, its age neither.
    hedger = hedger_on(ledger, sender, strategy=BatchHedge(usd_wad=10**30, age_ms=3_600_000))
    sender.fail = ["refuse"] * 3
    due_ms = 3_600_001
    for now_ms in range(due_ms, due_ms + 4):
        hedger.step(now_ms=now_ms, market=market())
    assert (len(sender.submitted), hedger.open_delta(WETH.address)) == (3, -ETHER)
    hedger.step(now_ms=due_ms + 20_000, market=market())
    assert len(sender.submitted) == 4


def test_failed_part_of_a_ratio__is_tried_again_whole__not_scaled_twice(
    ledger: Ledger, sender: FakeSender
) -> None:
    hedger = hedger_on(ledger, sender, strategy=RatioHedge(ratio_wad=10**18 // 2, inside=Immediate()))
    sender.fail = ["refuse"] * 3
    hedger.on_change(
        change(block(1), added=fill_events(block(1), T1, sells=ETHER)), now_ms=1, market=market()
    )
    for now_ms in (2, 3, 4):
        hedger.step(now_ms=now_ms, market=market())
    assert hedger.open_delta(WETH.address) == -ETHER // 2
    hedger.step(now_ms=20_000, market=market())
    assert hedger.in_flight(WETH.address) == ETHER // 2
