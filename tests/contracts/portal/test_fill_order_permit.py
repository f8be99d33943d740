"""fillOrderPermit: the three kinds on real tokens, permits that fail, permits that are none."""

from __future__ import annotations

import os
from typing import Any

import ape
import pytest
from eth_utils.crypto import keccak

from pmm.chain.abi import encode_arguments, encode_call
from pmm.domain import DAI, PERMIT2, extension_low_bits
from pmm.localnet.genuine import DATA_VARIABLE, GenuineCode
from tests.contracts.portal.portal_desk import (
    DAI_TAKING,
    FAR_S,
    USDC_TAKING,
    PortalDesk,
    changes,
    row,
)
from tests.contracts.portal.signed_permits import dai_permit, permit2_permit, token_call, usdc_permit
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    USE_PERMIT2,
    args_of,
    args_traits,
    extension_of,
    lower,
    word,
)

UNLIMITED = 2**256 - 1
EXPIRED_S = -10
ALLOWANCE_ERROR = encode_call("Error(string)", "ERC20: transfer amount exceeds allowance")


def _usdc_order(place: PortalDesk, **changed: Any) -> Any:
    return place.order_for(place.usdc, USDC_TAKING, **changed)


# ---------------------------------------------------------------- the three kinds


def test_fill_order_permit__eip2612__fills_without_a_transaction_before(portal_desk: PortalDesk) -> None:
    place = portal_desk
    order = _usdc_order(place)
    parties = (place.settlement, place.buyer, place.portal)
    before = place.holdings(*parties)

    receipt = place.permit_fill(order, usdc_permit(place))

    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(*parties)) == [
        row(base=-MAKING, usdc=USDC_TAKING),
        row(base=MAKING, usdc=-USDC_TAKING, eth=-fees),
        row(),
    ]
    assert place.fills(receipt) == [place.filled(order, place.buyer)]
    assert place.usdc.nonces(place.buyer) == 1
    assert place.usdc.allowance(place.buyer, place.settlement) == 0


def test_fill_order_permit__more_than_the_order__stays_as_an_allowance(portal_desk: PortalDesk) -> None:
    place = portal_desk
    place.permit_fill(_usdc_order(place), usdc_permit(place, value=USDC_TAKING + 5))
    assert place.usdc.allowance(place.buyer, place.settlement) == 5


def test_fill_order_permit__dai__fills_and_leaves_an_unlimited_allowance(portal_desk: PortalDesk) -> None:
    _dai_fill(portal_desk)


def test_fill_order_permit__genuine_dai__fills_the_same(portal_desk: PortalDesk) -> None:
    place = portal_desk
    if not os.environ.get(DATA_VARIABLE):
        pytest.skip(f"needs {DATA_VARIABLE}")
    code = GenuineCode.from_environment().runtime(DAI.address)
    assert code is not None
    place.rpc.call("anvil_setCode", DAI.address, "0x" + code.hex())
    # The real token keeps its domain separator in slot 5; the other slots are those of the stand-in.
    domain = encode_arguments(
        ("bytes32", "bytes32", "bytes32", "uint256", "address"),
        keccak(text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak(text="Dai Stablecoin"),
        keccak(text="1"),
        ape.chain.chain_id,
        DAI.address,
    )
    place.rpc.call("anvil_setStorageAt", DAI.address, f"0x{5:064x}", "0x" + keccak(domain).hex())
    _dai_fill(place)


def _dai_fill(place: PortalDesk) -> None:
    order = place.order_for(place.dai, DAI_TAKING)
    parties = (place.settlement, place.buyer)
    before = place.holdings(*parties)

    receipt = place.permit_fill(order, dai_permit(place))

    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(*parties)) == [
        row(base=-MAKING, dai=DAI_TAKING),
        row(base=MAKING, dai=-DAI_TAKING, eth=-fees),
    ]
    assert place.fills(receipt) == [place.filled(order, place.buyer)]
    assert place.dai.nonces(place.buyer) == 1
    assert place.dai.allowance(place.buyer, place.settlement) == UNLIMITED


def test_fill_order_permit__permit2_signed__fills_by_permit2(portal_desk: PortalDesk) -> None:
    place = portal_desk
    place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
    order = _usdc_order(place)
    before = place.holdings(place.settlement, place.buyer)

    permit = permit2_permit(place, amount=USDC_TAKING + 7)
    receipt = place.permit_fill(order, permit, taker_traits=USE_PERMIT2)

    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(place.settlement, place.buyer)) == [
        row(base=-MAKING, usdc=USDC_TAKING),
        row(base=MAKING, usdc=-USDC_TAKING, eth=-fees),
    ]
    assert place.fills(receipt) == [place.filled(order, place.buyer)]
    amount, _, nonce = place.permit2_allowance(place.buyer, place.usdc)
    assert (amount, nonce) == (7, 1)


def test_fill_order_permit__permit2_without_its_bit__is_not_pulled_from(portal_desk: PortalDesk) -> None:
    """The permit is used, but the settlement pulls by its own allowance, of which there is none."""
    place = portal_desk
    place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
    refusal = place.permit_refusal(_usdc_order(place), permit2_permit(place))
    assert refusal == ("TokenCallFailed", lower(place.usdc), ALLOWANCE_ERROR)


def test_fill_orders__permit2_approved_before__fills_by_permit2(portal_desk: PortalDesk) -> None:
    place = portal_desk
    place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
    until = place.desk.now_s() + FAR_S
    place.permit2.approve(place.usdc, place.settlement, USDC_TAKING, until, sender=place.buyer)
    entry = place.entry(_usdc_order(place), taker_traits=USE_PERMIT2)
    before = place.holdings(place.settlement)
    place.batch(entry, sender=place.buyer)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, usdc=USDC_TAKING)]
    assert place.permit2_allowance(place.buyer, place.usdc)[0] == 0


def test_fill_order_permit__args_as_in_fill_order_args__are_passed_on(
    portal_desk: PortalDesk, receiver: Any
) -> None:
    """Another receiver, and an order that names the buyer in full."""
    place = portal_desk
    extension = extension_of(taker=place.buyer.address)
    order = _usdc_order(place, flags=HAS_EXTENSION, salt=extension_low_bits(extension))
    parts: dict[str, Any] = {"target": receiver.address, "extension": extension}
    before = place.holdings(place.settlement, receiver)
    receipt = place.permit_fill(
        order, usdc_permit(place), taker_traits=args_traits(**parts), args=args_of(**parts)
    )
    assert changes(before, place.holdings(place.settlement, receiver)) == [
        row(base=-MAKING, usdc=USDC_TAKING),
        row(base=MAKING),
    ]
    assert place.fills(receipt) == [place.filled(order, place.buyer)]


def test_fill_order_permit__unwrapped_leg__reaches_the_caller(portal_desk: PortalDesk) -> None:
    place = portal_desk
    order = _usdc_order(place, maker_asset=word(place.desk.weth), making_amount=ONE)
    before = place.holdings(place.settlement, place.buyer, place.portal)
    receipt = place.permit_fill(order, usdc_permit(place), taker_traits=UNWRAP_WETH)
    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(place.settlement, place.buyer, place.portal)) == [
        row(weth=-ONE, usdc=USDC_TAKING),
        row(usdc=-USDC_TAKING, eth=ONE - fees),
        row(),
    ]


def test_fill_order_permit__unwrapped_to_the_portal__goes_on_to_the_caller(portal_desk: PortalDesk) -> None:
    place = portal_desk
    order = _usdc_order(place, maker_asset=word(place.desk.weth), making_amount=ONE)
    parts: dict[str, Any] = {"target": place.portal.address}
    before = place.holdings(place.buyer, place.portal)
    receipt = place.permit_fill(
        order, usdc_permit(place), taker_traits=UNWRAP_WETH | args_traits(**parts), args=args_of(**parts)
    )
    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(place.buyer, place.portal)) == [
        row(usdc=-USDC_TAKING, eth=ONE - fees),
        row(),
    ]


def test_fill_order_permit__with_ether__is_refused(portal_desk: PortalDesk) -> None:
    place = portal_desk
    assert place.permit_refusal(_usdc_order(place), usdc_permit(place), value=1) == ("",)


# ---------------------------------------------------------------- permits that fail


def test_fill_order_permit__used_by_somebody_before__still_fills(
    portal_desk: PortalDesk, attacker: Any
) -> None:
    place = portal_desk
    permit = usdc_permit(place)
    place.usdc.permit(*token_call(place.buyer, place.settlement, permit), sender=attacker)
    before = place.holdings(place.settlement)
    place.permit_fill(_usdc_order(place), permit)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, usdc=USDC_TAKING)]


def test_fill_order_permit__used_twice_without_allowance_left__moves_nothing(portal_desk: PortalDesk) -> None:
    place = portal_desk
    permit = usdc_permit(place)
    place.permit_fill(_usdc_order(place), permit)
    refusal = place.permit_refusal(_usdc_order(place, nonce=1), permit)
    assert refusal == ("TokenCallFailed", lower(place.usdc), ALLOWANCE_ERROR)


@pytest.mark.parametrize("kind", ["eip2612", "permit2"])
def test_fill_order_permit__expired__the_allowance_decides(portal_desk: PortalDesk, kind: str) -> None:
    place = portal_desk
    order = _usdc_order(place)
    if kind == "eip2612":
        permit, traits = usdc_permit(place, lives_s=EXPIRED_S), 0
        refusal: tuple[Any, ...] = ("TokenCallFailed", lower(place.usdc), ALLOWANCE_ERROR)
    else:
        place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
        permit, traits = permit2_permit(place, lives_s=EXPIRED_S), USE_PERMIT2
        # Of an allowance that was never given.
        refusal = ("AllowanceExpired", 0)
    assert place.permit_refusal(order, permit, taker_traits=traits) == refusal

    if kind == "eip2612":
        place.usdc.approve(place.settlement, USDC_TAKING, sender=place.buyer)
    else:
        until = place.desk.now_s() + FAR_S
        place.permit2.approve(place.usdc, place.settlement, USDC_TAKING, until, sender=place.buyer)
    before = place.holdings(place.settlement)
    place.permit_fill(order, permit, taker_traits=traits)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, usdc=USDC_TAKING)]


def test_fill_order_permit__too_small__the_pull_decides(portal_desk: PortalDesk) -> None:
    place = portal_desk
    refusal = place.permit_refusal(_usdc_order(place), usdc_permit(place, value=USDC_TAKING - 1))
    assert refusal == ("TokenCallFailed", lower(place.usdc), ALLOWANCE_ERROR)
    # With the fill the permit is undone too.
    assert place.usdc.nonces(place.buyer) == 0


def test_fill_order_permit__permit2_amount_too_large_for_it__is_refused_by_permit2(
    portal_desk: PortalDesk,
) -> None:
    """Upper bits are not cut off: the words go to Permit2 as they came."""
    place = portal_desk
    place.usdc.approve(PERMIT2, UNLIMITED, sender=place.buyer)
    permit = bytearray(permit2_permit(place))
    permit[1] = 1
    refusal = place.permit_refusal(_usdc_order(place), bytes(permit), taker_traits=USE_PERMIT2)
    assert refusal == ("AllowanceExpired", 0)


def test_fill_order_permit__token_without_permit__the_allowance_decides(portal_desk: PortalDesk) -> None:
    place = portal_desk
    before = place.holdings(place.settlement)
    place.permit_fill(place.desk.order(), usdc_permit(place), sender=place.desk.taker)
    assert changes(before, place.holdings(place.settlement)) == [row(base=-MAKING, quote=TAKING)]


def test_fill_order_permit__bad_order__reverts_with_the_settlements_error(portal_desk: PortalDesk) -> None:
    place = portal_desk
    order = _usdc_order(place, nonce=4)
    place.permit_fill(order, usdc_permit(place))
    assert place.permit_refusal(order, usdc_permit(place, nonce=1)) == ("NonceDead", 4, 0)


# ---------------------------------------------------------------- no permits


@pytest.mark.parametrize("kind", [0, 4, 255])
@pytest.mark.parametrize("length", [129, 193])
def test_fill_order_permit__unknown_kind__is_refused(portal_desk: PortalDesk, kind: int, length: int) -> None:
    permit = bytes((kind,)) + bytes(length - 1)
    assert portal_desk.permit_refusal(_usdc_order(portal_desk), permit) == ("UnknownPermit", kind)


def test_fill_order_permit__no_permit_at_all__is_refused(portal_desk: PortalDesk) -> None:
    assert portal_desk.permit_refusal(_usdc_order(portal_desk), b"") == ("UnknownPermit", 0)


@pytest.mark.parametrize(
    ("kind", "length", "expected"),
    [
        (1, 1, 129),
        (1, 128, 129),
        (1, 130, 129),
        (1, 193, 129),
        (2, 128, 129),
        (2, 193, 129),
        (3, 129, 193),
        (3, 192, 193),
        (3, 194, 193),
    ],
)
def test_fill_order_permit__another_length__is_refused(
    portal_desk: PortalDesk, kind: int, length: int, expected: int
) -> None:
    permit = bytes((kind,)) + bytes(length - 1)
    refusal = portal_desk.permit_refusal(_usdc_order(portal_desk), permit)
    assert refusal == ("BadPermitLength", length, expected)
