"""fillOrderFor: the taker portal names the taker, who is judged, charged and reported in its place."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import WETH
from tests.contracts.settlement.conftest import TAKER_PORTAL
from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    Desk,
    RawOrder,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
    word,
)

ZERO = "0x" + "00" * 20
LOW_BITS = (1 << 80) - 1


@pytest.fixture
def portal(desk: Desk, owner: Any) -> Any:
    """A portal that passes on whatever it is given."""
    instance = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setModule(TAKER_PORTAL, instance, sender=owner)
    return instance


def _values(
    desk: Desk, order: RawOrder, taker: Any, *, amount: int = TAKING, traits: int = 0, **parts: Any
) -> tuple[Any, ...]:
    signature = desk.sign(order)
    return (
        taker,
        order.words,
        signature.r_bytes,
        signature.vs_bytes,
        amount,
        traits | args_traits(**parts),
        args_of(**parts),
    )


def _fill(desk: Desk, portal: Any, order: RawOrder, *, value: int = 0, taker: Any = None, **how: Any) -> Any:
    data = desk.settlement.fillOrderFor.encode_input(*_values(desk, order, taker or desk.taker, **how))
    return portal.execute(data, sender=desk.owner, value=value)


def _refusal(
    desk: Desk, portal: Any, order: RawOrder, *, value: int = 0, taker: Any = None, **how: Any
) -> Any:
    data = desk.settlement.fillOrderFor.encode_input(*_values(desk, order, taker or desk.taker, **how))
    return desk.refusal(portal.execute, data, sender=desk.owner, value=value)


def test_fill_order_for__by_the_portal__moves_both_legs_of_the_named_taker(desk: Desk, portal: Any) -> None:
    order = desk.order()
    before = desk.balances(desk.settlement, desk.taker, portal)

    receipt = _fill(desk, portal, order)

    after = desk.balances(desk.settlement, desk.taker, portal)
    assert moved(before, after) == [(-MAKING, TAKING), (MAKING, -TAKING), (0, 0)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (bytes(event.orderHash), event.taker) == (order.digest(desk.domain), desk.taker)
    assert (event.makerAsset, event.takerAsset) == (desk.base, desk.quote)
    assert (event.makingAmount, event.takingAmount) == (MAKING, TAKING)
    assert _refusal(desk, portal, order) == ("NonceDead", 0, 0)
    assert desk.fill_refusal(order) == ("NonceDead", 0, 0)


def test_fill_order_for__part_with_threshold__is_resolved_as_any_fill(desk: Desk, portal: Any) -> None:
    before = desk.balances(desk.settlement, desk.taker)
    _fill(desk, portal, desk.order(), amount=2_001, traits=MAKER_AMOUNT | 2)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-2_001, 2), (2_001, -2)]
    refusal = _refusal(desk, portal, desk.order(nonce=1), amount=2_001, traits=MAKER_AMOUNT | 1)
    assert refusal == ("TakingAmountTooHigh", 2, 1)


def test_fill_order_for__target__gets_the_maker_asset(desk: Desk, portal: Any, receiver: Any) -> None:
    before = desk.balances(desk.taker, receiver, portal)
    _fill(desk, portal, desk.order(), target=receiver.address)
    after = desk.balances(desk.taker, receiver, portal)
    assert moved(before, after) == [(0, -TAKING), (MAKING, 0), (0, 0)]


@pytest.mark.parametrize("who", ["taker", "owner", "guardian", "operator", "attacker"])
def test_fill_order_for__by_anyone_else__is_refused(desk: Desk, portal: Any, who: str, request: Any) -> None:
    """Not even the taker itself: it has ways of its own."""
    sender = request.getfixturevalue(who)
    values = _values(desk, desk.order(), desk.taker)
    refusal = desk.refusal(desk.settlement.fillOrderFor, *values, sender=sender)
    assert refusal == ("Unauthorised", lower(sender))


def test_fill_order_for__before_a_portal_is_set__is_refused_to_all(desk: Desk, attacker: Any) -> None:
    values = _values(desk, desk.order(), desk.taker)
    refusal = desk.refusal(desk.settlement.fillOrderFor, *values, sender=attacker)
    assert refusal == ("Unauthorised", lower(attacker))


def test_fill_order_for__taker_who_approved_nothing__is_not_charged(
    desk: Desk, portal: Any, attacker: Any
) -> None:
    name, token, _ = _refusal(desk, portal, desk.order(), taker=attacker)
    assert (name, token) == ("TokenCallFailed", lower(desk.quote))


def test_fill_order_for__taker_zero__is_refused(desk: Desk, portal: Any) -> None:
    assert _refusal(desk, portal, desk.order(), taker=ZERO) == ("ZeroAddress",)


# ---------------------------------------------------------------- private orders


def test_fill_order_for__private_by_low_bits__is_judged_by_the_named_taker(
    desk: Desk, portal: Any, attacker: Any
) -> None:
    order = desk.order(sender=word(desk.taker) & LOW_BITS)
    assert _refusal(desk, portal, order, taker=attacker) == ("PrivateOrder", lower(attacker))
    _fill(desk, portal, order)


def test_fill_order_for__private_by_extension__is_judged_by_the_named_taker(
    desk: Desk, portal: Any, attacker: Any
) -> None:
    extension = extension_of(taker=desk.taker.address)
    order = desk.with_extension(extension)
    refusal = _refusal(desk, portal, order, taker=attacker, extension=extension)
    assert refusal == ("PrivateOrder", lower(attacker))
    before = desk.balances(desk.settlement, desk.taker)
    _fill(desk, portal, order, extension=extension)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]


def test_fill_order_for__private_to_the_portal__is_for_nobody_it_names(desk: Desk, portal: Any) -> None:
    by_bits = desk.order(sender=word(portal) & LOW_BITS)
    assert _refusal(desk, portal, by_bits) == ("PrivateOrder", lower(desk.taker))
    extension = extension_of(taker=portal.address)
    order = desk.with_extension(extension)
    assert _refusal(desk, portal, order, extension=extension) == ("PrivateOrder", lower(desk.taker))


def test_fill_order_for__order_with_a_plan__is_for_the_funded_fill_only(desk: Desk, portal: Any) -> None:
    extension = extension_of(plan=5)
    order = desk.with_extension(extension)
    assert _refusal(desk, portal, order, extension=extension) == ("FundedOnly", 5)


# ---------------------------------------------------------------- ether and interaction


def test_fill_order_for__ether_for_weth__comes_from_the_portal_and_the_excess_returns_there(
    desk: Desk, portal: Any
) -> None:
    before = desk.weth.balanceOf(desk.settlement), desk.weth.balanceOf(desk.taker)
    ether = desk.taker.balance
    made = desk.base.balanceOf(desk.taker)
    _fill(desk, portal, desk.order(taker_asset=word(WETH)), value=TAKING + 5)
    assert desk.weth.balanceOf(desk.settlement) - before[0] == TAKING
    assert desk.weth.balanceOf(desk.taker) == before[1]
    assert (portal.balance, desk.settlement.balance) == (5, 0)
    assert desk.taker.balance == ether
    assert desk.base.balanceOf(desk.taker) - made == MAKING


def test_fill_order_for__too_little_or_misplaced_ether__is_refused(desk: Desk, portal: Any) -> None:
    order = desk.order(taker_asset=word(WETH))
    assert _refusal(desk, portal, order, value=TAKING - 1) == ("BadMsgValue", TAKING - 1, TAKING)
    assert _refusal(desk, portal, desk.order(), value=TAKING) == ("BadMsgValue", TAKING, 0)


def test_fill_order_for__weth_unwrapped__goes_to_the_named_taker(desk: Desk, portal: Any) -> None:
    ether = desk.taker.balance
    _fill(desk, portal, desk.order(maker_asset=word(WETH), making_amount=ONE), traits=UNWRAP_WETH)
    assert desk.taker.balance - ether == ONE
    assert (portal.balance, desk.settlement.balance) == (0, 0)


def test_fill_order_for__interaction__runs_under_the_lock(desk: Desk, portal: Any, mock_taker: Any) -> None:
    method, values = desk.call_of(desk.order(nonce=1))
    mock_taker.setReaction(desk.settlement, method.encode_input(*values), sender=desk.owner)
    interaction = bytes.fromhex(mock_taker.address[2:]) + b"data"
    before = desk.balances(desk.settlement, desk.taker)
    _fill(desk, portal, desk.order(), interaction=interaction)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    assert bytes(mock_taker.seenData()) == b"data"
    assert decode_error(bytes(mock_taker.answer())) == ("Reentered",)


def test_fill_order_for__interaction_aimed_at_the_portal__is_refused(desk: Desk, portal: Any) -> None:
    interaction = bytes.fromhex(portal.address[2:])
    refusal = _refusal(desk, portal, desk.order(), interaction=interaction)
    assert refusal == ("BadInteractionTarget", lower(portal))
