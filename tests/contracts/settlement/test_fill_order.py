"""fillOrder: a plain order, the maker asset to the caller, the taker asset from the caller."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    MAKING,
    NO_PARTIAL_FILLS,
    TAKING,
    Desk,
    args_traits,
    lower,
    moved,
    word,
)

DIRTY = 1 << 160


def test_fill_order__whole_order__moves_exactly_both_amounts(desk: Desk, attacker: Any) -> None:
    order = desk.order()
    before = desk.balances(desk.settlement, desk.taker, attacker)

    receipt = desk.fill(order)

    after = desk.balances(desk.settlement, desk.taker, attacker)
    assert moved(before, after) == [(-MAKING, TAKING), (MAKING, -TAKING), (0, 0)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert bytes(event.orderHash) == order.digest(desk.domain)
    assert (event.taker, event.makerAsset, event.takerAsset) == (desk.taker, desk.base, desk.quote)
    assert (event.makingAmount, event.takingAmount) == (MAKING, TAKING)
    assert len(receipt.events) == 3


def test_fill_order__whole_order__returns_amounts_and_hash(desk: Desk) -> None:
    order = desk.order()
    assert desk.simulate(order) == (MAKING, TAKING, order.digest(desk.domain))


def test_fill_order__receiver_is_the_settlement__fills(desk: Desk) -> None:
    assert desk.simulate(desk.order(receiver=word(desk.settlement)))[0] == MAKING


def test_fill_order__same_order_again__is_refused_as_dead(desk: Desk) -> None:
    order = desk.order(nonce=7)
    desk.fill(order)
    assert desk.fill_refusal(order) == ("NonceDead", 7, 0)


def test_fill_order__other_order_with_the_same_nonce__is_refused_as_dead(desk: Desk) -> None:
    desk.fill(desk.order(nonce=7))
    assert desk.fill_refusal(desk.order(nonce=7, making_amount=MAKING + 1)) == ("NonceDead", 7, 0)


def test_fill_order__same_nonce_in_another_lane__fills(desk: Desk) -> None:
    desk.fill(desk.order(nonce=7))
    desk.fill(desk.order(nonce=7, lane=1))


def test_fill_order__part_then_rest__rest_is_dead(desk: Desk) -> None:
    order = desk.order()
    before = desk.balances(desk.settlement)
    desk.fill(order, amount=TAKING // 4)
    assert moved(before, desk.balances(desk.settlement)) == [(-MAKING // 4, TAKING // 4)]
    assert desk.fill_refusal(order, amount=TAKING // 4)[0] == "NonceDead"


@pytest.mark.parametrize("amount", [TAKING, TAKING + 1])
def test_fill_order__fill_or_kill_for_the_whole__fills(desk: Desk, amount: int) -> None:
    order = desk.order(flags=NO_PARTIAL_FILLS)
    assert desk.simulate(order, amount=amount)[0] == MAKING


def test_fill_order__fill_or_kill_for_a_part__is_refused(desk: Desk) -> None:
    order = desk.order(flags=NO_PARTIAL_FILLS)
    part = MAKING * (TAKING - 1) // TAKING
    assert desk.fill_refusal(order, amount=TAKING - 1) == ("PartialFill", part, MAKING)


@pytest.mark.parametrize(
    ("amount", "taker_traits", "expected"),
    [
        pytest.param(1, 0, (2_000, 1), id="dust by taking amount"),
        pytest.param(1, MAKER_AMOUNT, (1, 1), id="dust by making amount rounds the price up"),
        pytest.param(2_001, MAKER_AMOUNT, (2_001, 2), id="price rounds up"),
        pytest.param(MAKING, MAKER_AMOUNT, (MAKING, TAKING), id="whole by making amount"),
        pytest.param(2**256 - 1, MAKER_AMOUNT, (MAKING, TAKING), id="making amount is clipped"),
        pytest.param(TAKING * 2, 0, (MAKING, TAKING), id="taking amount is clipped"),
    ],
)
def test_fill_order__amount__gives_the_amounts_of_1inch(
    desk: Desk, amount: int, taker_traits: int, expected: tuple[int, int]
) -> None:
    assert desk.simulate(desk.order(), amount=amount, taker_traits=taker_traits)[:2] == expected


def test_fill_order__making_rounds_down(desk: Desk) -> None:
    order = desk.order(making_amount=3, taking_amount=1_000)
    assert desk.simulate(order, amount=667)[:2] == (2, 667)


@pytest.mark.parametrize(
    ("amount", "taker_traits", "refusal"),
    [
        (TAKING, MAKING, None),
        (TAKING, MAKING + 1, ("MakingAmountTooLow", MAKING, MAKING + 1)),
        (MAKING, MAKER_AMOUNT | TAKING, None),
        (MAKING, MAKER_AMOUNT | TAKING - 1, ("TakingAmountTooHigh", TAKING, TAKING - 1)),
        # Clipped to half of what was asked: the threshold is a price.
        (TAKING * 2, MAKING * 2, None),
        (TAKING * 2, MAKING * 2 + 1, ("MakingAmountTooLow", MAKING, MAKING * 2 + 1)),
        (MAKING * 2, MAKER_AMOUNT | TAKING * 2, None),
        (MAKING * 2, MAKER_AMOUNT | TAKING * 2 - 1, ("TakingAmountTooHigh", TAKING, TAKING * 2 - 1)),
        # Bit 184 is no part of the threshold, as on 1inch.
        (TAKING, 1 << 184, None),
        (TAKING, (1 << 184) - 1, ("MakingAmountTooLow", MAKING, (1 << 184) - 1)),
    ],
)
def test_fill_order__threshold__holds_in_both_directions(
    desk: Desk, amount: int, taker_traits: int, refusal: tuple[Any, ...] | None
) -> None:
    order = desk.order()
    if refusal is None:
        assert desk.simulate(order, amount=amount, taker_traits=taker_traits)[:2] == (MAKING, TAKING)
    else:
        assert desk.fill_refusal(order, amount=amount, taker_traits=taker_traits) == refusal


@pytest.mark.parametrize(
    ("changes", "amount", "taker_traits", "refusal"),
    [
        ({}, 0, 0, ("ZeroAmount", 0, 0)),
        ({}, 0, MAKER_AMOUNT, ("ZeroAmount", 0, 0)),
        ({"making_amount": 0}, TAKING, 0, ("ZeroAmount", 0, TAKING)),
        ({"taking_amount": 0}, MAKING, MAKER_AMOUNT, ("ZeroAmount", MAKING, 0)),
        ({"taking_amount": 0}, 5, 0, ("ZeroAmount", MAKING, 0)),
        ({"taking_amount": 0}, 5, MAKER_AMOUNT, ("ZeroAmount", 5, 0)),
        ({"making_amount": 1, "taking_amount": 1_000}, 999, 0, ("ZeroAmount", 0, 999)),
        ({}, 2**255, 0, ("AmountOverflow", 2**255, MAKING)),
        ({"taking_amount": 2**255}, 3, MAKER_AMOUNT, ("AmountOverflow", 3, 2**255)),
    ],
)
def test_fill_order__amounts_of_nothing_or_too_large__are_refused(
    desk: Desk, changes: dict[str, int], amount: int, taker_traits: int, refusal: tuple[Any, ...]
) -> None:
    assert desk.fill_refusal(desk.order(**changes), amount=amount, taker_traits=taker_traits) == refusal


def test_fill_order__offer_past_the_whole_that_rounds_to_the_whole__is_taken_as_on_1inch(desk: Desk) -> None:
    order = desk.order(making_amount=1, taking_amount=100)
    assert desk.simulate(order, amount=150)[:2] == (1, 150)
    assert desk.simulate(order, amount=200)[:2] == (1, 100)


@pytest.mark.parametrize(
    ("field", "refusal"),
    [
        ("maker", "BadMaker"),
        ("receiver", "BadReceiver"),
        ("maker_asset", "UnregisteredToken"),
        ("taker_asset", "UnregisteredToken"),
    ],
)
def test_fill_order__dirty_upper_bits__are_refused(desk: Desk, field: str, refusal: str) -> None:
    clean = desk.order(receiver=word(desk.settlement))
    dirty = getattr(clean, field) | DIRTY
    assert desk.fill_refusal(replace(clean, **{field: dirty})) == (refusal, dirty)


def test_fill_order__other_maker_or_receiver__is_refused(desk: Desk, attacker: Any) -> None:
    assert desk.fill_refusal(desk.order(maker=word(attacker))) == ("BadMaker", word(attacker))
    assert desk.fill_refusal(desk.order(receiver=word(attacker))) == ("BadReceiver", word(attacker))


@pytest.mark.parametrize("token", [0, 0xDEAD])
def test_fill_order__unregistered_token__is_refused_on_both_sides(desk: Desk, token: int) -> None:
    assert desk.fill_refusal(desk.order(maker_asset=token)) == ("UnregisteredToken", token)
    assert desk.fill_refusal(desk.order(taker_asset=token)) == ("UnregisteredToken", token)


def test_fill_order__same_asset_on_both_sides__is_refused(desk: Desk) -> None:
    order = desk.order(maker_asset=word(desk.quote))
    assert desk.fill_refusal(order) == ("SameAsset", word(desk.quote))


@pytest.mark.parametrize("function", ["fillOrder", "fillOrderArgs"])
def test_fill_order__traits_not_served__are_refused_by_their_bits(desk: Desk, function: str) -> None:
    """Maker's Permit2 and unwrapping, hooks, epoch manager, many fills, the unused bit."""
    args = None if function == "fillOrder" else b""
    for bit in (247, 248, *range(250, 255)):
        assert desk.fill_refusal(desk.order(flags=1 << bit), args=args) == ("UnsupportedTraits", 1 << bit)
    both = 1 << 247 | 1 << 254
    assert desk.fill_refusal(desk.order(flags=both), args=args) == ("UnsupportedTraits", both)


def test_fill_order__order_with_extension__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(desk.order(flags=1 << 249)) == ("MissingExtension",)


def test_fill_order__traits_that_announce_args__are_refused(desk: Desk) -> None:
    announced = args_traits(extension=bytes(5), interaction=bytes(7))
    assert desk.fill_refusal(desk.order(), taker_traits=announced) == ("BadArgs", 12, 0)


def test_fill_order__skip_permit_and_unused_bits__are_ignored(desk: Desk) -> None:
    unused = 1 << 253 | 0xFFFF << 184 | 0b111 << 248
    assert desk.simulate(desk.order(), taker_traits=unused)[0] == MAKING


def test_fill_order__private_by_low_bits__fills_for_that_caller_only(desk: Desk, attacker: Any) -> None:
    order = desk.order(sender=word(desk.taker) & (1 << 80) - 1)
    assert desk.simulate(order)[0] == MAKING
    assert desk.fill_refusal(order, sender=attacker) == ("PrivateOrder", lower(attacker))


def test_fill_order__taker_without_allowance__moves_nothing(desk: Desk, attacker: Any) -> None:
    order = desk.order()
    name, token, _ = desk.fill_refusal(order, sender=attacker)
    assert (name, token) == ("TokenCallFailed", lower(desk.quote))
    assert desk.simulate(order)[0] == MAKING


def test_fill_order__inventory_too_small__is_refused(desk: Desk) -> None:
    order = desk.order(making_amount=10**40)
    assert desk.fill_refusal(order)[:2] == ("TokenCallFailed", lower(desk.base))
