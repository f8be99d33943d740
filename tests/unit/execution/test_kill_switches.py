"""Kill switches: which level stops what, and that nothing automatic lifts what a person paused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Address, Decision, QuoteRequest, RefusalReason
from pmm.errors import InvalidInput
from pmm.execution import (
    EVERYTHING,
    AnsweredQuote,
    FirmQuoteRequest,
    KillSwitches,
    MakerSide,
    Settlement,
    SwitchKey,
    SwitchLevel,
    SwitchState,
)
from pmm.execution.kill_switches import parse_switch
from tests.helpers.quoting import TAKER, Desk, open_test_desk, signing_key

_SIGNER = signing_key().address
_ASKED = {
    "chain": 1,
    "signer": _SIGNER,
    "pair": "WETH/USDC",
    "side": MakerSide.SELLS,
    "relayer": "1inch",
}
_ON = SwitchState().latched("me", "test")
_HITS = [
    EVERYTHING,
    SwitchKey(SwitchLevel.CHAIN, "1"),
    SwitchKey(SwitchLevel.PAIR, "WETH/USDC"),
    SwitchKey(SwitchLevel.SIDE, "WETH/USDC:sells"),
    SwitchKey(SwitchLevel.RELAYER, "1inch"),
    SwitchKey(SwitchLevel.SIGNER, _SIGNER.lower()),
]
_MISSES = [
    SwitchKey(SwitchLevel.CHAIN, "10"),
    SwitchKey(SwitchLevel.PAIR, "WBTC/USDC"),
    SwitchKey(SwitchLevel.SIDE, "WETH/USDC:buys"),
    SwitchKey(SwitchLevel.RELAYER, "okx"),
    SwitchKey(SwitchLevel.SIGNER, TAKER.lower()),
]


@pytest.mark.parametrize("key", _HITS, ids=str)
def test_check__switch_that_concerns_it__refuses_without_the_reason(key: SwitchKey) -> None:
    switches = KillSwitches({key: SwitchState().latched("me", "a secret of the desk")})
    decision = switches.check(**_ASKED)  # type: ignore[arg-type]
    assert decision.reason is RefusalReason.PAUSED
    assert key.level.value in decision.detail
    assert "secret" not in decision.detail


@pytest.mark.parametrize("key", _MISSES, ids=str)
def test_check__switch_of_something_else__accepts(key: SwitchKey) -> None:
    assert KillSwitches({key: _ON}).check(**_ASKED).accepted  # type: ignore[arg-type]


def test_check__resumed__accepts_again() -> None:
    switches = KillSwitches({EVERYTHING: _ON})
    switches.put(EVERYTHING, _ON.unlatched())
    assert switches.check(**_ASKED).accepted  # type: ignore[arg-type]


def _ask(desk: Desk, *, sells_weth: bool = False, relayer: str = "1inch") -> AnsweredQuote | Decision:
    import asyncio

    maker, taker, amount = (WETH, USDC, 3_000 * 10**6) if sells_weth else (USDC, WETH, 10**18)
    quote = QuoteRequest(
        request_id="r", chain_id=1, maker_asset=maker, taker_asset=taker, taker=TAKER, taking_amount=amount
    )
    request = FirmQuoteRequest(quote=quote, settlement=Settlement.PMM, relayer=relayer)
    return asyncio.run(desk.desk.firm_quote(request))


@pytest.mark.parametrize("key", _HITS, ids=str)
def test_desk__paused__signs_nothing_and_reserves_nothing(key: SwitchKey) -> None:
    desk = open_test_desk()
    desk.admission.switches.put(key, _ON)
    answered = _ask(desk, sells_weth=True)
    assert isinstance(answered, Decision)
    assert answered.reason is RefusalReason.PAUSED
    assert len(desk.book) == 0
    desk.admission.switches.put(key, _ON.unlatched())
    assert isinstance(_ask(desk, sells_weth=True), AnsweredQuote)


def test_desk__one_side_paused__quotes_the_other() -> None:
    desk = open_test_desk()
    desk.admission.switches.put(SwitchKey(SwitchLevel.SIDE, "WETH/USDC:sells"), _ON)
    assert isinstance(_ask(desk, sells_weth=True), Decision)
    assert isinstance(_ask(desk), AnsweredQuote)


@pytest.mark.parametrize("key", [EVERYTHING, SwitchKey(SwitchLevel.PAIR, "WETH/USDC")], ids=str)
def test_desk__paused__publishes_no_ladder(key: SwitchKey) -> None:
    import asyncio

    desk = open_test_desk()
    desk.admission.switches.put(key, _ON)
    found = asyncio.run(desk.desk.ladders())
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.PAUSED


@pytest.mark.parametrize(
    ("level", "name"),
    [
        ("planet", "*"),
        ("global", "all"),
        ("chain", "one"),
        ("chain", "01"),
        ("chain", ""),
        ("pair", "WETH"),
        ("pair", "WETH/USDC:buys"),
        ("side", "WETH/USDC"),
        ("side", "WETH/USDC:holds"),
        ("relayer", ""),
        ("signer", "0x12"),
        ("relayer", "x" * 101),
    ],
)
def test_parse_switch__no_switch__is_refused(level: str, name: str) -> None:
    with pytest.raises(InvalidInput, match="expected"):
        parse_switch(level, name)


def test_parse_switch__signer_in_any_case__is_one_switch() -> None:
    assert parse_switch("signer", _SIGNER) == parse_switch("signer", _SIGNER.lower())
    switches = KillSwitches({parse_switch("signer", _SIGNER): _ON})
    assert not switches.check(chain=1, signer=Address(_SIGNER)).accepted


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["latch", "unlatch", "trip", "clear", "rest"]),
        st.sampled_from(["feed", "latency"]),
        st.integers(0, 20_000),
    ),
    max_size=40,
)


@given(_STEPS)
def test_switch_state__any_history__follows_the_rules(steps: list[tuple[str, str, int]]) -> None:
    """Only a person lifts the latch; a cause holds until it has been gone for 10 s without a break."""
    state, now_ms, latched = SwitchState(), 0, False
    present: set[str] = set()
    gone: dict[str, int] = {}
    for step, cause, wait_ms in steps:
        now_ms += wait_ms
        before = state
        if step == "latch":
            state, latched = state.latched("me", "why"), True
        elif step == "unlatch":
            state, latched = state.unlatched(), False
        elif step == "trip":
            state = state.tripped(cause)
            present.add(cause)
            gone.pop(cause, None)
        elif step == "clear":
            state = state.cleared(cause, now_ms)
            if cause in present:
                present.remove(cause)
                gone[cause] = now_ms
        else:
            state = state.rested(now_ms, 10_000)
            gone = {name: since for name, since in gone.items() if now_ms - since < 10_000}
        assert (state.latched_by is not None) == latched
        assert set(state.causes) == present | set(gone)
        assert state.is_paused == (latched or bool(present) or bool(gone))
        assert state.version == before.version + (0 if state is before else 1)
