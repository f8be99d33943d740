"""fillOrderPermit against those who bring what others signed, and tokens that are not what they seem."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.chain.abi import encode_call, selector
from pmm.domain import PERMIT2, USDC, SigningKey
from tests.contracts.portal.portal_desk import (
    DAI_TAKING,
    FAR_S,
    USDC_TAKING,
    PortalDesk,
    changes,
    named,
    row,
)
from tests.contracts.portal.signed_permits import dai_permit, permit2_permit, token_call, usdc_permit
from tests.contracts.settlement.desk import MAKING, ONE, TAKING, USE_PERMIT2, lower, word

UNLIMITED = 2**256 - 1
KINDS = ("eip2612", "dai", "permit2")


def _case(place: PortalDesk, kind: str) -> tuple[Any, Any, bytes, int]:
    """Token, order, the buyer's permit and takerTraits of a kind."""
    if kind == "dai":
        return place.dai, place.order_for(place.dai, DAI_TAKING), dai_permit(place), 0
    order = place.order_for(place.usdc, USDC_TAKING)
    if kind == "eip2612":
        return place.usdc, order, usdc_permit(place), 0
    place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
    return place.usdc, order, permit2_permit(place), USE_PERMIT2


@pytest.fixture
def thief(rpc: Any) -> Any:
    """Holds nothing but gas money."""
    account = ape.accounts[SigningKey(secrets.token_bytes(32)).address]
    rpc.call("anvil_setBalance", account.address, hex(100 * ONE))
    return account


@pytest.mark.parametrize("kind", KINDS)
def test_fill_order_permit__of_a_victim__gives_the_thief_nothing(
    portal_desk: PortalDesk, thief: Any, kind: str
) -> None:
    place = portal_desk
    _, order, permit, traits = _case(place, kind)
    refusal = place.permit_refusal(order, permit, sender=thief, taker_traits=traits)
    assert refusal[0] in ("TokenCallFailed", "AllowanceExpired")


@pytest.mark.parametrize("kind", KINDS)
def test_fill_order_permit__of_a_victim_by_a_thief_who_pays__takes_from_the_thief_alone(
    portal_desk: PortalDesk, thief: Any, deal: Callable[..., None], kind: str
) -> None:
    place = portal_desk
    token, order, permit, traits = _case(place, kind)
    deal(token.address, thief, order.taking_amount)
    token.approve(place.settlement, UNLIMITED, sender=thief)
    if traits:
        token.approve(PERMIT2, UNLIMITED, sender=thief)
        until = place.desk.now_s() + FAR_S
        place.permit2.approve(token, place.settlement, USDC_TAKING, until, sender=thief)
    before = place.holdings(place.buyer)

    receipt = place.permit_fill(order, permit, sender=thief, taker_traits=traits)

    assert changes(before, place.holdings(place.buyer)) == [row()]
    assert place.fills(receipt) == [place.filled(order, thief)]
    assert token.balanceOf(thief) == 0
    # The victim's permit is unused.
    assert token.allowance(place.buyer, place.settlement) == 0
    assert token.nonces(place.buyer) == 0
    assert place.permit2_allowance(place.buyer, token) == (0, 0, 0)


def test_fill_order_permit__victims_allowance_stands__only_the_victim_can_spend_it(
    portal_desk: PortalDesk, thief: Any
) -> None:
    """A thief uses the victim's permit at the token, and then asks the portal to fill."""
    place = portal_desk
    permit = usdc_permit(place, value=UNLIMITED)
    place.usdc.permit(*token_call(place.buyer, place.settlement, permit), sender=thief)
    order = place.order_for(place.usdc, USDC_TAKING)
    reason = encode_call("Error(string)", "ERC20: transfer amount exceeds allowance")
    for refusal in (
        place.permit_refusal(order, permit, sender=thief),
        place.batch_refusal(place.entry(order), sender=thief),
    ):
        assert refusal == ("TokenCallFailed", USDC.address.lower(), reason)
    before = place.holdings(place.settlement)
    place.batch(place.entry(order), sender=place.buyer)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, usdc=USDC_TAKING)]


def test_fill_order_permit__weth_takes_any_call__pulls_from_nobody_else(
    portal_desk: PortalDesk, thief: Any
) -> None:
    """WETH's fallback lets a permit by anybody pass; the taker who approved WETH to us loses none."""
    place = portal_desk
    order = place.order_for(place.desk.weth, TAKING)
    before = place.holdings(place.desk.taker)
    refusal = place.permit_refusal(order, usdc_permit(place), sender=thief)
    assert refusal == ("TokenCallFailed", lower(place.desk.weth), b"")
    place.permit_fill(order, usdc_permit(place), sender=place.desk.taker)
    after = place.holdings(place.desk.taker)
    assert changes(before, after)[0][:5] == row(base=MAKING, weth=-TAKING)[:5]


def test_fill_order_permit__by_a_contract__is_paid_by_it_and_not_by_its_sender(
    portal_desk: PortalDesk, mock_taker: Any
) -> None:
    """The contract's allowance is spent; the account behind the transaction has one too, and keeps it."""
    place, sender = portal_desk, portal_desk.desk.taker
    place.desk.weth.transfer(mock_taker, TAKING, sender=sender)
    approval = encode_call("approve(address,uint256)", str(place.settlement.address), TAKING)
    mock_taker.execute(place.desk.weth, approval, sender=sender)
    before = place.holdings(mock_taker, sender)
    data = place.permit_data(place.order_for(place.desk.weth, TAKING), usdc_permit(place))
    mock_taker.execute(place.portal, data, sender=sender)
    moved = changes(before, place.holdings(mock_taker, sender))
    assert moved[0] == row(base=MAKING, weth=-TAKING)
    assert moved[1][:5] == row()[:5]


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_fill_order_permit__token_that_is_not_registered__is_not_called(
    portal_desk: PortalDesk, owner: Any, kind: int
) -> None:
    place = portal_desk
    permit = bytes((kind,)) + bytes(192 if kind == 3 else 128)
    stranger = owner.deploy(ape.project.MockPermitToken)
    for token in (word(stranger), word(place.desk.base) | 1 << 160, 0, word(place.settlement), word(PERMIT2)):
        order = place.desk.order(taker_asset=token)
        assert place.permit_refusal(order, permit) == ("UnregisteredToken", token)


@pytest.mark.parametrize("kind", [1, 2])
def test_fill_order_permit__token_without_code__is_refused(portal_desk: PortalDesk, kind: int) -> None:
    place = portal_desk
    place.rpc.call("anvil_setCode", place.desk.quote.address, "0x")
    refusal = place.permit_refusal(place.desk.order(), bytes((kind,)) + bytes(128))
    assert refusal == ("NoCode", lower(place.desk.quote))


def test_fill_order_permit__no_permit2_on_the_chain__is_refused(portal_desk: PortalDesk) -> None:
    place = portal_desk
    place.rpc.call("anvil_setCode", PERMIT2, "0x")
    permit = permit2_permit(place)
    refusal = place.permit_refusal(place.order_for(place.usdc, USDC_TAKING), permit, taker_traits=USE_PERMIT2)
    assert refusal == ("NoCode", PERMIT2.lower())


# ---------------------------------------------------------------- what the token hears


@pytest.fixture
def listening(portal_desk: PortalDesk, owner: Any, mock_taker: Any) -> Any:
    """A registered token that keeps the permit it was sent."""
    token = owner.deploy(ape.project.MockPermitToken)
    portal_desk.settlement.registerToken(token, sender=owner)
    for account in (portal_desk.desk.taker, mock_taker):
        token.mint(account, 10 * TAKING, sender=owner)
    token.approve(portal_desk.settlement, UNLIMITED, sender=portal_desk.desk.taker)
    approve = token.approve.encode_input(portal_desk.settlement, UNLIMITED)
    mock_taker.execute(token, approve, sender=owner)
    return token


@pytest.mark.parametrize("kind", [1, 2])
def test_fill_order_permit__by_a_contract__token_hears_the_contract(
    portal_desk: PortalDesk, listening: Any, mock_taker: Any, kind: int
) -> None:
    place = portal_desk
    permit = bytes((kind,)) + bytes(128)
    data = place.permit_data(place.order_for(listening, TAKING), permit)
    mock_taker.execute(place.portal, data, sender=place.desk.taker)
    assert bytes(listening.permitData())[4:36] == encode(["address"], [mock_taker.address])


@pytest.mark.parametrize("high", [0, 1])
@pytest.mark.parametrize("kind", [1, 2])
def test_fill_order_permit__token__hears_caller_and_settlement_and_the_words(
    portal_desk: PortalDesk, listening: Any, kind: int, high: int
) -> None:
    place, taker = portal_desk, portal_desk.desk.taker
    r, s = 7, 2**255 - 9
    words = (5, 6, r, high << 255 | s)
    permit = bytes((kind,)) + b"".join(item.to_bytes(32, "big") for item in words)
    place.permit_fill(place.order_for(listening, TAKING), permit, sender=taker)
    parties = [taker.address, place.settlement.address]
    signature = [27 + high, r.to_bytes(32, "big"), s.to_bytes(32, "big")]
    if kind == 1:
        types = ["address", "address", "uint256", "uint256", "uint8", "bytes32", "bytes32"]
        values = [*parties, 5, 6, *signature]
    else:
        types = ["address", "address", "uint256", "uint256", "bool", "uint8", "bytes32", "bytes32"]
        values = [*parties, 5, 6, True, *signature]
    expected = selector(f"permit({','.join(types)})") + encode(types, values)
    assert bytes(listening.permitData()) == expected


@pytest.mark.parametrize("kind", [1, 2])
def test_fill_order_permit__token_that_calls_back__finds_the_portal_locked(
    portal_desk: PortalDesk, listening: Any, owner: Any, kind: int
) -> None:
    place = portal_desk
    inside = place.batch_data(place.entry(place.desk.order(nonce=1)), optional=1)
    listening.setOddity(0, place.portal, inside, sender=owner)
    order = place.order_for(listening, TAKING)
    receipt = place.permit_fill(order, bytes((kind,)) + bytes(128), sender=place.desk.taker)
    assert named(bytes(listening.answer())) == ("Reentered",)
    assert place.fills(receipt) == [place.filled(order, place.desk.taker)]
