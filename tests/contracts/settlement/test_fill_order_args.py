"""fillOrderArgs: another receiver and the signed extension."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.chain.addresses import WETH
from pmm.domain import keccak256
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    Desk,
    args_of,
    args_traits,
    extension_of,
    lower,
    moved,
    word,
)


def _how(**parts: Any) -> dict[str, Any]:
    """Keyword arguments of a fill with these args."""
    return {"taker_traits": args_traits(**parts), "args": args_of(**parts)}


def test_fill_order_args__no_args__fills_as_plain(desk: Desk) -> None:
    before = desk.balances(desk.settlement, desk.taker)
    receipt = desk.fill(desk.order(), args=b"")
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    assert len(receipt.decode_logs(desk.settlement.OrderFilled)) == 1


def test_fill_order_args__target__gets_the_maker_asset(desk: Desk, receiver: Any) -> None:
    before = desk.balances(desk.settlement, desk.taker, receiver)

    receipt = desk.fill(desk.order(), **_how(target=receiver.address))

    after = desk.balances(desk.settlement, desk.taker, receiver)
    assert moved(before, after) == [(-MAKING, TAKING), (0, -TAKING), (MAKING, 0)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert event.taker == desk.taker


def test_fill_order_args__target_zero__is_refused(desk: Desk) -> None:
    zero = "0x" + "00" * 20
    assert desk.fill_refusal(desk.order(), **_how(target=zero)) == ("ZeroAddress",)


def test_fill_order_args__weth_unwrapped_to_target__delivers_ether(desk: Desk, receiver: Any) -> None:
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    how = _how(target=receiver.address)
    how["taker_traits"] |= UNWRAP_WETH
    before, ether = desk.weth.balanceOf(desk.settlement), receiver.balance
    desk.fill(order, **how)
    assert receiver.balance - ether == ONE
    assert before - desk.weth.balanceOf(desk.settlement) == ONE


def test_fill_order_args__unwrapped_to_one_who_refuses_ether__is_refused(desk: Desk) -> None:
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    how = _how(target=desk.base.address)
    how["taker_traits"] |= UNWRAP_WETH
    assert desk.fill_refusal(order, **how) == ("EthTransferFailed", lower(desk.base))


@pytest.mark.parametrize(
    ("announced", "args", "expected"),
    [
        (args_traits(target="0x1"), bytes(19), 20),
        (args_traits(target="0x1"), bytes(21), 20),
        (0, b"\x01", 0),
        (args_traits(extension=bytes(33)), bytes(32), 33),
        (args_traits(interaction=bytes(40)), bytes(41), 40),
        (
            args_traits(extension=bytes(2**24 - 1), interaction=bytes(2**24 - 1), target="0x1"),
            b"",
            2 * (2**24 - 1) + 20,
        ),
    ],
)
def test_fill_order_args__args_not_as_announced__are_refused(
    desk: Desk, announced: int, args: bytes, expected: int
) -> None:
    refusal = desk.fill_refusal(desk.order(), taker_traits=announced, args=args)
    assert refusal == ("BadArgs", expected, len(args))


# ---------------------------------------------------------------- extension


def test_fill_order_args__private_taker__fills_for_it(desk: Desk) -> None:
    extension = extension_of(taker=desk.taker.address)
    before = desk.balances(desk.taker)
    desk.fill(desk.with_extension(extension), **_how(extension=extension))
    assert moved(before, desk.balances(desk.taker)) == [(MAKING, -TAKING)]


def test_fill_order_args__private_order_of_another__is_refused(desk: Desk, attacker: Any) -> None:
    extension = extension_of(taker=desk.taker.address)
    refusal = desk.fill_refusal(desk.with_extension(extension), sender=attacker, **_how(extension=extension))
    assert refusal == ("PrivateOrder", lower(attacker))


def test_fill_order_args__private_taker_with_equal_low_bits__is_refused(desk: Desk) -> None:
    """The full address counts, not its low 80 bits."""
    twin = "0x" + "11" * 10 + desk.taker.address[22:]
    extension = extension_of(taker=twin)
    order = desk.with_extension(extension, sender=word(desk.taker) & (1 << 80) - 1)
    assert desk.fill_refusal(order, **_how(extension=extension)) == ("PrivateOrder", lower(desk.taker))


def test_fill_order_args__order_with_a_plan__is_for_the_funded_fill_only(desk: Desk) -> None:
    extension = extension_of(plan=5)
    refusal = desk.fill_refusal(desk.with_extension(extension), **_how(extension=extension))
    assert refusal == ("FundedOnly", 5)


def test_fill_order_args__extension_left_out__is_refused(desk: Desk) -> None:
    order = desk.with_extension(extension_of(taker=desk.taker.address))
    assert desk.fill_refusal(order, args=b"") == ("MissingExtension",)


def test_fill_order_args__extension_not_announced__is_refused(desk: Desk) -> None:
    extension = extension_of(taker=desk.taker.address)
    assert desk.fill_refusal(desk.order(), **_how(extension=extension)) == (
        "UnexpectedExtension",
        len(extension),
    )


def test_fill_order_args__extension_swapped__is_refused(desk: Desk, attacker: Any) -> None:
    order = desk.with_extension(extension_of(taker=desk.taker.address))
    swapped = extension_of(taker=attacker.address)
    refusal = desk.fill_refusal(order, sender=attacker, **_how(extension=swapped))
    assert refusal == ("ExtensionHashMismatch", order.salt, int.from_bytes(keccak256(swapped), "big"))


@pytest.mark.parametrize("bit", [0, 127, 128, 159])
def test_fill_order_args__salt_off_in_one_low_bit__is_refused(desk: Desk, bit: int) -> None:
    extension = extension_of(taker=desk.taker.address)
    order = desk.with_extension(extension)
    order = replace(order, salt=order.salt ^ 1 << bit)
    refusal = desk.fill_refusal(order, **_how(extension=extension))
    assert refusal[:2] == ("ExtensionHashMismatch", order.salt)


def test_fill_order_args__plan_of_zero__is_still_a_plan(desk: Desk) -> None:
    extension = extension_of(plan=0)
    assert desk.fill_refusal(desk.with_extension(extension), **_how(extension=extension))[0] == "FundedOnly"


@pytest.mark.parametrize(
    "extension",
    [
        pytest.param(bytes(1), id="shorter than the offsets"),
        pytest.param(bytes(32), id="no custom data"),
        pytest.param(bytes(33), id="no flag"),
        pytest.param(bytes(32) + b"\x04", id="unknown flag"),
        pytest.param(bytes(32) + b"\x01" + bytes(19), id="address cut"),
        pytest.param(bytes(32) + b"\x01" + bytes(21), id="a byte too many"),
        pytest.param(bytes(32) + b"\x02" + bytes(31), id="plan cut"),
        pytest.param(bytes(32) + b"\x03" + bytes(51), id="both cut"),
        pytest.param(bytes(31) + b"\x01" + b"\x01" + b"\x11" * 20, id="a 1inch field in use"),
        pytest.param(extension_of(taker="0x" + "00" * 20), id="private to nobody"),
        pytest.param(extension_of(taker="0x" + "00" * 20, plan=1 << 248), id="private to nobody, funded"),
    ],
)
def test_fill_order_args__malformed_extension_though_signed__is_refused(desk: Desk, extension: bytes) -> None:
    refusal = desk.fill_refusal(desk.with_extension(extension), **_how(extension=extension))
    assert refusal == ("BadExtension", len(extension))


def test_fill_order_args__extension_announced_and_empty__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(desk.order(flags=HAS_EXTENSION), args=b"") == ("MissingExtension",)
