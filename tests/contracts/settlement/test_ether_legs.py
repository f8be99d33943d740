"""ETH in place of WETH: paid by the taker, or unwrapped for it."""

from __future__ import annotations

from typing import Any

from pmm.chain.addresses import WETH
from tests.contracts.settlement.desk import MAKING, ONE, TAKING, UNWRAP_WETH, Desk, word


def test_fill_order__eth_for_weth__wraps_into_inventory_and_refunds(desk: Desk) -> None:
    order = desk.order(taker_asset=word(WETH))
    before = desk.weth.balanceOf(desk.settlement), desk.weth.balanceOf(desk.taker)
    ether = desk.taker.balance

    receipt = desk.fill(order, value=TAKING + 5)

    assert desk.weth.balanceOf(desk.settlement) - before[0] == TAKING
    assert desk.weth.balanceOf(desk.taker) == before[1]
    assert ether - desk.taker.balance == TAKING + receipt.total_fees_paid
    assert desk.settlement.balance == 0


def test_fill_order__exactly_the_eth__sends_nothing_back(desk: Desk, mock_taker: Any, owner: Any) -> None:
    """Not even a call without ether: a taker that cannot receive any could not fill then."""
    method, values = desk.call_of(desk.order(taker_asset=word(WETH)))
    mock_taker.setReaction(desk.base, desk.base.decimals.encode_input(), sender=owner)

    mock_taker.execute(desk.settlement, method.encode_input(*values), sender=owner, value=TAKING)

    assert not mock_taker.called()
    mock_taker.execute(
        desk.settlement,
        method.encode_input(*desk.call_of(desk.order(taker_asset=word(WETH), nonce=1))[1]),
        sender=owner,
        value=TAKING + 1,
    )
    assert mock_taker.called()


def test_fill_order__too_little_eth__is_refused(desk: Desk) -> None:
    order = desk.order(taker_asset=word(WETH))
    assert desk.fill_refusal(order, value=TAKING - 1) == ("BadMsgValue", TAKING - 1, TAKING)


def test_fill_order__eth_for_another_asset__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(desk.order(), value=TAKING) == ("BadMsgValue", TAKING, 0)


def test_fill_order__weth_unwrapped__delivers_ether(desk: Desk) -> None:
    order = desk.order(maker_asset=word(WETH), taker_asset=word(desk.quote), making_amount=ONE)
    before, ether = desk.weth.balanceOf(desk.settlement), desk.taker.balance

    receipt = desk.fill(order, taker_traits=UNWRAP_WETH)

    assert before - desk.weth.balanceOf(desk.settlement) == ONE
    assert desk.taker.balance - ether == ONE - receipt.total_fees_paid
    assert desk.settlement.balance == 0


def test_fill_order__unwrap_flag_on_another_asset__is_ignored_as_on_1inch(desk: Desk) -> None:
    assert desk.simulate(desk.order(), taker_traits=UNWRAP_WETH)[0] == MAKING
