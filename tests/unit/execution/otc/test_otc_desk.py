"""A negotiated trade becomes a signed order of exactly its amounts, or a refusal that says why."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH, Decision, RefusalReason, address_from_bytes, recover_signer
from pmm.errors import InvalidInput
from pmm.execution import AnsweredQuote
from pmm.execution.kill_switches import SwitchState, parse_switch
from pmm.execution.otc import OTC, OtcDesk, OtcPolicy, OtcTrade
from tests.helpers.quoting import CHAIN_TIME_S, TAKER, Desk, chain_view, lane_state, market, open_test_desk

_TRADE = OtcTrade(
    reference="T-1",
    counterparty="acme",
    taker=TAKER,
    maker_asset=USDC,
    taker_asset=WETH,
    making_amount=59_900 * 10**6,
    taking_amount=20 * 10**18,
    life_s=200,
)


def _open(policy: OtcPolicy | None = None) -> tuple[Desk, OtcDesk]:
    desk = open_test_desk()
    names = count()
    return desk, OtcDesk(
        desk.desk, chain_id=1, policy=policy or OtcPolicy(), new_id=lambda: f"otc-{next(names)}"
    )


def _enter(otc: OtcDesk, trade: OtcTrade = _TRADE) -> AnsweredQuote | Decision:
    return asyncio.run(otc.enter(trade))


def _signed(otc: OtcDesk, trade: OtcTrade = _TRADE) -> AnsweredQuote:
    answer = _enter(otc, trade)
    assert isinstance(answer, AnsweredQuote), answer
    return answer


def _refused(otc: OtcDesk, trade: OtcTrade) -> tuple[RefusalReason | None, str]:
    answer = _enter(otc, trade)
    assert isinstance(answer, Decision)
    return answer.reason, answer.detail


def test_enter__agreed_trade__is_signed_reserved_and_journaled_for_the_counterparty_alone() -> None:
    desk, otc = _open()
    answer = _signed(otc)
    order = answer.firm.signed_order.order
    assert (order.making_amount, order.taking_amount) == (_TRADE.making_amount, _TRADE.taking_amount)
    assert order.traits.allowed_sender == int(TAKER, 16) & (1 << 80) - 1
    # All of the address is in the extension: 80 bits could be found by chance.
    assert bytes.fromhex(TAKER[2:]) in answer.firm.signed_order.extension
    signed = answer.firm.signed_order
    assert recover_signer(signed.order_hash, signed.signature) == desk.signer.address
    assert desk.book.reserved(USDC.address) == _TRADE.making_amount
    (record,) = desk.journal.records
    assert (record.relayer, record.body, record.idempotency_key) == (OTC, _TRADE.body(), "T-1")
    assert record.inputs is None


def test_enter__longer_than_quotes_live__lives_as_long_as_was_agreed() -> None:
    desk, otc = _open()
    answer = _signed(otc)
    assert desk.admission.policy.ttl_s < _TRADE.life_s
    assert answer.admitted.expiration_s - CHAIN_TIME_S == _TRADE.life_s


def test_enter__longer_than_the_lane_allows__is_refused_and_not_shortened() -> None:
    desk, otc = _open()
    reason, detail = _refused(otc, replace(_TRADE, life_s=299))
    assert reason is RefusalReason.LIMIT_REACHED
    assert "at most 298 s" in detail
    assert "setMaxExpiry" in detail
    desk.market.answer = chain_view(lanes=(lane_state(0), lane_state(1, max_expiry_s=7_200)))
    assert _signed(otc, replace(_TRADE, life_s=7_000)).admitted.nonce.lane == 1


def test_enter__many_trades__share_one_lane() -> None:
    _, otc = _open()
    lanes = {
        _signed(
            otc, replace(_TRADE, reference=f"T-{number}", making_amount=3_000 * 10**6, taking_amount=10**18)
        ).admitted.nonce.lane
        for number in range(5)
    }
    assert lanes == {1}


def test_enter__same_reference_again__is_the_same_order() -> None:
    desk, otc = _open()
    first, second = _signed(otc), _signed(otc)
    assert first.firm.signed_order.signature == second.firm.signed_order.signature
    assert desk.book.reserved(USDC.address) == _TRADE.making_amount
    reason, _ = _refused(otc, replace(_TRADE, making_amount=59_800 * 10**6))
    assert reason is RefusalReason.IDEMPOTENCY_CONFLICT


@pytest.mark.parametrize(
    ("making_usdc", "accepted"),
    # 20 WETH are worth 60,000 USDC: 20 bps are 120, 500 bps are 3,000.
    [(60_119, True), (60_121, False), (57_001, True), (56_999, False), (20, False)],
)
def test_enter__price_far_from_fair__is_refused(making_usdc: int, accepted: bool) -> None:
    _, otc = _open()
    answer = _enter(otc, replace(_TRADE, making_amount=making_usdc * 10**6))
    assert isinstance(answer, AnsweredQuote) == accepted
    if isinstance(answer, Decision):
        assert answer.reason is RefusalReason.PRICE_DEVIATION
        assert "check both amounts" in answer.detail


def test_enter__stale_price__is_refused() -> None:
    desk, otc = _open()
    desk.market.answer = chain_view(market(pool_eth_usd=2_000 * 10**8))
    assert _refused(otc, _TRADE)[0] is RefusalReason.PRICE_DEVIATION


def test_enter__more_than_is_free__is_refused() -> None:
    _, otc = _open()
    _signed(otc)
    another = replace(_TRADE, reference="T-2", making_amount=60_100 * 10**6)
    assert _refused(otc, another)[0] is RefusalReason.INSUFFICIENT_INVENTORY


def test_enter__above_a_limit__is_refused() -> None:
    desk, otc = _open()
    limits = replace(desk.admission.policy.limits, max_quote_usd=50_000)  # type: ignore[arg-type]
    desk.admission.policy = replace(desk.admission.policy, limits=limits)
    assert _refused(otc, _TRADE)[0] is RefusalReason.AMOUNT_TOO_LARGE


def test_enter__kill_switch_of_otc__is_refused() -> None:
    desk, otc = _open()
    desk.admission.switches.put(parse_switch("relayer", OTC), SwitchState().latched("ann", "news"))
    assert _refused(otc, _TRADE)[0] is RefusalReason.PAUSED


def test_enter__journal_down__signs_nothing_and_frees_the_inventory() -> None:
    desk, otc = _open()
    desk.journal.fails = "disk full"
    assert _refused(otc, _TRADE)[0] is RefusalReason.JOURNAL_UNAVAILABLE
    assert desk.book.reserved(USDC.address) == 0


@given(st.integers(10**15, 30 * 10**18), st.integers(-20, 499))
def test_price__any_trade__breakdown_gives_the_amounts_back(taking: int, edge_bps: int) -> None:
    making = taking * 3_000 * (10_000 - edge_bps) // 10_000 // 10**12
    _, otc = _open(OtcPolicy(max_loss_bps=21, max_gain_bps=600))
    answer = _enter(otc, replace(_TRADE, making_amount=making, taking_amount=taking))
    if isinstance(answer, Decision):
        assert answer.reason in (RefusalReason.AMOUNT_TOO_SMALL, RefusalReason.PRICE_DEVIATION)
        return
    priced = answer.admitted.offer.priced
    assert priced.breakdown.making_for(taking) == making


@pytest.mark.parametrize(
    "fields",
    [
        {"reference": ""},
        {"reference": "x" * 101},
        {"counterparty": "a\nb"},
        {"taker": address_from_bytes(bytes(20))},
        {"taker_asset": USDC},
        {"making_amount": 0},
        {"taking_amount": -1},
        {"life_s": 0},
    ],
)
def test_trade__that_is_none__is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match=r"expected"):
        replace(_TRADE, **fields)  # type: ignore[arg-type]


def test_policy__that_is_none__is_refused() -> None:
    with pytest.raises(InvalidInput, match="otc: expected"):
        OtcPolicy(max_loss_bps=-1)
