"""checkOrder: every reason at once, and never another answer than the fill's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import SigningKey
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    HORIZON_S,
    MAKER_AMOUNT,
    MAKING,
    NO_PARTIAL_FILLS,
    TAKING,
    Desk,
    Reason,
    args_of,
    args_traits,
    extension_of,
    word,
)


def test_check_order__sound_order__finds_nothing(desk: Desk) -> None:
    assert desk.reasons(desk.order()) == Reason(0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"maker": 1}, Reason.MAKER),
        ({"receiver": 1}, Reason.RECEIVER),
        ({"flags": 1 << 254}, Reason.TRAITS),
        ({"flags": 1 << 200}, Reason.TRAITS),
        ({"expiration_s": 0}, Reason.EXPIRED),
        ({"expiration_s": 1}, Reason.EXPIRED),
        ({"expiration_s": 2**40 - 1}, Reason.EXPIRY_TOO_FAR),
        ({"sender": 1}, Reason.PRIVATE),
        ({"maker_asset": 0xDEAD}, Reason.MAKER_ASSET),
        ({"taker_asset": 0xDEAD}, Reason.TAKER_ASSET),
        (
            {"maker_asset": 0xDEAD, "taker_asset": 0xDEAD},
            Reason.MAKER_ASSET | Reason.TAKER_ASSET | Reason.SAME_ASSET,
        ),
        ({"lane": 4}, Reason.UNKNOWN_SIGNER),
        ({"epoch": 1}, Reason.EPOCH),
        ({"nonce": 2**32}, Reason.NONCE),
        ({"flags": HAS_EXTENSION}, Reason.EXTENSION),
        ({"making_amount": 0}, Reason.AMOUNT),
        ({"taking_amount": 0}, Reason.AMOUNT),
        ({"making_amount": 10**40}, Reason.INVENTORY),
        ({"taking_amount": 10**40}, Reason.TAKER_BALANCE),
    ],
)
def test_check_order__one_fault__is_named_alone(desk: Desk, changes: dict[str, int], reason: Reason) -> None:
    assert desk.reasons(desk.order(**changes)) == reason


def test_check_order__many_faults__are_named_at_once(desk: Desk, owner: Any) -> None:
    desk.settlement.pauseSigner(desk.key.address, sender=owner)
    order = desk.order(
        maker=1, receiver=1, flags=1 << 254 | HAS_EXTENSION, expiration_s=1, sender=1, epoch=7, nonce=2**32,
        making_amount=10**40, taking_amount=10**40,
    )  # fmt: skip
    assert desk.reasons(order) == (
        Reason.MAKER | Reason.RECEIVER | Reason.TRAITS | Reason.EXTENSION | Reason.EXPIRED | Reason.PRIVATE
        | Reason.PAUSED | Reason.EPOCH | Reason.NONCE
        | Reason.INVENTORY | Reason.TAKER_BALANCE
    )  # fmt: skip


def test_check_order__filled__nonce_is_dead(desk: Desk) -> None:
    order = desk.order()
    desk.fill(order)
    assert desk.reasons(order) == Reason.NONCE


def test_check_order__taker_who_approved_nothing__is_named(desk: Desk, attacker: Any, owner: Any) -> None:
    assert desk.reasons(desk.order(), taker=attacker) == Reason.TAKER_BALANCE | Reason.TAKER_ALLOWANCE
    desk.quote.mint(attacker, TAKING, sender=owner)
    assert desk.reasons(desk.order(), taker=attacker) == Reason.TAKER_ALLOWANCE


def test_check_order__taker_unknown__is_not_asked_for_money(desk: Desk) -> None:
    assert desk.reasons(desk.order(taking_amount=10**40), taker="0x" + "00" * 20) == Reason(0)


def test_check_order__part_of_fill_or_kill__is_named(desk: Desk) -> None:
    assert desk.reasons(desk.order(flags=NO_PARTIAL_FILLS), amount=MAKING - 1) == Reason.PARTIAL
    assert desk.reasons(desk.order(flags=NO_PARTIAL_FILLS), amount=MAKING + 1) == Reason(0)


def test_check_order__amounts_that_overflow__are_named(desk: Desk) -> None:
    order = desk.order(making_amount=2**255, taking_amount=2**255)
    assert desk.reasons(order, amount=3) == Reason.AMOUNT


def test_check_order__extension__private_and_funded(desk: Desk, attacker: Any, owner: Any) -> None:
    private = extension_of(taker=desk.taker.address)
    assert desk.reasons(desk.with_extension(private), extension=private) == Reason(0)
    assert Reason.PRIVATE in desk.reasons(desk.with_extension(private), extension=private, taker=attacker)
    assert desk.reasons(desk.with_extension(private)) == Reason.EXTENSION
    assert desk.reasons(desk.order(), extension=private) == Reason.EXTENSION
    funded = extension_of(plan=1 << 248)
    order = desk.with_extension(funded, making_amount=10**40)
    assert desk.reasons(order, extension=funded) == Reason.NO_HEDGER
    desk.settlement.setHedger(owner.deploy(ape.project.MockHedger, desk.settlement), sender=owner)
    assert desk.reasons(order, extension=funded) == Reason(0)


def test_check_order__bad_signature__is_named(desk: Desk, stranger_key: SigningKey) -> None:
    assert desk.reasons(desk.order(), key=stranger_key) == Reason.UNKNOWN_SIGNER
    words = desk.order().words
    half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    for r, vs in ((0, 1), (1, half + 1)):
        values = (words, r.to_bytes(32, "big"), vs.to_bytes(32, "big"), b"", desk.taker, MAKING)
        assert desk.settlement.checkOrder(*values) == Reason.SIGNATURE


def test_check_order__asked_from_inside_a_fill__says_locked(desk: Desk, mock_taker: Any, owner: Any) -> None:
    second = desk.order(nonce=1)
    signature = desk.sign(second)
    ask = desk.settlement.checkOrder.encode_input(
        second.words, signature.r_bytes, signature.vs_bytes, b"", desk.taker, MAKING
    )
    mock_taker.setReaction(desk.settlement, ask, sender=owner)
    interaction = bytes.fromhex(mock_taker.address[2:])
    method, values = desk.call_of(
        desk.order(), taker_traits=args_traits(interaction=interaction), args=args_of(interaction=interaction)
    )
    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner)
    assert Reason(int.from_bytes(mock_taker.answer(), "big")) == Reason.LOCKED


faults = st.fixed_dictionaries(
    {},
    optional={
        "maker": st.just(1),
        "receiver": st.sampled_from([1, 1 << 200]),
        "flags": st.sampled_from([0, NO_PARTIAL_FILLS, 1 << 254, 1 << 249, 1 << 210]),
        "ahead_s": st.sampled_from([-1_000, 300, HORIZON_S + 1_000]),
        "sender": st.just(5),
        "maker_asset": st.just(0xDEAD),
        "taker_asset": st.just(0xDEAD),
        "lane": st.sampled_from([0, 3, 4]),
        "epoch": st.sampled_from([0, 1]),
        "nonce": st.sampled_from([0, 159, 160, 2**32]),
        "making_amount": st.sampled_from([0, 1, MAKING, 10**40]),
        "taking_amount": st.sampled_from([0, 1, TAKING, 10**40]),
    },
)


@settings(max_examples=60, deadline=None)
@given(changes=faults, part=st.sampled_from([0, 1, 2]))
def test_check_order__any_order__agrees_with_the_fill(desk: Desk, changes: dict[str, int], part: int) -> None:
    changes = dict(changes)
    changes["expiration_s"] = desk.now_s() + changes.pop("ahead_s", 300)
    order = desk.order(**changes)
    amount = order.making_amount if part == 0 else part
    reasons = desk.reasons(order, amount=amount)
    how = {"amount": amount, "taker_traits": MAKER_AMOUNT}
    if reasons:
        assert desk.fill_refusal(order, **how)
    else:
        assert desk.simulate(order, **how)[0] == min(amount, order.making_amount)


def test_check_order__dirty_words__are_named(desk: Desk) -> None:
    order = replace(desk.order(), taker_asset=word(desk.quote) | 1 << 255)
    assert desk.reasons(order) == Reason.TAKER_ASSET
