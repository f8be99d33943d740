"""The taker's interaction of fillOrderArgs: between the legs, and never aimed at what holds money."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import keccak256
from tests.contracts.settlement.desk import (
    MAKING,
    TAKING,
    Desk,
    args_of,
    args_traits,
    extension_of,
    lower,
    moved,
)

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
ORDER_TYPE = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"


def _how(**parts: Any) -> dict[str, Any]:
    """Keyword arguments of a fill with these args."""
    return {"taker_traits": args_traits(**parts), "args": args_of(**parts)}


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
    assert desk.fill_refusal(desk.order(), **how) == ("NoCode", lower(receiver))


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
