"""fillOrders: several fills, all or nothing but for those that may fail; no ETH here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import decode, encode

from pmm.domain import keccak256
from tests.contracts.portal.portal_desk import PortalDesk, changes, row
from tests.contracts.settlement.desk import (
    HAS_EXTENSION,
    MAKER_AMOUNT,
    MAKING,
    ONE,
    TAKING,
    RawOrder,
    args_of,
    args_traits,
    extension_of,
    lower,
    word,
)

EVERY = 2**256 - 1
HUGE_GAS = hex(29_000_000)
ORDER_TYPE = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"
_AMOUNTS = ("uint256[]", "uint256[]")


def _amounts(place: PortalDesk, *entries: Any, optional: int = 0, gas: str = HUGE_GAS) -> Any:
    data = place.batch_data(*entries, optional=optional)
    return decode(_AMOUNTS, place.call(place.portal, data, gas=gas))


def _extended(order: RawOrder, extension: bytes) -> dict[str, Any]:
    """Keyword arguments of an entry that passes the extension on."""
    return {"taker_traits": args_traits(extension=extension), "args": args_of(extension=extension)}


# ---------------------------------------------------------------- all or nothing


def test_fill_orders__two_pairs__settle_in_their_order(portal_desk: PortalDesk) -> None:
    place, desk = portal_desk, portal_desk.desk
    first = desk.order(nonce=3)
    second = desk.order(
        nonce=1,
        lane=2,
        maker_asset=word(desk.quote),
        taker_asset=word(desk.weth),
        making_amount=5 * ONE,
        taking_amount=7,
    )
    entries = (place.entry(first), place.entry(second))
    parties = (place.settlement, desk.taker, place.portal)
    assert _amounts(place, *entries) == ((MAKING, 5 * ONE), (TAKING, 7))
    before = place.holdings(*parties)

    receipt = place.batch(*entries)

    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(*parties)) == [
        row(base=-MAKING, quote=TAKING - 5 * ONE, weth=7),
        row(base=MAKING, quote=5 * ONE - TAKING, weth=-7, eth=-fees),
        row(),
    ]
    assert place.fills(receipt) == [place.filled(first, desk.taker), place.filled(second, desk.taker)]
    assert place.failures(receipt) == []


def test_fill_orders__in_part__counts_amount_and_traits_of_each(portal_desk: PortalDesk) -> None:
    place, desk = portal_desk, portal_desk.desk
    entries = (
        place.entry(desk.order(), amount=TAKING // 4),
        place.entry(desk.order(nonce=1), amount=MAKING // 2, taker_traits=MAKER_AMOUNT),
    )
    assert _amounts(place, *entries) == ((MAKING // 4, MAKING // 2), (TAKING // 4, TAKING // 2))
    before = place.holdings(place.settlement)
    place.batch(*entries)
    expected = row(base=-MAKING // 4 - MAKING // 2, quote=TAKING // 4 + TAKING // 2)
    assert changes(before, place.holdings(place.settlement)) == [expected]


_FAULTS: dict[str, Callable[[PortalDesk], tuple[RawOrder, dict[str, Any], tuple[Any, ...]]]] = {
    "dead nonce": lambda place: (place.desk.order(), {}, ("NonceDead", 0, 0)),
    "foreign maker": lambda place: (place.desk.order(nonce=1, maker=5), {}, ("BadMaker", 5)),
    "args left over": lambda place: (place.desk.order(nonce=1), {"args": b"x"}, ("BadArgs", 0, 1)),
    "over the threshold": lambda place: (
        place.desk.order(nonce=1),
        {"taker_traits": MAKING + 1},
        ("MakingAmountTooLow", MAKING, MAKING + 1),
    ),
    "nothing asked for": lambda place: (place.desk.order(nonce=1), {"amount": 0}, ("ZeroAmount", 0, 0)),
    "token that refuses": lambda place: (
        place.desk.order(nonce=1, taking_amount=2**200),
        {},
        ("TokenCallFailed", lower(place.desk.quote)),
    ),
}


@pytest.mark.parametrize("fault", _FAULTS)
@pytest.mark.parametrize("bad_first", [False, True])
def test_fill_orders__one_that_fails__reverts_all_with_its_own_error(
    portal_desk: PortalDesk, fault: str, bad_first: bool
) -> None:
    place = portal_desk
    place.batch(place.entry(place.desk.order()))
    order, how, expected = _FAULTS[fault](place)
    entries = [place.entry(order, **how), place.entry(place.desk.order(nonce=2))]
    refusal = place.batch_refusal(*(entries if bad_first else entries[::-1]))
    assert refusal[: len(expected)] == expected


def test_fill_orders__same_order_twice__is_all_refused(portal_desk: PortalDesk) -> None:
    entry = portal_desk.entry(portal_desk.desk.order(nonce=9))
    assert portal_desk.batch_refusal(entry, entry) == ("NonceDead", 9, 0)


def test_fill_orders__same_nonce_in_two_halves__is_all_refused(portal_desk: PortalDesk) -> None:
    half = portal_desk.entry(portal_desk.desk.order(nonce=9), amount=TAKING // 2)
    assert portal_desk.batch_refusal(half, half) == ("NonceDead", 9, 0)


# ---------------------------------------------------------------- optional fills


@pytest.mark.parametrize("fault", _FAULTS)
def test_fill_orders__optional_one_that_fails__is_told_and_the_others_fill(
    portal_desk: PortalDesk, fault: str
) -> None:
    place, taker = portal_desk, portal_desk.desk.taker
    place.batch(place.entry(place.desk.order()))
    order, how, expected = _FAULTS[fault](place)
    good = [place.desk.order(nonce=2), place.desk.order(nonce=3)]
    entries = (place.entry(good[0]), place.entry(order, **how), place.entry(good[1]))
    assert _amounts(place, *entries, optional=0b010) == ((MAKING, 0, MAKING), (TAKING, 0, TAKING))
    before = place.holdings(place.settlement, place.portal)

    receipt = place.batch(*entries, optional=0b010)

    assert changes(before, place.holdings(place.settlement, place.portal)) == [
        row(base=-2 * MAKING, quote=2 * TAKING),
        row(),
    ]
    assert place.fills(receipt) == [place.filled(item, taker) for item in good]
    ((order_hash, who, index, reason),) = place.failures(receipt)
    assert (order_hash, who, index) == (order.digest(place.desk.domain), taker.address, 1)
    assert reason[: len(expected)] == expected
    # Whatever an optional fill did before it failed is undone, the nonce with it.
    if fault != "dead nonce" and fault != "foreign maker":
        assert place.desk.simulate(place.desk.order(nonce=1))[0] == MAKING


def test_fill_orders__optional_one_that_can_be_filled__fills(portal_desk: PortalDesk) -> None:
    place = portal_desk
    orders = [place.desk.order(nonce=nonce) for nonce in range(3)]
    entries = [place.entry(order) for order in orders]
    assert _amounts(place, *entries, optional=EVERY) == ((MAKING,) * 3, (TAKING,) * 3)
    receipt = place.batch(*entries, optional=EVERY)
    assert place.fills(receipt) == [place.filled(order, place.desk.taker) for order in orders]
    assert place.failures(receipt) == []


def test_fill_orders__same_order_twice_optional__fills_once(portal_desk: PortalDesk) -> None:
    place = portal_desk
    order = place.desk.order(nonce=9)
    receipt = place.batch(place.entry(order), place.entry(order), optional=0b10)
    assert place.fills(receipt) == [place.filled(order, place.desk.taker)]
    ((_, _, index, reason),) = place.failures(receipt)
    assert (index, reason) == (1, ("NonceDead", 9, 0))


def test_fill_orders__bit_of_another_fill__does_not_excuse_this_one(portal_desk: PortalDesk) -> None:
    place = portal_desk
    bad, good = place.entry(place.desk.order(nonce=1), amount=0), place.entry(place.desk.order())
    for optional in (0b01, 0b100, 1 << 255):
        assert place.batch_refusal(good, bad, optional=optional) == ("ZeroAmount", 0, 0)


def test_fill_orders__all_optional_and_all_fail__moves_nothing(portal_desk: PortalDesk) -> None:
    place = portal_desk
    entries = [place.entry(place.desk.order(nonce=nonce), amount=0) for nonce in range(2)]
    parties = (place.settlement, place.portal)
    before = place.holdings(*parties)
    receipt = place.batch(*entries, optional=0b11)
    assert changes(before, place.holdings(*parties)) == [row(), row()]
    assert [(index, reason) for _, _, index, reason in place.failures(receipt)] == [
        (0, ("ZeroAmount", 0, 0)),
        (1, ("ZeroAmount", 0, 0)),
    ]


# ---------------------------------------------------------------- how many


def test_fill_orders__none__is_refused(portal_desk: PortalDesk) -> None:
    assert portal_desk.batch_refusal() == ("BadBatchSize", 0)


def test_fill_orders__257__are_refused(portal_desk: PortalDesk) -> None:
    entry = portal_desk.entry(portal_desk.desk.order())
    assert portal_desk.batch_refusal(*(entry,) * 257, optional=EVERY) == ("BadBatchSize", 257)


def test_fill_orders__256__are_filled_and_the_last_has_its_bit(portal_desk: PortalDesk) -> None:
    place = portal_desk
    bad = place.entry(replace(place.desk.order(), maker=5))
    entries = [*(bad,) * 255, place.entry(place.desk.order())]
    making, taking = _amounts(place, *entries, optional=EVERY >> 1)
    assert making == (0,) * 255 + (MAKING,)
    assert taking == (0,) * 255 + (TAKING,)
    making, _ = _amounts(place, *entries[::-1], optional=EVERY - 1)
    assert making == (MAKING,) + (0,) * 255
    assert place.batch_refusal(*(bad,) * 256, optional=EVERY >> 1) == ("BadMaker", 5)


# ---------------------------------------------------------------- who takes


def test_fill_orders__private_orders__are_judged_by_the_caller(
    portal_desk: PortalDesk, attacker: Any
) -> None:
    place, taker = portal_desk, portal_desk.desk.taker
    by_bits = place.desk.order(sender=word(taker) & (1 << 80) - 1)
    extension = extension_of(taker=taker.address)
    in_full = place.desk.with_extension(extension, nonce=1)
    entries = (place.entry(by_bits), place.entry(in_full, **_extended(in_full, extension)))
    for entry in entries:
        assert place.batch_refusal(entry, sender=attacker) == ("PrivateOrder", lower(attacker))
    receipt = place.batch(*entries)
    assert place.fills(receipt) == [place.filled(by_bits, taker), place.filled(in_full, taker)]


@pytest.mark.parametrize("how", ["bits", "full"])
def test_fill_orders__order_private_to_the_portal__is_nobodys(portal_desk: PortalDesk, how: str) -> None:
    place, taker = portal_desk, portal_desk.desk.taker
    extension = extension_of(taker=place.portal.address)
    if how == "bits":
        order = place.desk.order(sender=word(place.portal) & (1 << 80) - 1)
        entry = place.entry(order)
    else:
        order = place.desk.with_extension(extension)
        entry = place.entry(order, **_extended(order, extension))
    assert place.batch_refusal(entry) == ("PrivateOrder", lower(taker))


def test_fill_orders__funded_order__is_for_the_settlement_only(portal_desk: PortalDesk) -> None:
    place = portal_desk
    extension = extension_of(plan=5)
    order = place.desk.with_extension(extension)
    assert order.maker_traits & HAS_EXTENSION
    assert place.batch_refusal(place.entry(order, **_extended(order, extension))) == ("FundedOnly", 5)


def test_fill_orders__allowances_of_others__are_out_of_reach(portal_desk: PortalDesk, attacker: Any) -> None:
    """The taker has approved everything to the settlement; the attacker holds nothing."""
    place = portal_desk
    before = place.holdings(place.desk.taker, place.settlement)
    refusal = place.batch_refusal(place.entry(place.desk.order()), sender=attacker)
    assert refusal[:2] == ("TokenCallFailed", lower(place.desk.quote))
    receipt = place.batch(place.entry(place.desk.order()), optional=1, sender=attacker)
    assert [reason[0] for *_, reason in place.failures(receipt)] == ["TokenCallFailed"]
    assert changes(before, place.holdings(place.desk.taker, place.settlement)) == [row(), row()]


def test_fill_orders__interaction__is_told_the_caller_as_the_taker(
    portal_desk: PortalDesk, mock_taker: Any
) -> None:
    place = portal_desk
    order = place.desk.order()
    interaction = bytes.fromhex(mock_taker.address[2:]) + b"hello"
    parts: dict[str, Any] = {"interaction": interaction}
    place.batch(place.entry(order, taker_traits=args_traits(**parts), args=args_of(**parts)))
    assert bytes(mock_taker.seenData()) == b"hello"
    arguments = (order.words, b"", order.digest(place.desk.domain), place.desk.taker.address)
    types = [ORDER_TYPE, "bytes", "bytes32", "address", "uint256", "uint256", "uint256"]
    assert bytes(mock_taker.seen()) == keccak256(encode(types, [*arguments, MAKING, TAKING, MAKING]))
