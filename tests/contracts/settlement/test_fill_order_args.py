"""fillOrderArgs: another receiver, the signed extension, the taker's interaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import keccak256
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    USE_PERMIT2,
    Desk,
    Oddity,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
    word,
)

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
ORDER_TYPE = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"


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


def test_fill_order_args__permit2__is_refused(desk: Desk) -> None:
    refusal = desk.fill_refusal(desk.order(), taker_traits=USE_PERMIT2, args=b"")
    assert refusal == ("UnsupportedTakerTraits", USE_PERMIT2)


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


# ---------------------------------------------------------------- interaction


def test_fill_order_args__interaction__sees_the_fill_between_the_legs(
    desk: Desk, mock_taker: Any, owner: Any
) -> None:
    order = desk.order()
    interaction = bytes.fromhex(mock_taker.address[2:]) + b"hello"
    balance_of = desk.base.balanceOf.encode_input(mock_taker)
    before = int(desk.base.balanceOf(mock_taker))
    mock_taker.setReaction(desk.base, balance_of, sender=owner)
    method, values = desk.call_of(order, **_how(interaction=interaction))

    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner)

    arguments = (order.words, b"", order.digest(desk.domain), mock_taker.address, MAKING, TAKING, MAKING)
    types = [ORDER_TYPE, "bytes", "bytes32", "address", "uint256", "uint256", "uint256"]
    assert bytes(mock_taker.seen()) == keccak256(encode(types, arguments))
    assert bytes(mock_taker.seenData()) == b"hello"
    assert int.from_bytes(mock_taker.answer(), "big") == before + MAKING


def test_fill_order_args__interaction__may_bring_the_payment(desk: Desk, mock_taker: Any, owner: Any) -> None:
    """The taker holds nothing of the taker asset until its interaction: a free flash use of the maker asset."""
    desk.quote.burn(mock_taker, desk.quote.balanceOf(mock_taker), sender=owner)
    mint = desk.quote.mint.encode_input(mock_taker, TAKING)
    mock_taker.setReaction(desk.quote, mint, sender=owner)
    how = _how(interaction=bytes.fromhex(mock_taker.address[2:]))
    method, values = desk.call_of(desk.order(), **how)
    before = desk.balances(desk.settlement)
    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner)
    assert moved(before, desk.balances(desk.settlement)) == [(-MAKING, TAKING)]


def test_fill_order_args__interaction_that_does_not_pay__moves_nothing(
    desk: Desk, mock_taker: Any, owner: Any
) -> None:
    desk.quote.burn(mock_taker, desk.quote.balanceOf(mock_taker), sender=owner)
    how = _how(interaction=bytes.fromhex(mock_taker.address[2:]))
    method, values = desk.call_of(desk.order(), **how)
    refusal = desk.refusal(mock_taker.execute, desk.settlement, method.encode_input(*values), sender=owner)
    assert refusal[:2] == ("TokenCallFailed", lower(desk.quote))


@pytest.mark.parametrize("length", [1, 19])
def test_fill_order_args__interaction_without_an_address__is_refused(desk: Desk, length: int) -> None:
    assert desk.fill_refusal(desk.order(), **_how(interaction=bytes(length))) == ("BadArgs", 20, length)


@pytest.mark.parametrize(
    "name", ["base", "quote", "settlement", "weth", "router", "permit2", "late", "hedger", "blocked"]
)
def test_fill_order_args__interaction_aimed_at_what_holds_money__is_refused(
    desk: Desk, owner: Any, name: str, mock_hedger: Any
) -> None:
    late = owner.deploy(ape.project.MockOddToken)
    desk.settlement.registerToken(late, sender=owner)
    desk.settlement.unregisterToken(WETH, sender=owner)
    target = {
        "base": desk.base.address,
        "quote": desk.quote.address,
        "settlement": desk.settlement.address,
        "weth": WETH,
        "router": ONEINCH_ROUTER,
        "permit2": PERMIT2,
        "late": late.address,
        "hedger": mock_hedger.address,
        "blocked": WETH,
    }[name]
    refusal = desk.fill_refusal(desk.order(), **_how(interaction=bytes.fromhex(target[2:])))
    assert refusal == ("BadInteractionTarget", target.lower())


def test_fill_order_args__interaction_with_an_account_without_code__is_refused(
    desk: Desk, receiver: Any
) -> None:
    how = _how(interaction=bytes.fromhex(receiver.address[2:]))
    assert desk.fill_refusal(desk.order(), **how) == ("",)


def test_fill_order_args__all_parts_at_once__fill(
    desk: Desk, mock_taker: Any, owner: Any, receiver: Any
) -> None:
    extension = extension_of(taker=mock_taker.address)
    order = desk.with_extension(extension)
    how = _how(
        target=receiver.address,
        extension=extension,
        interaction=bytes.fromhex(mock_taker.address[2:]) + b"\x01",
    )
    method, values = desk.call_of(order, **how)
    before = desk.balances(desk.settlement, mock_taker, receiver)
    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner)
    after = desk.balances(desk.settlement, mock_taker, receiver)
    assert moved(before, after) == [(-MAKING, TAKING), (0, -TAKING), (MAKING, 0)]
    assert bytes(mock_taker.seenData()) == b"\x01"


# ---------------------------------------------------------------- reentrancy


@pytest.mark.parametrize(
    "inner", ["fillOrder", "fillOrderArgs", "fillOrderFunded", "withdraw", "isValidSignature"]
)
def test_fill_order_args__reentered_from_the_interaction__is_refused(
    desk: Desk, mock_taker: Any, owner: Any, inner: str
) -> None:
    second = desk.order(nonce=1)
    signature = desk.sign(second)
    if inner.startswith("fill"):
        args = None if inner == "fillOrder" else b""
        method, values = desk.call_of(second, function=inner, args=args)
        data = method.encode_input(*values)
    elif inner == "withdraw":
        desk.settlement.transferOwnership(mock_taker, sender=owner)
        accept = desk.settlement.acceptOwnership.encode_input()
        mock_taker.execute(desk.settlement, accept, sender=owner)
        data = desk.settlement.withdraw.encode_input(desk.base, mock_taker, 1)
    else:
        digest = second.digest(desk.router_domain)
        packed = second.packed_with(desk.key.sign(digest))
        data = desk.settlement.isValidSignature.encode_input(digest, packed)
    mock_taker.setReaction(desk.settlement, data, sender=owner)
    how = _how(interaction=bytes.fromhex(mock_taker.address[2:]))
    outer, values = desk.call_of(desk.order(), **how)
    before = desk.balances(desk.settlement)

    mock_taker.execute(desk.settlement, outer.encode_input(*values), sender=owner)

    assert mock_taker.called()
    assert not mock_taker.succeeded()
    assert decode_error(bytes(mock_taker.answer())) == ("Reentered",)
    assert moved(before, desk.balances(desk.settlement)) == [(-MAKING, TAKING)]
    assert signature is not None


@pytest.mark.parametrize("hooked", ["base", "quote"])
def test_fill_order__reentered_from_a_token__is_refused(desk: Desk, owner: Any, hooked: str) -> None:
    method, values = desk.call_of(desk.order(nonce=1))
    token = getattr(desk, hooked)
    token.setOddity(Oddity.CALLS_OUT, desk.settlement, method.encode_input(*values), sender=owner)
    before = desk.balances(desk.settlement)
    desk.fill(desk.order())
    assert decode_error(bytes(token.answer())) == ("Reentered",)
    assert moved(before, desk.balances(desk.settlement)) == [(-MAKING, TAKING)]


def test_fill_order__reentered_on_receipt_of_ether__is_refused(
    desk: Desk, mock_taker: Any, owner: Any
) -> None:
    method, values = desk.call_of(desk.order(nonce=1))
    mock_taker.setReaction(desk.settlement, method.encode_input(*values), sender=owner)
    order = desk.order(maker_asset=word(WETH), making_amount=ONE)
    outer, values = desk.call_of(order, taker_traits=UNWRAP_WETH)
    mock_taker.execute(desk.settlement, outer.encode_input(*values), sender=owner)
    assert decode_error(bytes(mock_taker.answer())) == ("Reentered",)
    assert mock_taker.balance == ONE


def test_fill_order__two_fills_in_one_transaction__both_settle(
    desk: Desk, mock_taker: Any, owner: Any
) -> None:
    """The lock is free again after each fill."""
    method, first = desk.call_of(desk.order())
    _, second = desk.call_of(desk.order(nonce=1))
    calls = [method.encode_input(*first), method.encode_input(*second)]
    before = desk.balances(desk.settlement)
    mock_taker.executeAll([desk.settlement, desk.settlement], calls, sender=owner)
    assert moved(before, desk.balances(desk.settlement)) == [(-2 * MAKING, 2 * TAKING)]


def test_fill_order_args__flag_without_extension_bit__plain_order_needs_none(desk: Desk) -> None:
    assert desk.fill_refusal(desk.order(flags=HAS_EXTENSION), args=b"") == ("MissingExtension",)
