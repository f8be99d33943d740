"""A plain fill takes no lock: what a token that calls out may do inside one, and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.desk import MAKING, TAKING, Desk, Oddity, decode_error, moved


def _hook(desk: Desk, side: str, through: Any, data: bytes) -> Any:
    """Let a token call the settlement through a taker that has approved everything."""
    token = getattr(desk, side)
    inner = through.execute.encode_input(desk.settlement, data)
    token.setOddity(Oddity.CALLS_OUT, through, inner, sender=desk.owner)
    return token


def _once(desk: Desk, token: Any, through: Any, data: bytes) -> None:
    """The same, and quiet within the call itself."""
    quiet = token.setOddity.encode_input(Oddity.NONE, token, b"")
    inner = through.executeAll.encode_input([token, desk.settlement], [quiet, data])
    token.setOddity(Oddity.CALLS_OUT, through, inner, sender=desk.owner)


@pytest.mark.parametrize("side", ["base", "quote"])
def test_fill_order__another_order_filled_from_a_token__both_settle_exactly(
    desk: Desk, mock_taker: Any, side: str
) -> None:
    method, values = desk.call_of(desk.order(nonce=1))
    token = getattr(desk, side)
    _once(desk, token, mock_taker, method.encode_input(*values))
    before = desk.balances(desk.settlement, desk.taker, mock_taker)

    receipt = desk.fill(desk.order())

    after = desk.balances(desk.settlement, desk.taker, mock_taker)
    assert moved(before, after) == [(-2 * MAKING, 2 * TAKING), (MAKING, -TAKING), (MAKING, -TAKING)]
    takers = [event.taker for event in receipt.decode_logs(desk.settlement.OrderFilled)]
    assert takers == [mock_taker, desk.taker]


@pytest.mark.parametrize("side", ["base", "quote"])
def test_fill_order__same_order_filled_again_from_a_token__is_dead_there(
    desk: Desk, mock_taker: Any, side: str
) -> None:
    order = desk.order()
    method, values = desk.call_of(order)
    token = _hook(desk, side, mock_taker, method.encode_input(*values))
    before = desk.balances(desk.settlement, mock_taker)
    desk.fill(order)
    assert decode_error(bytes(token.answer())) == ("NonceDead", 0, 0)
    assert moved(before, desk.balances(desk.settlement, mock_taker)) == [(-MAKING, TAKING), (0, 0)]


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
