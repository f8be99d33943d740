"""checkRouterOrder: what isValidSignature, 1inch's contract and our hooks would say of an order there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.domain import Address, SigningKey
from pmm.domain.hook_payloads import InventorySource, PreHook
from tests.contracts.hooks.router_fills import PRE
from tests.contracts.lens.lens_desk import (
    BAND_ON,
    CAPS_ON,
    MAKING,
    TAKING,
    LensDesk,
    Mood,
)
from tests.contracts.lens.reasons import ROUTER_ERRORS, SIGNATURE_ERRORS, Reason
from tests.contracts.settlement.desk import HAS_EXTENSION, NO_PARTIAL_FILLS, word

ANYONE = PreHook()
LENDING_ACCOUNT = 2


def _assert_fills(desk: LensDesk, order: Any, **how: Any) -> None:
    assert desk.reasons(order, on_router=True, **how) == Reason(0)
    assert desk.outcome(order, on_router=True, **how) == ()


def _assert_refused_by_us(desk: LensDesk, reason: Reason, order: Any, **how: Any) -> None:
    """The lens names this alone, isValidSignature has the error of it, and 1inch does not fill."""
    assert desk.reasons(order, on_router=True, **how) == reason
    assert desk.outcome(order, on_router=True, **how)
    how.pop("amount", None)
    how.pop("taker", None)
    assert desk.signature_outcome(order, **how)[0] in SIGNATURE_ERRORS[reason]


def _assert_refused_by_1inch(desk: LensDesk, reason: Reason, order: Any, **how: Any) -> None:
    assert desk.reasons(order, on_router=True, **how) == reason
    assert desk.outcome(order, on_router=True, **how)[0] in ROUTER_ERRORS[reason]


def test_check_router_order__sound_order__finds_nothing_and_fills(desk: LensDesk) -> None:
    _assert_fills(desk, desk.order())
    _assert_fills(desk, desk.order(), amount=MAKING // 3)
    desk.guards(BAND_ON)
    _assert_fills(desk, desk.order())


def test_check_router_order__signed_for_our_domain__is_named(desk: LensDesk) -> None:
    order = desk.order()
    assert desk.reasons(order, on_router=True, signature=desk.sign(order)) == Reason.UNKNOWN_SIGNER


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"maker": 1}, Reason.MAKER),
        ({"receiver": 1}, Reason.RECEIVER),
        ({"flags": 1 << 254}, Reason.TRAITS),
        ({"flags": 1 << 250}, Reason.TRAITS),
        ({"flags": 1 << 248}, Reason.TRAITS),
        ({"flags": 1 << 220}, Reason.TRAITS),
        ({"flags": 1 << 200}, Reason.HOOK_REQUIRED),
        ({"flags": PRE}, Reason.EXTENSION),
        ({"flags": HAS_EXTENSION}, Reason.EXTENSION),
        ({"expiration_s": 0}, Reason.EXPIRED),
        ({"expiration_s": 1}, Reason.EXPIRED),
        ({"expiration_s": 2**40 - 1}, Reason.EXPIRY_TOO_FAR),
        ({"maker_asset": 0xDEAD}, Reason.MAKER_ASSET),
        ({"taker_asset": 0xDEAD}, Reason.TAKER_ASSET),
        ({"lane": 4}, Reason.UNKNOWN_SIGNER),
        ({"epoch": 1}, Reason.EPOCH),
    ],
)
def test_check_router_order__fault_of_the_order__is_named_alone(
    desk: LensDesk, changes: dict[str, Any], reason: Reason
) -> None:
    _assert_refused_by_us(desk, reason, desk.order(**changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sender": 1}, Reason.PRIVATE),
        ({"making_amount": 0}, Reason.AMOUNT),
        ({"taking_amount": 0}, Reason.AMOUNT),
        ({"taking_amount": 10**40}, Reason.TAKER_BALANCE),
        ({"making_amount": 60 * MAKING}, Reason.ROUTER_ALLOWANCE),
    ],
)
def test_check_router_order__fault_for_1inch__is_named_alone(
    desk: LensDesk, changes: dict[str, Any], reason: Reason
) -> None:
    _assert_refused_by_1inch(desk, reason, desk.order(**changes))


def test_check_router_order__own_receiver__is_named_there_and_fine_here(desk: LensDesk) -> None:
    order = desk.order(receiver=word(desk.settlement))
    _assert_refused_by_us(desk, Reason.RECEIVER, order)
    assert desk.reasons(order) == Reason(0)


def test_check_router_order__paused_signer__is_named_alone(desk: LensDesk) -> None:
    desk.settlement.pauseSigner(desk.key.address, sender=desk.owner)
    _assert_refused_by_us(desk, Reason.PAUSED, desk.order())


def test_check_router_order__inventory_too_small__is_named_alone(desk: LensDesk) -> None:
    desk.base.setBalance(desk.settlement, MAKING - 1, sender=desk.owner)
    _assert_refused_by_1inch(desk, Reason.INVENTORY, desk.order())
    _assert_fills(desk, desk.order(), amount=MAKING - 1)


def test_check_router_order__part_of_fill_or_kill__is_named_alone(desk: LensDesk) -> None:
    order = desk.order(flags=NO_PARTIAL_FILLS)
    _assert_refused_by_1inch(desk, Reason.PARTIAL, order, amount=MAKING - 1)


def test_check_router_order__nonce__is_1inchs_not_ours(desk: LensDesk) -> None:
    desk.fill(desk.order(nonce=300))
    order = desk.order(nonce=300)
    assert desk.reasons(order) == Reason.NONCE
    _assert_fills(desk, order)
    digest = order.digest(desk.router_domain)
    desk.settlement.cancelOnRouter(order.maker_traits, digest, sender=desk.owner)
    _assert_refused_by_1inch(desk, Reason.NONCE, order)
    _assert_fills(desk, desk.order(nonce=301))
    _assert_fills(desk, desk.order(nonce=44))


def test_check_router_order__taker__is_asked_for_its_allowance_to_1inch(
    desk: LensDesk, attacker: Any
) -> None:
    desk.quote.setBalance(attacker, TAKING, sender=desk.owner)
    desk.quote.approve(desk.settlement, TAKING, sender=attacker)
    _assert_refused_by_1inch(desk, Reason.TAKER_ALLOWANCE, desk.order(), taker=attacker)


# ---- guards


def test_check_router_order__band_on__holds_for_the_whole_order(desk: LensDesk) -> None:
    desk.guards(BAND_ON)
    edge = TAKING * 9_950 // 10_000
    _assert_fills(desk, desk.order(taking_amount=edge))
    _assert_refused_by_us(desk, Reason.OUTSIDE_BAND, desk.order(taking_amount=edge - 1))
    desk.quote_feed.setMood(Mood.REVERTS, sender=desk.owner)
    _assert_refused_by_us(desk, Reason.FEED, desk.order())
    desk.quote_feed.setMood(Mood.ANSWERS, sender=desk.owner)
    desk.settlement.setBand(desk.base, desk.quote, 0, sender=desk.owner)
    _assert_refused_by_us(desk, Reason.NO_BAND, desk.order())


def test_check_router_order__caps_on__need_the_hook(desk: LensDesk) -> None:
    desk.guards(CAPS_ON)
    _assert_refused_by_us(desk, Reason.HOOK_REQUIRED, desk.order())
    order, extension = desk.hooked(pre=ANYONE)
    _assert_fills(desk, order, extension=extension)


@pytest.mark.parametrize(
    ("per_block", "per_window", "reason"),
    [(MAKING - 1, 2 * MAKING, Reason.BLOCK_CAP), (2 * MAKING, MAKING - 1, Reason.WINDOW_CAP)],
)
def test_check_router_order__over_a_cap__is_named_alone(
    desk: LensDesk, per_block: int, per_window: int, reason: Reason
) -> None:
    desk.settlement.setCap(desk.base, per_block, per_window, 600, sender=desk.owner)
    order, extension = desk.hooked(pre=ANYONE)
    _assert_fills(desk, order, extension=extension)
    desk.guards(CAPS_ON)
    _assert_refused_by_1inch(desk, reason, order, extension=extension)
    _assert_fills(desk, order, extension=extension, amount=MAKING // 2)


# ---- hooks


def test_check_router_order__hooked__ratio_counts(desk: LensDesk) -> None:
    order, extension = desk.hooked(pre=ANYONE, flags=128 << 200)
    minimum = -(-MAKING * 128 // 255)
    _assert_fills(desk, order, extension=extension, amount=minimum)
    _assert_refused_by_1inch(desk, Reason.FILL_TOO_SMALL, order, extension=extension, amount=minimum - 1)


def test_check_router_order__hooked__private_taker(desk: LensDesk, attacker: Any) -> None:
    desk.quote.setBalance(attacker, TAKING, sender=desk.owner)
    desk.quote.approve(desk.router, TAKING, sender=attacker)
    private = PreHook(private_taker=Address(str(desk.taker.address)))
    order, extension = desk.hooked(pre=private)
    _assert_fills(desk, order, extension=extension)
    _assert_refused_by_1inch(desk, Reason.PRIVATE, order, extension=extension, taker=attacker)


def test_check_router_order__hook_fetches_inventory__balance_does_not_count(desk: LensDesk) -> None:
    desk.base.setBalance(desk.settlement, 0, sender=desk.owner)
    order, extension = desk.hooked(pre=PreHook(source=InventorySource.AAVE_WITHDRAW))
    _assert_refused_by_1inch(desk, Reason.INVENTORY, order, extension=extension)
    account = desk.owner.deploy(ape.project.MockLendingAccount, desk.settlement)
    desk.base.setBalance(account, MAKING, sender=desk.owner)
    desk.settlement.setModule(LENDING_ACCOUNT, account, sender=desk.owner)
    _assert_fills(desk, order, extension=extension)


def test_check_router_order__foreign_hook__is_named_alone(desk: LensDesk) -> None:
    order, extension = desk.hooked(pre=ANYONE, listener=desk.taker)
    _assert_refused_by_us(desk, Reason.EXTENSION, order, extension=extension)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x02\x00", b"\x00\x05", b"\x00\x00\x00"])
def test_check_router_order__payload_the_hook_cannot_read__is_named_alone(
    desk: LensDesk, payload: bytes
) -> None:
    order, extension = desk.hooked(pre=payload)
    _assert_refused_by_1inch(desk, Reason.EXTENSION, order, extension=extension)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x05\x00" + bytes(4), b"\x00\x01" + bytes(4), b"\x01\x00" + bytes(4), bytes(7)],
)
def test_check_router_order__post_payload_the_hook_cannot_read__is_named_alone(
    desk: LensDesk, payload: bytes
) -> None:
    order, extension = desk.hooked(post=payload)
    _assert_refused_by_1inch(desk, Reason.EXTENSION, order, extension=extension)


@pytest.mark.parametrize(
    "cut", ["byte_more", "byte_less", "field_0", "no_pre_flag", "post_flag", "other_bytes"]
)
def test_check_router_order__extension_not_ours__is_named_alone(desk: LensDesk, cut: str) -> None:
    order, extension = desk.hooked(pre=ANYONE, post=bytes(6))
    _assert_fills(desk, order, extension=extension)
    order, extension = desk.hooked(pre=ANYONE)
    if cut == "byte_more":
        extension += b"\x00"
    elif cut == "byte_less":
        extension = extension[:-1]
    elif cut == "field_0":
        extension = extension[:31] + b"\x01" + extension[32:]
    if cut == "other_bytes":
        extension = extension[:-1] + b"\x01"
    else:
        flags = order.maker_traits & PRE
        flags = 0 if cut == "no_pre_flag" else flags | (1 << 251) * (cut == "post_flag")
        order = desk.order(extension=extension, flags=flags)
    _assert_refused_by_us(desk, Reason.EXTENSION, order, extension=extension)


def test_check_router_order__extension_nobody_announced__is_named_alone(desk: LensDesk) -> None:
    _, extension = desk.hooked(pre=ANYONE)
    _assert_refused_by_us(desk, Reason.EXTENSION, desk.order(), extension=extension)


def test_check_router_order__dirty_words__are_named(desk: LensDesk) -> None:
    for name, token in (("taker_asset", desk.quote), ("maker_asset", desk.base)):
        order = replace(desk.order(), **{name: word(token) | 1 << 255})
        _assert_refused_by_us(desk, Reason[name.upper()], order)


def test_check_router_order__bad_signature__is_named(desk: LensDesk) -> None:
    order = desk.order()
    stranger = desk.sign(order, on_router=True, key=SigningKey(b"\x11" * 32))
    _assert_refused_by_us(desk, Reason.UNKNOWN_SIGNER, order, signature=stranger)
    values = (order.words, bytes(32), (1).to_bytes(32, "big"), b"", desk.taker, MAKING)
    assert desk.lens.checkRouterOrder(*values) == Reason.SIGNATURE
