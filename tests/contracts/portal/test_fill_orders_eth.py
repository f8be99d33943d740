"""fillOrders with ETH: counted down once, given back once, and nobody's but the caller's."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from tests.contracts.portal.portal_desk import Entry, PortalDesk, changes, named, row
from tests.contracts.settlement.desk import (
    MAKING,
    ONE,
    TAKING,
    UNWRAP_WETH,
    RawOrder,
    args_of,
    args_traits,
    lower,
    word,
)

FORTUNE = 10**9 * ONE


def _paid_in_weth(place: PortalDesk, nonce: int = 0, **changed: Any) -> RawOrder:
    return place.order_for(place.desk.weth, TAKING, nonce=nonce, **changed)


def _unwrapped(place: PortalDesk, nonce: int, target: str | None = None) -> tuple[RawOrder, Entry]:
    """An order that sells one WETH for quote, unwrapped for the taker or a target."""
    order = place.desk.order(nonce=nonce, maker_asset=word(place.desk.weth), making_amount=ONE)
    parts: dict[str, Any] = {"target": target}
    entry = place.entry(order, taker_traits=UNWRAP_WETH | args_traits(**parts), args=args_of(**parts))
    return order, entry


def _spend(
    place: PortalDesk, mock_taker: Any, owner: Any, *entries: Entry, value: int, optional: int = 0
) -> tuple[Any, list[tuple[int, ...]]]:
    """Let a taker with code send a batch; returns the receipt and the changes of desk, taker and portal.

    It pays ``value`` to the taker first, so that the changes show what the batch itself cost the taker.
    """
    parties = (place.settlement, mock_taker, place.portal)
    before = place.holdings(*parties)
    data = place.batch_data(*entries, optional=optional)
    receipt = mock_taker.execute(place.portal, data, value=value, sender=owner)
    settlement, taker, portal = changes(before, place.holdings(*parties))
    # The sender paid the value in.
    return receipt, [settlement, (*taker[:5], taker[5] - value), portal]


# ---------------------------------------------------------------- paying in ETH


def test_fill_orders__two_paid_in_ether__share_one_value(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    orders = [_paid_in_weth(place, nonce) for nonce in range(2)]
    entries = [place.entry(order, value=TAKING) for order in orders]
    receipt, moved = _spend(place, mock_taker, owner, *entries, value=2 * TAKING)
    assert moved == [
        row(base=-2 * MAKING, weth=2 * TAKING),
        row(base=2 * MAKING, eth=-2 * TAKING),
        row(),
    ]
    assert place.fills(receipt) == [place.filled(order, mock_taker) for order in orders]


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        pytest.param((TAKING + 5, TAKING), 2 * TAKING + 5, id="one is lent more"),
        pytest.param((TAKING + 5, TAKING + 1), 2 * TAKING + 6, id="both are lent more"),
        pytest.param((TAKING, TAKING), 2 * TAKING + 7, id="more is sent than lent"),
        pytest.param((TAKING + 3 * ONE, TAKING + 1), 2 * TAKING + 5 * ONE, id="both ways"),
    ],
)
def test_fill_orders__ether_left__comes_back_to_the_wei(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, values: tuple[int, int], sent: int
) -> None:
    place = portal_desk
    entries = [place.entry(_paid_in_weth(place, nonce), value=value) for nonce, value in enumerate(values)]
    _, moved = _spend(place, mock_taker, owner, *entries, value=sent)
    assert moved == [
        row(base=-2 * MAKING, weth=2 * TAKING),
        row(base=2 * MAKING, eth=-2 * TAKING),
        row(),
    ]


def test_fill_orders__plain_sender__pays_what_the_fill_costs(portal_desk: PortalDesk) -> None:
    place, taker = portal_desk, portal_desk.desk.taker
    before = place.holdings(taker, place.portal)
    receipt = place.batch(place.entry(_paid_in_weth(place), value=2 * TAKING), value=3 * TAKING)
    fees = int(receipt.total_fees_paid)
    assert changes(before, place.holdings(taker, place.portal)) == [
        row(base=MAKING, eth=-TAKING - fees),
        row(),
    ]


def test_fill_orders__one_lent_nothing__is_paid_in_weth(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    place.desk.weth.transfer(mock_taker, TAKING, sender=place.desk.taker)
    entries = (
        place.entry(_paid_in_weth(place), value=TAKING),
        place.entry(_paid_in_weth(place, 1)),
        place.entry(place.desk.order(nonce=2)),
    )
    _, moved = _spend(place, mock_taker, owner, *entries, value=TAKING)
    assert moved == [
        row(base=-3 * MAKING, weth=2 * TAKING, quote=TAKING),
        row(base=3 * MAKING, weth=-TAKING, quote=-TAKING, eth=-TAKING),
        row(),
    ]


def test_fill_orders__ether_for_nothing__comes_back(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    _, moved = _spend(place, mock_taker, owner, place.entry(place.desk.order()), value=ONE)
    assert moved == [row(base=-MAKING, quote=TAKING), row(base=MAKING, quote=-TAKING), row()]


# ---------------------------------------------------------------- too little ETH


@pytest.mark.parametrize("optional", [0, 0b11])
def test_fill_orders__second_fill_finds_too_little__reverts_all(
    portal_desk: PortalDesk, optional: int
) -> None:
    """msg.value is not there for each fill anew, and not even an optional fill is lent what is not there."""
    place = portal_desk
    entries = [place.entry(_paid_in_weth(place, nonce), value=TAKING) for nonce in range(2)]
    refusal = place.batch_refusal(*entries, optional=optional, value=2 * TAKING - 1)
    assert refusal == ("ValueExhausted", 1, TAKING, TAKING - 1)
    assert place.batch_refusal(*entries, optional=optional, value=TAKING) == ("ValueExhausted", 1, TAKING, 0)
    assert place.batch_refusal(*entries, optional=optional) == ("ValueExhausted", 0, TAKING, 0)


def test_fill_orders__change_of_the_first__is_not_lent_again(portal_desk: PortalDesk) -> None:
    place = portal_desk
    entries = (
        place.entry(_paid_in_weth(place), value=2 * TAKING),
        place.entry(_paid_in_weth(place, 1), value=TAKING),
    )
    assert place.batch_refusal(*entries, value=2 * TAKING) == ("ValueExhausted", 1, TAKING, 0)


def test_fill_orders__values_that_overflow__are_refused(portal_desk: PortalDesk) -> None:
    place = portal_desk
    huge = 2**256 - 1
    entries = [place.entry(_paid_in_weth(place, nonce), value=value) for nonce, value in enumerate((1, huge))]
    assert place.batch_refusal(*entries, optional=0b11, value=1) == ("ValueExhausted", 1, huge, 0)


def test_fill_orders__value_below_the_price__is_the_settlements_refusal(portal_desk: PortalDesk) -> None:
    place = portal_desk
    entry = place.entry(_paid_in_weth(place), value=TAKING - 1)
    assert place.batch_refusal(entry, value=5 * TAKING) == ("BadMsgValue", TAKING - 1, TAKING)


def test_fill_orders__value_for_another_token__is_the_settlements_refusal(portal_desk: PortalDesk) -> None:
    place = portal_desk
    entry = place.entry(place.desk.order(), value=1)
    assert place.batch_refusal(entry, value=1) == ("BadMsgValue", 1, 0)


# ---------------------------------------------------------------- optional fills


def test_fill_orders__optional_one_fails__its_ether_comes_back(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    bad = place.entry(_paid_in_weth(place, 1), value=TAKING, amount=0)
    good = place.entry(_paid_in_weth(place), value=TAKING + 1)
    for entries, optional in (((bad, good), 0b01), ((good, bad), 0b10)):
        with ape.chain.isolate():
            receipt, moved = _spend(
                place, mock_taker, owner, *entries, value=2 * TAKING + 1, optional=optional
            )
            assert moved == [row(base=-MAKING, weth=TAKING), row(base=MAKING, eth=-TAKING), row()]
            assert [reason for *_, reason in place.failures(receipt)] == [("ZeroAmount", 0, 0)]


def test_fill_orders__all_fail__all_ether_comes_back(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    entries = [place.entry(_paid_in_weth(place, nonce), value=TAKING, amount=0) for nonce in range(2)]
    receipt, moved = _spend(place, mock_taker, owner, *entries, value=2 * TAKING + 3, optional=0b11)
    assert moved == [row(), row(), row()]
    assert len(place.failures(receipt)) == 2


# ---------------------------------------------------------------- getting ETH


def test_fill_orders__unwrapped_legs__reach_the_caller(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    entries = [_unwrapped(place, nonce)[1] for nonce in range(2)]
    entries.append(place.entry(_paid_in_weth(place, 2), value=TAKING + 4))
    _, moved = _spend(place, mock_taker, owner, *entries, value=TAKING + 4)
    assert moved == [
        row(base=-MAKING, quote=2 * TAKING, weth=-2 * ONE + TAKING),
        row(base=MAKING, quote=-2 * TAKING, eth=2 * ONE - TAKING),
        row(),
    ]


def test_fill_orders__unwrapped_to_the_portal__is_the_callers_at_the_end(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any
) -> None:
    place = portal_desk
    _, entry = _unwrapped(place, 0, place.portal.address)
    _, moved = _spend(place, mock_taker, owner, entry, value=5)
    assert moved == [row(weth=-ONE, quote=TAKING), row(quote=-TAKING, eth=ONE), row()]


def test_fill_orders__unwrapped_to_the_portal__pays_for_no_fill(portal_desk: PortalDesk) -> None:
    place = portal_desk
    _, entry = _unwrapped(place, 0, place.portal.address)
    second = place.entry(_paid_in_weth(place, 1), value=1)
    assert place.batch_refusal(entry, second) == ("ValueExhausted", 1, 1, 0)


def test_fill_orders__caller_refuses_ether__moves_nothing(portal_desk: PortalDesk, owner: Any) -> None:
    place, quote = portal_desk, portal_desk.desk.quote
    caller = owner.deploy(ape.project.MockCaller)
    quote.mint(caller, FORTUNE, sender=owner)
    caller.call(quote, quote.approve.encode_input(place.settlement, FORTUNE), sender=owner)
    _, entry = _unwrapped(place, 0, place.portal.address)
    before = place.holdings(place.settlement, caller, place.portal)
    caller.call(place.portal, place.batch_data(entry), sender=owner)
    assert named(bytes(caller.answer())) == ("EthTransferFailed", lower(caller))
    assert changes(before, place.holdings(place.settlement, caller, place.portal)) == [row()] * 3


# ---------------------------------------------------------------- ETH that is nobody's


def test_fill_orders__ether_forced_on_the_portal__stays_and_blocks_nothing(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, rpc: Any
) -> None:
    place = portal_desk
    rpc.call("anvil_setBalance", place.portal.address, hex(7 * ONE))
    entry = place.entry(_paid_in_weth(place), value=TAKING + 5)
    _, moved = _spend(place, mock_taker, owner, entry, value=TAKING + 9)
    assert moved == [row(base=-MAKING, weth=TAKING), row(base=MAKING, eth=-TAKING), row()]
    assert place.portal.balance == 7 * ONE
    # Nor can it be lent.
    refusal = place.batch_refusal(place.entry(_paid_in_weth(place, 1), value=TAKING))
    assert refusal == ("ValueExhausted", 0, TAKING, 0)


def test_fill_orders__ether_forced_on_the_portal_in_between__is_not_counted(
    portal_desk: PortalDesk, mock_taker: Any, owner: Any, rpc: Any
) -> None:
    """From the taker's interaction, between the portal's books before and after the fill."""
    place = portal_desk
    forcer = owner.deploy(ape.project.MockForcedEth)
    rpc.call("anvil_setBalance", forcer.address, hex(3 * ONE))
    mock_taker.setReaction(forcer, forcer.force.encode_input(place.portal), sender=owner)
    parts: dict[str, Any] = {"interaction": bytes.fromhex(mock_taker.address[2:])}
    entry = place.entry(
        _paid_in_weth(place), value=TAKING, taker_traits=args_traits(**parts), args=args_of(**parts)
    )
    _, moved = _spend(place, mock_taker, owner, entry, value=TAKING)
    assert mock_taker.succeeded()
    assert moved == [row(base=-MAKING, weth=TAKING), row(base=MAKING, eth=-TAKING), row(eth=3 * ONE)]
