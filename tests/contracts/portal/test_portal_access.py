"""Who may do what: the portal's constructor, its place in the settlement, its ABI, and plain ETH."""

from __future__ import annotations

import re
from typing import Any

import ape
import pytest

from pmm.domain import (
    ZERO_ADDRESS,
    BatchCall,
    BatchFill,
    RfqOrder,
    TakerTraits,
    encode_fill,
    parse_address,
    sign_order,
)
from tests.contracts.portal.portal_desk import PortalDesk, changes, named, row
from tests.contracts.portal.signed_permits import usdc_permit
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    args_of,
    args_traits,
    lower,
    word,
)

# ModuleKind of contracts/interfaces/IRfqSettlement.sol.
TAKER_PORTAL = 3
ROLES = ("owner", "guardian", "operator", "taker", "attacker")


# ---------------------------------------------------------------- its place


def test_constructor__account_without_code__is_refused(portal_desk: PortalDesk, attacker: Any) -> None:
    code = ape.project.TakerPortal.contract_type.get_deployment_bytecode()
    request = {"from": attacker.address, "data": "0x" + (code + bytes(12)).hex() + attacker.address[2:]}
    with pytest.raises(portal_desk.desk.rpc_error) as refused:
        portal_desk.rpc.call("eth_call", request, "latest")
    assert named(refused.value.data) == ("NoCode", lower(attacker))


def test_settlement__is_the_one_of_the_constructor(portal_desk: PortalDesk) -> None:
    assert portal_desk.portal.SETTLEMENT() == portal_desk.settlement
    assert portal_desk.settlement.takerPortal() == portal_desk.portal


def test_set_module__only_the_owner_and_once(portal_desk: PortalDesk, owner: Any, attacker: Any) -> None:
    place = portal_desk
    core = [place.desk.base, place.desk.quote]
    settlement = owner.deploy(
        ape.project.RfqSettlement, owner, place.desk.weth, place.permit2, ZERO_ADDRESS, core
    )
    portal = owner.deploy(ape.project.TakerPortal, settlement)
    data = bytes(settlement.setModule.encode_input(TAKER_PORTAL, portal))
    assert place.refusal(settlement, data, sender=attacker) == ("Unauthorised", lower(attacker))
    foreign = bytes(settlement.setModule.encode_input(TAKER_PORTAL, place.portal))
    expected = ("ForeignModule", lower(place.portal), lower(place.settlement))
    assert place.refusal(settlement, foreign, sender=owner) == expected
    settlement.setModule(TAKER_PORTAL, portal, sender=owner)
    assert settlement.takerPortal() == portal
    assert place.refusal(settlement, data, sender=owner) == ("ModuleAlreadySet", TAKER_PORTAL, lower(portal))


def test_fill_orders__portal_that_is_not_joined__cannot_fill(portal_desk: PortalDesk, owner: Any) -> None:
    place = portal_desk
    second = owner.deploy(ape.project.TakerPortal, place.settlement)
    data = place.batch_data(place.entry(place.desk.order()))
    assert place.refusal(second, data) == ("Unauthorised", lower(second))
    data = place.permit_data(place.desk.order(), usdc_permit(place))
    assert place.refusal(second, data) == ("Unauthorised", lower(second))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("named_taker", ["taker", "itself"])
def test_fill_order_for__anybody_but_the_portal__is_refused(
    portal_desk: PortalDesk, request: Any, role: str, named_taker: str
) -> None:
    place, sender = portal_desk, request.getfixturevalue(role)
    order = place.desk.order()
    signature = place.desk.sign(order)
    taker = sender if named_taker == "itself" else place.desk.taker
    words = (taker, order.words, signature.r_bytes, signature.vs_bytes, TAKING, 0, b"")
    data = bytes(place.settlement.fillOrderFor.encode_input(*words))
    assert place.refusal(place.settlement, data, sender=sender) == ("Unauthorised", lower(sender))


def test_interaction__aimed_at_the_portal__is_refused(portal_desk: PortalDesk) -> None:
    place = portal_desk
    parts: dict[str, Any] = {"interaction": bytes.fromhex(place.portal.address[2:])}
    entry = place.entry(place.desk.order(), taker_traits=args_traits(**parts), args=args_of(**parts))
    assert place.batch_refusal(entry) == ("BadInteractionTarget", lower(place.portal))


# ---------------------------------------------------------------- its ABI


def test_abi__portal__has_two_functions_and_a_view() -> None:
    """No function takes a taker, a token or a target."""
    contract = ape.project.TakerPortal.contract_type
    assert {item.name for item in contract.mutable_methods} == {"fillOrderPermit", "fillOrders"}
    assert {item.name for item in contract.view_methods} == {"SETTLEMENT"}
    kinds = {entry.canonical_type for item in contract.mutable_methods for entry in item.inputs}
    assert not [kind for kind in kinds if re.search("address", kind)]


def test_abi__calldata_of_the_python_side__is_the_contracts(portal_desk: PortalDesk) -> None:
    place = portal_desk
    raw = place.desk.order(salt=5)
    order = RfqOrder(
        salt=raw.salt,
        maker=parse_address(f"0x{raw.maker:040x}"),
        maker_asset=parse_address(f"0x{raw.maker_asset:040x}"),
        taker_asset=parse_address(f"0x{raw.taker_asset:040x}"),
        making_amount=raw.making_amount,
        taking_amount=raw.taking_amount,
        maker_traits=raw.maker_traits,
    )
    signed = sign_order(order, place.desk.domain, place.desk.key)
    entry = place.entry(raw, value=9)
    traits = TakerTraits()
    fill = BatchFill.of(signed, amount=TAKING, taker_traits=traits, value_wei=9)
    call = BatchCall(fills=(fill, fill), optional=frozenset({1}))
    assert call.encode() == place.batch_data(entry, entry, optional=0b10)
    permit = usdc_permit(place)
    data = encode_fill(signed, amount=TAKING, taker_traits=traits, permit=permit)
    assert data == place.permit_data(raw, permit)


# ---------------------------------------------------------------- plain ETH


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("value", [0, 1])
def test_receive__from_anybody__is_refused(
    portal_desk: PortalDesk, request: Any, role: str, value: int
) -> None:
    sender = request.getfixturevalue(role)
    refusal = portal_desk.refusal(portal_desk.portal, b"", sender=sender, value=value)
    assert refusal == ("UnexpectedEth", lower(sender))


def test_receive__from_the_settlement_without_a_call__is_refused(portal_desk: PortalDesk) -> None:
    """A fill at the settlement itself, unwrapped to the portal: nobody could get the ETH out again."""
    place = portal_desk
    order = place.desk.order(maker_asset=word(place.desk.weth), making_amount=ONE)
    parts: dict[str, Any] = {"target": place.portal.address}
    refusal = place.desk.fill_refusal(
        order, taker_traits=UNWRAP_WETH | args_traits(**parts), args=args_of(**parts)
    )
    assert refusal == ("EthTransferFailed", lower(place.portal))


def test_fallback__unknown_function__is_refused(portal_desk: PortalDesk) -> None:
    assert portal_desk.refusal(portal_desk.portal, b"\x12\x34\x56\x78") == ("",)


# ---------------------------------------------------------------- stopping it


def test_fill_orders__signers_paused__nothing_fills(portal_desk: PortalDesk, guardian: Any) -> None:
    place = portal_desk
    entry = place.entry(place.desk.order())
    before = place.holdings(place.settlement)
    place.settlement.pauseSigners(sender=guardian)
    assert place.batch_refusal(entry) == ("SignerIsPaused", place.desk.key.address.lower(), 0)
    place.settlement.resumeSigner(place.desk.key.address, sender=place.desk.owner)
    place.batch(entry)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, quote=TAKING)]
