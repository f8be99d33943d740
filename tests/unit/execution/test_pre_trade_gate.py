"""The door of the risk desk: what passes by its state, and that nothing does while it is silent."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import Future
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import DAI, USDC, WETH, Decision, RefusalReason, Token
from pmm.errors import InvalidInput
from pmm.execution import AnsweredQuote, LiveQuote, Settlement
from pmm.execution.nonces import router_nonce
from pmm.execution.pre_trade_gate import GateCondition, PreTradeGate, StaleRiskState
from pmm.execution.records import BookChanges
from pmm.risk.pre_trade import AssetRisk, PreTradeState
from tests.helpers.quoting import (
    CHAIN_TIME_S,
    TAKER,
    Desk,
    ManualClock,
    chain_view,
    market,
    open_test_desk,
)
from tests.unit.execution.test_quote_desk import answered, ask, refused

_NOW_MS = CHAIN_TIME_S * 1000
_E6 = 10**6


def state_of(delta_usd: int = 0, *, line_usd: int = 10_000, **changes: object) -> PreTradeState:
    """Return a state of WETH, made at the manual clock's start, that says nothing of value at risk."""
    state = PreTradeState(
        made_at_ms=_NOW_MS,
        valid_ms=5_000,
        block_number=100,
        stopped=False,
        max_quote_usd_e6=500_000 * _E6,
        assets={
            WETH.address: AssetRisk(
                delta_usd_e6=delta_usd * _E6, limit_usd_e6=line_usd * _E6, slope=0.0, row={}
            )
        },
        numeraires=frozenset({USDC.address}),
        variance=0.0,
        var_limit_usd=None,
    )
    return replace(state, **changes)  # type: ignore[arg-type]


def live(number: int, usd: int, *, sells: Token = WETH, buys: Token = USDC, reserved: int = 1) -> LiveQuote:
    return LiveQuote(
        order_hash=number.to_bytes(32, "big"),
        settlement=Settlement.ONEINCH,
        signer=TAKER,
        nonce=router_nonce(number),
        expiration_s=CHAIN_TIME_S + 30,
        maker_asset=sells.address,
        taker_asset=buys.address,
        reserved_amount=reserved,
        usd_wad=usd * 10**18,
        allowed_sender=0,
    )


def gate_of(clock: ManualClock | None = None, **changes: int | bool) -> PreTradeGate:
    rules = {"required": True, "max_age_ms": 5_000, **changes}
    return PreTradeGate(clock=clock or ManualClock(), **rules)  # type: ignore[arg-type]


def sell(gate: PreTradeGate, usd: int, *, stays: bool = True) -> Decision:
    return gate.check(WETH.address, USDC.address, usd * 10**18, stays=stays)


def buy(gate: PreTradeGate, usd: int) -> Decision:
    return gate.check(USDC.address, WETH.address, usd * 10**18, stays=True)


def watched_desk(state: PreTradeState | None = None, *, confirmations: int = 0) -> tuple[Desk, PreTradeGate]:
    """Return a desk whose quotes of about 3,000 dollars pass the gate, if ``state`` lets them."""
    desk = open_test_desk(confirmations=confirmations)
    gate = gate_of(desk.clock)
    desk.admission.pre_trade = gate
    desk.book.watch(gate)
    if state is not None:
        gate.put(state)
    return desk, gate


def test_check__never_told__refuses_all_and_says_why() -> None:
    gate = gate_of()
    found = sell(gate, 1)
    assert found.reason is RefusalReason.RISK_UNKNOWN
    assert "none since the start" in found.detail
    assert gate.tick() is GateCondition.NEVER_GIVEN
    assert (gate.state, gate.age_ms()) == (None, None)


def test_check__not_required__lets_everything_through() -> None:
    gate = gate_of(required=False)
    assert sell(gate, 10**9).accepted
    gate.put(state_of(stopped=True))
    assert sell(gate, 10**9).accepted


@pytest.mark.parametrize(("age_s", "accepted"), [(5.0, True), (5.001, False)])
def test_check__state_grows_old__closes_at_the_edge(age_s: float, accepted: bool) -> None:
    clock = ManualClock()
    gate = gate_of(clock)
    gate.put(state_of())
    clock.now_s = age_s
    assert sell(gate, 1).accepted is accepted
    assert gate.tick() is (GateCondition.OPEN if accepted else GateCondition.STALE)


def test_check__state_made_a_while_ago__counts_from_when_it_was_made() -> None:
    clock = ManualClock(now_s=3.0)
    gate = gate_of(clock)
    gate.put(state_of())
    clock.now_s = 5.001
    assert sell(gate, 1).reason is RefusalReason.RISK_UNKNOWN


def test_check__desk_says_a_shorter_time__closes_by_it() -> None:
    clock = ManualClock()
    gate = gate_of(clock)
    gate.put(state_of(valid_ms=1_000))
    clock.now_s = 1.001
    assert not sell(gate, 1).accepted


def test_check__desk_is_critical__pauses_until_it_is_not() -> None:
    gate = gate_of(ManualClock(now_s=0.1))
    gate.put(state_of(stopped=True))
    assert sell(gate, 1).reason is RefusalReason.PAUSED
    assert gate.tick() is GateCondition.STOPPED
    gate.put(state_of(made_at_ms=_NOW_MS + 1))
    assert sell(gate, 1).accepted


@pytest.mark.parametrize("earlier_ms", [0, 1, 1_000])
def test_put__not_newer__is_refused_and_changes_nothing(earlier_ms: int) -> None:
    gate = gate_of()
    gate.put(state_of(line_usd=10))
    with pytest.raises(StaleRiskState, match="second desk"):
        gate.put(state_of(line_usd=10_000, made_at_ms=_NOW_MS - earlier_ms))
    assert not sell(gate, 11).accepted


def test_put__too_old_already__is_refused() -> None:
    gate = gate_of(ManualClock(now_s=5.0))
    with pytest.raises(StaleRiskState, match="5000 ms old"):
        gate.put(state_of())
    assert gate.state is None


@pytest.mark.parametrize(("ahead_ms", "accepted"), [(2_000, True), (2_001, False)])
def test_put__desks_clock_is_ahead__passes_two_seconds(ahead_ms: int, accepted: bool) -> None:
    gate, state = gate_of(), state_of(made_at_ms=_NOW_MS + ahead_ms)
    if accepted:
        gate.put(state)
    else:
        with pytest.raises(InvalidInput, match="clocks"):
            gate.put(state)
    assert sell(gate, 1).accepted is accepted


def test_check__beyond_the_line__refuses_that_side_alone() -> None:
    gate = gate_of()
    gate.put(state_of(-8_000))
    assert sell(gate, 2_000).accepted
    assert sell(gate, 2_001).reason is RefusalReason.LIMIT_REACHED
    assert buy(gate, 18_000).accepted
    # Flash funds leave no position.
    assert sell(gate, 1_000_000, stays=False).accepted


def test_check__fraction_of_a_cent_beyond__refuses() -> None:
    gate = gate_of()
    gate.put(state_of())
    exact = 10_000 * 10**18
    assert gate.check(WETH.address, USDC.address, exact, stays=True).accepted
    assert not gate.check(WETH.address, USDC.address, exact + 1, stays=True).accepted


def test_check__token_without_a_line__is_refused() -> None:
    gate = gate_of()
    gate.put(state_of())
    found = gate.check(DAI.address, USDC.address, 1, stays=True)
    assert found.reason is RefusalReason.RISK_UNKNOWN


def test_reserved__before_the_first_state__counts_with_it() -> None:
    gate = gate_of()
    gate.reserved(live(1, 9_000), 10_000)
    gate.put(state_of())
    assert sell(gate, 1_000).accepted
    assert not sell(gate, 1_001).accepted


def test_reserved__less_likely_now__counts_less() -> None:
    gate = gate_of()
    gate.put(state_of())
    gate.reserved(live(1, 9_000), 10_000)
    gate.reserved(live(1, 9_000), 1_000)
    assert sell(gate, 9_100).accepted
    assert not sell(gate, 9_101).accepted


def test_reserved__setting_says_half__counts_half_and_never_more() -> None:
    gate = gate_of(fill_bps=5_000)
    gate.put(state_of())
    gate.reserved(live(1, 8_000), 10_000)
    assert sell(gate, 6_000).accepted
    assert not sell(gate, 6_001).accepted
    gate.released(live(1, 8_000).order_hash, filled_by=None)
    assert sell(gate, 10_000).accepted


def test_reserved__paid_by_flash_funds__does_not_count() -> None:
    gate = gate_of()
    gate.put(state_of())
    gate.reserved(live(1, 9_000, reserved=0), 10_000)
    gate.released(live(1, 9_000).order_hash, filled_by=100)
    assert sell(gate, 10_000).accepted


def test_released__perhaps_filled__counts_until_the_desk_knows_of_that_block() -> None:
    gate = gate_of(ManualClock(now_s=1.0))
    gate.put(state_of())
    gate.reserved(live(1, 9_000), 10_000)
    gate.released(live(1, 9_000).order_hash, filled_by=102)
    assert not sell(gate, 1_001).accepted
    gate.put(state_of(made_at_ms=_NOW_MS + 1, block_number=101))
    assert not sell(gate, 1_001).accepted
    # Now it is in the desk's own delta.
    gate.put(state_of(-9_000, made_at_ms=_NOW_MS + 2, block_number=102))
    assert sell(gate, 1_000).accepted
    assert not sell(gate, 1_001).accepted


def test_released__desk_far_behind__is_not_believed_once_blocks_were_forgotten() -> None:
    gate = gate_of()
    for block in range(1_000, 1_300):
        gate.reserved(live(block, 10), 10_000)
        gate.released(live(block, 10).order_hash, filled_by=block)
    assert len(gate._ended) == 256
    with pytest.raises(StaleRiskState, match="behind"):
        gate.put(state_of(block_number=1_042))
    gate.put(state_of(block_number=1_043))
    assert sell(gate, 10_000 - 2_560).accepted
    assert not sell(gate, 10_000 - 2_559).accepted


def test_set_rules__reload__counts_from_now_on() -> None:
    gate = gate_of()
    gate.set_rules(required=False, max_age_ms=5_000, fill_bps=10_000)
    assert sell(gate, 1).accepted
    gate.set_rules(required=True, max_age_ms=5_000, fill_bps=10_000)
    assert not sell(gate, 1).accepted


def test_tick__nobody_spoke_and_nobody_need__is_no_news() -> None:
    told: list[GateCondition] = []
    gate = PreTradeGate(clock=ManualClock(), required=False, max_age_ms=5_000, on_change=told.append)
    assert gate.tick() is GateCondition.NEVER_GIVEN
    assert told == []


def test_tick__condition_changes__is_told_once() -> None:
    told: list[GateCondition] = []
    clock = ManualClock()
    gate = PreTradeGate(clock=clock, required=True, max_age_ms=5_000, on_change=told.append)
    gate.tick()
    gate.put(state_of())
    clock.now_s = 1.0
    gate.put(state_of(made_at_ms=_NOW_MS + 1_000))
    clock.now_s = 7.0
    gate.tick()
    gate.tick()
    assert told == [GateCondition.NEVER_GIVEN, GateCondition.OPEN, GateCondition.STALE]


# ------------------------------------------------------------------------------------------------- in admission


def test_firm_quote__door_closed__is_refused_journaled_and_no_ladder_leaves() -> None:
    desk, gate = watched_desk()
    assert refused(desk, ask()).reason is RefusalReason.RISK_UNKNOWN
    assert desk.journal.records[-1].decision.reason is RefusalReason.RISK_UNKNOWN
    ladders = asyncio.run(desk.desk.ladders())
    assert isinstance(ladders, Decision)
    assert ladders.reason is RefusalReason.RISK_UNKNOWN
    gate.put(state_of())
    answered(desk, ask())


def test_firm_quote__would_cross_the_line__is_refused_and_the_other_side_is_not() -> None:
    # Two WETH more are 6,000 dollars: over the line; two less bring the delta down.
    desk, _ = watched_desk(state_of(6_000))
    over = refused(desk, ask(taking_amount=2 * 10**18))
    assert over.reason is RefusalReason.LIMIT_REACHED
    record = desk.journal.records[-1]
    # Priced and passed, not reserved: a replay makes it again.
    assert record.inputs is not None
    assert record.inputs.priced == "quoted"
    assert len(record.losing) >= 1
    assert (len(desk.book), desk.book.reserved(USDC.address)) == (0, 0)
    answered(desk, ask(taker_asset=USDC, maker_asset=WETH, making_amount=2 * 10**18))


def test_firm_quote__several_in_a_row__stop_at_the_line_together() -> None:
    desk, _ = watched_desk(state_of())
    given = [asyncio.run(desk.desk.firm_quote(ask(request_id=f"r{one}"))) for one in range(5)]
    assert [isinstance(one, AnsweredQuote) for one in given] == [True, True, True, False, False]


def test_firm_quote__filled__counts_until_the_desk_has_the_fill() -> None:
    desk, gate = watched_desk(state_of())
    first = answered(desk, ask(taking_amount=3 * 10**18))
    view = chain_view(market(block_number=101), spent=frozenset({first.admitted.nonce}))
    asyncio.run(desk.settle(view))
    assert len(desk.book) == 0
    assert refused(desk, ask()).reason is RefusalReason.LIMIT_REACHED
    desk.clock.now_s = 1.0
    # Filled and hedged.
    gate.put(state_of(made_at_ms=_NOW_MS + 1_000, block_number=101))
    answered(desk, ask())


def test_firm_quote__expired_unfilled__makes_room_at_once() -> None:
    desk, _ = watched_desk(state_of())
    answered(desk, ask(taking_amount=3 * 10**18))
    assert not isinstance(asyncio.run(desk.desk.firm_quote(ask())), AnsweredQuote)
    asyncio.run(desk.settle(chain_view(market(block_number=101), expiry_clock_s=CHAIN_TIME_S + 31)))
    answered(desk, ask())


def test_firm_quote__journal_fails__takes_its_part_back() -> None:
    desk, _ = watched_desk(state_of())
    desk.journal.fails = "disk full"
    refused(desk, ask(taking_amount=3 * 10**18))
    desk.journal.fails = None
    answered(desk, ask(taking_amount=3 * 10**18))


def test_firm_quote__flash_funded__needs_the_door_open_and_no_room() -> None:
    desk, _ = watched_desk(state_of(line_usd=0))
    request = ask(taker_asset=USDC, maker_asset=WETH, settlement=Settlement.PMM, making_amount=60 * 10**18)
    answered(desk, request)
    closed, _ = watched_desk()
    assert refused(closed, request).reason is RefusalReason.RISK_UNKNOWN


class _OtherReplica:
    """A journal in which another replica wrote; only what a pull asks for."""

    def __init__(self, changes: BookChanges) -> None:
        self._changes = changes

    def changes(self, _: object, __: object) -> Future[BookChanges]:
        found: Future[BookChanges] = Future()
        found.set_result(self._changes)
        return found


def test_pull__another_replicas_quote__counts_here_and_two_blocks_beyond_its_end() -> None:
    desk, gate = watched_desk(state_of())
    asyncio.run(desk.settle(chain_view()))
    other = live(77, 9_000, sells=USDC, buys=WETH)

    def pull(changes: BookChanges) -> None:
        asyncio.run(desk.desk.ends.pull(_OtherReplica(changes)))  # type: ignore[arg-type]

    pull(BookChanges(live=(other,), ended=(), cursor=(1, 0)))
    assert refused(desk, ask()).reason is RefusalReason.LIMIT_REACHED
    pull(BookChanges(live=(), ended=(other.order_hash,), cursor=(1, 1)))
    # Nobody says in which block it ended, or whether by a fill.
    for made, (block, accepted) in enumerate([(100, False), (101, False), (102, True)]):
        gate.put(state_of(made_at_ms=_NOW_MS + 1 + made, block_number=block))
        assert buy(gate, 9_000).accepted is accepted


_STEP = st.tuples(st.sampled_from(["sell", "buy", "fill", "state", "end"]), st.integers(3_000, 9_000))


@settings(max_examples=400)
@given(
    st.integers(-12_000, 12_000), st.lists(_STEP, min_size=3, max_size=12), st.randoms(use_true_random=False)
)
def test_gate__whatever_happens_in_which_order__delta_stays_within_the_line(
    delta: int, steps: list[tuple[str, int]], choice: random.Random
) -> None:
    """A little world: quotes are given, filled, ended; the desk tells late. Whatever fills, the line holds."""
    clock, truth, told_block = ManualClock(), delta, 0
    gate = gate_of(clock, max_age_ms=600_000)
    fills: list[tuple[int, int]] = []
    alive: dict[int, int] = {}
    block = made = 0

    def tell() -> None:
        nonlocal made, told_block
        # The desk is up to three blocks behind.
        told_block = max(told_block, block - choice.randint(0, 3))
        known = delta + sum(usd for at, usd in fills if at <= told_block)
        made += 1
        gate.put(state_of(known, made_at_ms=_NOW_MS + made, block_number=told_block, valid_ms=600_000))

    tell()
    for number, (what, usd) in enumerate(steps):
        if what == "state":
            tell()
        elif what in ("sell", "buy"):
            signed = usd if what == "buy" else -usd
            if (buy if what == "buy" else sell)(gate, usd).accepted:
                sides = (USDC, WETH) if what == "buy" else (WETH, USDC)
                gate.reserved(live(number, usd, sells=sides[0], buys=sides[1]), 10_000)
                alive[number] = signed
        elif alive:
            one = choice.choice(sorted(alive))
            signed = alive.pop(one)
            block += 1
            if what == "fill":
                fills.append((block, signed))
                truth += signed
            gate.released(live(one, 1).order_hash, filled_by=block if what == "fill" else None)
        into = sum(usd for usd in alive.values() if usd > 0)
        out = sum(usd for usd in alive.values() if usd < 0)
        assert truth + into <= max(10_000, delta)
        assert truth + out >= min(-10_000, delta)
