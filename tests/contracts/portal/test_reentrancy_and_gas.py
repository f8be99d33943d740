"""fillOrders called from inside itself, and with too little gas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_abi.abi import decode

from pmm.chain.rpc import RpcError
from tests.contracts.portal.portal_desk import Entry, PortalDesk, changes, named, row
from tests.contracts.portal.signed_permits import usdc_permit
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    Oddity,
    args_of,
    args_traits,
    word,
)

FUNCTIONS = ("fillOrders", "fillOrderPermit")


def _inner(place: PortalDesk, function: str) -> bytes:
    """A call into the portal that would pass on its own; the batch may fail in every fill, and still must not."""
    order = place.desk.order(nonce=7)
    if function == "fillOrders":
        return place.batch_data(place.entry(order), optional=1)
    return place.permit_data(order, usdc_permit(place))


def _interacting(place: PortalDesk, target: Any, extra: bytes = b"", **how: Any) -> Entry:
    parts: dict[str, Any] = {"interaction": bytes.fromhex(target.address[2:]) + extra}
    return place.entry(place.desk.order(), taker_traits=args_traits(**parts), args=args_of(**parts), **how)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_fill_orders__from_the_interaction__is_locked(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, function: str
) -> None:
    place = portal_desk
    mock_taker.setReaction(place.portal, _inner(place, function), sender=owner)
    before = place.holdings(place.settlement, place.portal)
    data = place.batch_data(_interacting(place, mock_taker))
    receipt = mock_taker.execute(place.portal, data, sender=owner)
    assert mock_taker.called()
    assert named(bytes(mock_taker.answer())) == ("Reentered",)
    assert changes(before, place.holdings(place.settlement, place.portal)) == [
        row(base=-MAKING, quote=TAKING),
        row(),
    ]
    assert place.failures(receipt) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_fill_orders__from_the_receipt_of_an_unwrapped_leg__is_locked(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, function: str
) -> None:
    """The ETH of the second fill is still in the portal when the first pays out."""
    place = portal_desk
    mock_taker.setReaction(place.portal, _inner(place, function), sender=owner)
    unwrapping = place.desk.order(maker_asset=word(place.desk.weth), making_amount=ONE)
    paid = place.order_for(place.desk.weth, TAKING, nonce=1)
    entries = (place.entry(unwrapping, taker_traits=UNWRAP_WETH), place.entry(paid, value=TAKING))
    before = place.holdings(place.settlement, mock_taker, place.portal)
    receipt = mock_taker.execute(place.portal, place.batch_data(*entries), value=TAKING, sender=owner)
    assert named(bytes(mock_taker.answer())) == ("Reentered",)
    assert changes(before, place.holdings(place.settlement, mock_taker, place.portal)) == [
        row(base=-MAKING, quote=TAKING, weth=TAKING - ONE),
        row(base=MAKING, quote=-TAKING, eth=ONE),
        row(),
    ]
    assert len(place.fills(receipt)) == 2


@pytest.mark.parametrize("hooked", ["base", "quote"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_fill_orders__from_a_token__is_locked(
    portal_desk: PortalDesk, owner: Any, hooked: str, function: str
) -> None:
    place = portal_desk
    token = getattr(place.desk, hooked)
    token.setOddity(Oddity.CALLS_OUT, place.portal, _inner(place, function), sender=owner)
    receipt = place.batch(place.entry(place.desk.order()))
    assert named(bytes(token.answer())) == ("Reentered",)
    assert len(place.fills(receipt)) == 1


def test_fill_orders__from_the_refund__is_a_call_of_its_own(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    """By then the outer call is over: its ETH has left the portal, and the inner call starts with nothing."""
    place = portal_desk
    inside = place.desk.order(nonce=7)
    mock_taker.setReaction(place.portal, place.batch_data(place.entry(inside)), sender=owner)
    before = place.holdings(place.settlement, mock_taker, place.portal)
    data = place.batch_data(place.entry(place.desk.order()))
    receipt = mock_taker.execute(place.portal, data, value=ONE, sender=owner)
    assert mock_taker.succeeded()
    assert place.fills(receipt)[1] == place.filled(inside, mock_taker)
    assert changes(before, place.holdings(place.settlement, mock_taker, place.portal)) == [
        row(base=-2 * MAKING, quote=2 * TAKING),
        row(base=2 * MAKING, quote=-2 * TAKING, eth=ONE),
        row(),
    ]


def test_fill_orders__from_the_refund__is_lent_no_ether_of_the_outer_call(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, rpc: Any
) -> None:
    place = portal_desk
    rpc.call("anvil_setBalance", place.portal.address, hex(5 * ONE))
    inside = place.entry(place.order_for(place.desk.weth, TAKING, nonce=7), value=TAKING)
    mock_taker.setReaction(place.portal, place.batch_data(inside), sender=owner)
    data = place.batch_data(place.entry(place.desk.order()))
    mock_taker.execute(place.portal, data, value=ONE, sender=owner)
    assert named(bytes(mock_taker.answer())) == ("ValueExhausted", 0, TAKING, 0)
    assert place.portal.balance == 5 * ONE


def test_fill_orders__unwrapped_to_the_portal_from_the_refund__finds_no_call_running(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    """Else the ETH would stay in the portal."""
    place = portal_desk
    order = place.desk.order(nonce=7, maker_asset=word(place.desk.weth), making_amount=ONE)
    parts: dict[str, Any] = {"target": place.portal.address}
    method, values = place.desk.call_of(
        order, taker_traits=UNWRAP_WETH | args_traits(**parts), args=args_of(**parts)
    )
    mock_taker.setReaction(place.settlement, method.encode_input(*values), sender=owner)
    data = place.batch_data(place.entry(place.desk.order()))
    mock_taker.execute(place.portal, data, value=ONE, sender=owner)
    assert named(bytes(mock_taker.answer())) == ("EthTransferFailed", place.portal.address.lower())
    assert place.portal.balance == 0


def test_fill_orders__two_calls_in_one_transaction__both_fill(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    """The lock is free again after each call."""
    place = portal_desk
    calls = [place.batch_data(place.entry(place.desk.order(nonce=nonce))) for nonce in range(2)]
    receipt = mock_taker.executeAll([place.portal] * 2, calls, sender=owner)
    assert len(place.fills(receipt)) == 2


# ---------------------------------------------------------------- gas


def test_fill_orders__any_gas__fills_the_optional_one_or_nothing(
    portal_desk: PortalDesk, mock_taker: Any
) -> None:
    """The optional fill needs 3.4 million gas, so that what starving it leaves would do for the other."""
    place = portal_desk
    needs_much = _interacting(place, mock_taker, b"\x01" * 32 * 150)
    data = place.batch_data(needs_much, place.entry(place.desk.order(nonce=1)), optional=0b01)
    outcomes = []
    for gas in range(500_000, 6_000_000, 100_000):
        try:
            answer = place.call(place.portal, data, gas=hex(gas))
            outcomes.append(decode(("uint256[]", "uint256[]"), answer)[0])
        except RpcError as refused:
            outcomes.append(named(refused.data)[:2])
    filled = (MAKING, MAKING)
    assert set(outcomes) <= {filled, ("FillStarved", 0), ("",)}
    assert {filled, ("FillStarved", 0)} <= set(outcomes)
    # More gas never makes it worse.
    assert outcomes == sorted(outcomes, key=lambda outcome: outcome == filled)


def test_fill_orders__optional_one_fails_with_gas_to_spare__is_no_starving(
    portal_desk: PortalDesk, mock_taker: Any, deal: Callable[..., None]
) -> None:
    """The same fill, which cannot be paid: it fails after its interaction, with a third of the gas left."""
    place = portal_desk
    dear = place.desk.order(taking_amount=2**200)
    parts: dict[str, Any] = {"interaction": bytes.fromhex(mock_taker.address[2:]) + b"\x01" * 32 * 150}
    entry = place.entry(dear, taker_traits=args_traits(**parts), args=args_of(**parts))
    data = place.batch_data(entry, place.entry(place.desk.order(nonce=1)), optional=0b01)
    answer = place.call(place.portal, data, gas=hex(6_000_000))
    assert decode(("uint256[]", "uint256[]"), answer)[0] == (0, MAKING)
    assert place.refusal(place.portal, data, gas=hex(4_000_000))[:2] == ("FillStarved", 0)


def test_fill_orders__optional_one_whose_token_burns_all_gas__reverts_all(portal_desk: PortalDesk) -> None:
    """An invalid opcode, as old tokens use for their assertions, cannot be told from too little gas."""
    place = portal_desk
    place.rpc.call("anvil_setCode", place.desk.quote.address, "0xfe")
    paid = place.order_for(place.desk.weth, TAKING, nonce=1)
    data = place.batch_data(place.entry(place.desk.order()), place.entry(paid), optional=0b01)
    name, index, before, after = place.refusal(place.portal, data, gas=hex(8_000_000))
    assert (name, index) == ("FillStarved", 0)
    assert after < before // 4
