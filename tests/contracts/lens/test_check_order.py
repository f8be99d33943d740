"""checkOrder: every reason at once, each one alone when it is alone, and the error the fill answers with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.chain.rpc import JsonRpc
from pmm.domain import SigningKey
from tests.contracts.hedger_place import place_hedger
from tests.contracts.lens.lens_desk import (
    BAND_ON,
    CAPS_ON,
    MAKING,
    TAKING,
    LensDesk,
    Mood,
    assert_alone,
)
from tests.contracts.lens.reasons import ERRORS, Reason
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKER_AMOUNT,
    NO_PARTIAL_FILLS,
    args_of,
    args_traits,
    extension_of,
    word,
)

NOBODY = "0x" + "00" * 20
HEDGER = 0
HALF_CURVE_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def test_check_order__sound_order__finds_nothing_and_fills(desk: LensDesk) -> None:
    assert desk.reasons(desk.order()) == Reason(0)
    assert desk.outcome(desk.order()) == ()
    desk.guards(BAND_ON | CAPS_ON)
    assert desk.reasons(desk.order()) == Reason(0)
    assert desk.outcome(desk.order()) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"maker": 1}, Reason.MAKER),
        ({"receiver": 1}, Reason.RECEIVER),
        ({"flags": 1 << 254}, Reason.TRAITS),
        ({"flags": 1 << 252}, Reason.TRAITS),
        ({"expiration_s": 0}, Reason.EXPIRED),
        ({"expiration_s": 1}, Reason.EXPIRED),
        ({"expiration_s": 2**40 - 1}, Reason.EXPIRY_TOO_FAR),
        ({"sender": 1}, Reason.PRIVATE),
        ({"maker_asset": 0xDEAD}, Reason.MAKER_ASSET),
        ({"taker_asset": 0xDEAD}, Reason.TAKER_ASSET),
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
def test_check_order__one_fault__is_named_alone(
    desk: LensDesk, changes: dict[str, Any], reason: Reason
) -> None:
    assert_alone(desk, reason, desk.order(**changes))


def test_check_order__same_asset__is_named_alone(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    desk.quote.setBalance(desk.settlement, TAKING, sender=desk.owner)
    order = desk.order(maker_asset=word(desk.quote), making_amount=TAKING)
    assert_alone(desk, Reason.SAME_ASSET, order)


def test_check_order__many_faults__are_named_at_once(desk: LensDesk) -> None:
    desk.settlement.pauseSigner(desk.key.address, sender=desk.owner)
    desk.guards(BAND_ON | CAPS_ON)
    desk.settlement.setBand(desk.base, desk.quote, 0, sender=desk.owner)
    desk.base_feed.setMood(Mood.REVERTS, sender=desk.owner)
    order = desk.order(
        maker=1, receiver=1, flags=1 << 254 | HAS_EXTENSION | NO_PARTIAL_FILLS | 255 << 200, expiration_s=1,
        sender=1, epoch=7, nonce=2**32, making_amount=10**36, taking_amount=10**36,
    )  # fmt: skip
    assert desk.reasons(order, amount=10**35) == (
        Reason.MAKER | Reason.RECEIVER | Reason.TRAITS | Reason.EXTENSION | Reason.EXPIRED | Reason.PRIVATE
        | Reason.PAUSED | Reason.EPOCH | Reason.NONCE | Reason.PARTIAL | Reason.FILL_TOO_SMALL
        | Reason.NO_BAND | Reason.FEED | Reason.BLOCK_CAP | Reason.WINDOW_CAP
        | Reason.INVENTORY | Reason.TAKER_BALANCE
    )  # fmt: skip


def test_check_order__unregistered_assets__ask_nothing_of_them(desk: LensDesk) -> None:
    desk.guards(BAND_ON | CAPS_ON)
    order = desk.order(maker_asset=0xDEAD, taker_asset=0xDEAD)
    assert desk.reasons(order) == Reason.MAKER_ASSET | Reason.TAKER_ASSET | Reason.SAME_ASSET


def test_check_order__dirty_words__are_named(desk: LensDesk) -> None:
    for name, token in (("taker_asset", desk.quote), ("maker_asset", desk.base)):
        order = replace(desk.order(), **{name: word(token) | 1 << 255})
        assert_alone(desk, Reason[name.upper()], order)


def test_check_order__paused_signer__is_named_alone(desk: LensDesk) -> None:
    desk.settlement.pauseSigner(desk.key.address, sender=desk.owner)
    assert_alone(desk, Reason.PAUSED, desk.order())


def test_check_order__filled__nonce_is_dead(desk: LensDesk) -> None:
    order = desk.order()
    desk.fill(order)
    assert_alone(desk, Reason.NONCE, order)


def test_check_order__taker_who_approved_nothing__is_named(desk: LensDesk, attacker: Any) -> None:
    order = desk.order()
    assert desk.reasons(order, taker=attacker) == Reason.TAKER_BALANCE | Reason.TAKER_ALLOWANCE
    desk.quote.setBalance(attacker, TAKING, sender=desk.owner)
    assert_alone(desk, Reason.TAKER_ALLOWANCE, order, taker=attacker)


def test_check_order__taker_unknown__is_not_asked_for_money(desk: LensDesk) -> None:
    assert desk.reasons(desk.order(taking_amount=10**40), taker=NOBODY) == Reason(0)


def test_check_order__part_of_fill_or_kill__is_named(desk: LensDesk) -> None:
    order = desk.order(flags=NO_PARTIAL_FILLS)
    assert_alone(desk, Reason.PARTIAL, order, amount=MAKING - 1)
    assert desk.reasons(order, amount=MAKING + 1) == Reason(0)


@pytest.mark.parametrize("ratio", [1, 128, 255])
def test_check_order__below_the_minimum_ratio__is_named(desk: LensDesk, ratio: int) -> None:
    minimum = -(-MAKING * ratio // 255)
    order = desk.order(flags=ratio << 200)
    assert_alone(desk, Reason.FILL_TOO_SMALL, order, amount=minimum - 1)
    assert desk.reasons(order, amount=minimum) == Reason(0)


def test_check_order__decayed_to_nothing__is_named(desk: LensDesk) -> None:
    decay = 8_191 << 234 | 16_383 << 220 | 4_095 << 208
    order = desk.order(flags=decay, making_amount=1, expiration_s=desk.now_s() + 300)
    assert_alone(desk, Reason.DECAYED_AWAY, order)


def test_check_order__decayed__whole_is_what_is_left(desk: LensDesk) -> None:
    decay = 100 << 234 | 16_383 << 220 | 4_095 << 208
    order = desk.order(flags=decay | NO_PARTIAL_FILLS, expiration_s=desk.now_s() + 300)
    left = MAKING * 999_000 // 1_000_000
    assert desk.lens.fillAmounts(MAKING, TAKING, order.maker_traits, MAKING) == (left, TAKING, left, 0)
    assert desk.reasons(order, amount=left) == Reason(0)
    assert_alone(desk, Reason.PARTIAL, order, amount=left - 1)


@pytest.mark.parametrize(
    ("making", "taking", "amount"),
    [(2**255, 2**255, 3), (2**128, 2**128, 2**128), (2**255, 2, 2**255)],
)
def test_check_order__amounts_that_overflow__are_named(
    desk: LensDesk, making: int, taking: int, amount: int
) -> None:
    order = desk.order(making_amount=making, taking_amount=taking)
    assert Reason.AMOUNT in desk.reasons(order, amount=amount, taker=NOBODY)
    assert desk.outcome(order, amount=amount)[0] in ERRORS[Reason.AMOUNT]


def test_check_order__extension__private_and_malformed(desk: LensDesk, attacker: Any) -> None:
    private = extension_of(taker=desk.taker.address)
    order = desk.order(extension=private)
    assert desk.reasons(order, extension=private) == Reason(0)
    assert desk.outcome(order, extension=private) == ()
    desk.quote.setBalance(attacker, TAKING, sender=desk.owner)
    desk.quote.approve(desk.settlement, TAKING, sender=attacker)
    assert_alone(desk, Reason.PRIVATE, order, extension=private, taker=attacker)
    assert_alone(desk, Reason.EXTENSION, order)
    assert_alone(desk, Reason.EXTENSION, order, extension=extension_of(taker=attacker.address))
    assert_alone(desk, Reason.EXTENSION, desk.order(), extension=private)
    for malformed in (b"\x01", bytes(32), bytes(33), bytes(32) + b"\x04", bytes(32) + b"\x02" + bytes(31)):
        assert_alone(desk, Reason.EXTENSION, desk.order(extension=malformed), extension=malformed)


def test_check_order__funding_plan__needs_a_hedger_and_no_inventory(desk: LensDesk) -> None:
    funded = extension_of(plan=2 << 248)
    order = desk.order(extension=funded, making_amount=200 * MAKING)
    assert_alone(desk, Reason.NO_HEDGER, order, extension=funded)
    hedger = place_hedger(desk.rpc, desk.owner, ape.project.MockHedger, desk.settlement)
    desk.base.setBalance(hedger, 200 * MAKING, sender=desk.owner)
    assert desk.reasons(order, extension=funded) == Reason(0)
    assert desk.outcome(order, extension=funded) == ()


def test_check_order__flash_swap_on_one_pool__needs_the_pool_and_no_hedger(
    desk: LensDesk, rpc: JsonRpc
) -> None:
    funded = extension_of(plan=1 << 248 | 500 << 224)
    order = desk.order(extension=funded, making_amount=200 * MAKING)
    assert_alone(desk, Reason.NO_POOL, order, extension=funded)
    pool = desk.outcome(order, extension=funded)[1]
    rpc.call("anvil_setCode", pool, "0x00")
    assert desk.reasons(order, extension=funded) == Reason(0)


@pytest.mark.parametrize("side", ["maker_asset", "taker_asset"])
def test_check_order__flash_swap_of_an_unregistered_asset__asks_for_no_pool(
    desk: LensDesk, side: str
) -> None:
    funded = extension_of(plan=1 << 248 | 500 << 224)
    order = desk.order(extension=funded, **{side: 0xDEAD})
    reason = {"maker_asset": Reason.MAKER_ASSET, "taker_asset": Reason.TAKER_ASSET}[side]
    assert_alone(desk, reason, order, extension=funded)


@pytest.mark.parametrize("source", [1, 2])
def test_check_order__plan_that_the_order_does_not_announce__is_no_plan(desk: LensDesk, source: int) -> None:
    assert_alone(desk, Reason.EXTENSION, desk.order(), extension=extension_of(plan=source << 248))


def test_check_order__plan_of_zero__is_a_plan(desk: LensDesk) -> None:
    funded = extension_of(plan=0)
    order = desk.order(extension=funded, making_amount=200 * MAKING)
    assert_alone(desk, Reason.NO_HEDGER, order, extension=funded)


def test_check_order__bad_signature__is_named(desk: LensDesk) -> None:
    order = desk.order()
    stranger = desk.sign(order, key=SigningKey(b"\x11" * 32))
    assert_alone(desk, Reason.UNKNOWN_SIGNER, order, signature=stranger)
    for r, vs in ((0, 1), (1, HALF_CURVE_ORDER + 1)):
        values = (order.words, r.to_bytes(32, "big"), vs.to_bytes(32, "big"))
        assert desk.lens.checkOrder(*values, b"", desk.taker, MAKING) == Reason.SIGNATURE
        refused = desk.attempt(desk.settlement.fillOrder, *values, MAKING, MAKER_AMOUNT, sender=desk.taker)
        assert refused[0] in ERRORS[Reason.SIGNATURE]


# ---- never a revert


@pytest.mark.parametrize(
    "mood", [Mood.REVERTS, Mood.BURNS_GAS, Mood.ANSWERS_ONE_BYTE, Mood.ANSWERS_AT_LENGTH]
)
def test_check_order__token_whose_views_fail__is_a_reason(desk: LensDesk, mood: Mood) -> None:
    order = desk.order()
    desk.base.setMood(mood, sender=desk.owner)
    desk.quote.setMood(mood, sender=desk.owner)
    # The long answer begins with a word of zero, and only that word is read.
    assert desk.reasons(order) == Reason.INVENTORY | Reason.TAKER_BALANCE | Reason.TAKER_ALLOWANCE


def test_check_order__token_without_code__is_a_reason(desk: LensDesk) -> None:
    order = desk.order()
    desk.rpc.call("anvil_setCode", str(desk.base.address), "0x")
    assert desk.reasons(order) == Reason.INVENTORY


def test_check_order__asked_from_inside_a_fill__says_locked(desk: LensDesk) -> None:
    mock_taker = desk.owner.deploy(ape.project.MockTaker)
    desk.quote.setBalance(mock_taker, 10 * TAKING, sender=desk.owner)
    approve = desk.quote.approve.encode_input(desk.settlement.address, 2**256 - 1)
    mock_taker.execute(desk.quote, approve, sender=desk.owner)
    second = desk.order(nonce=1)
    signature = desk.sign(second)
    ask = desk.lens.checkOrder.encode_input(
        second.words, signature.r_bytes, signature.vs_bytes, b"", desk.taker, MAKING
    )
    mock_taker.setReaction(desk.lens, ask, sender=desk.owner)
    interaction = bytes.fromhex(mock_taker.address[2:])
    first = desk.order()
    signature = desk.sign(first)
    fill = desk.settlement.fillOrderArgs.encode_input(
        first.words,
        signature.r_bytes,
        signature.vs_bytes,
        TAKING,
        args_traits(interaction=interaction),
        args_of(interaction=interaction),
    )
    mock_taker.execute(desk.settlement, fill, sender=desk.owner)
    assert Reason(int.from_bytes(mock_taker.answer(), "big")) == Reason.LOCKED
