"""The expiration of an order: mandatory, inclusive to the second, and not too far ahead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.desk import HORIZON_S, Desk


@pytest.mark.parametrize(
    ("offset_s", "refused"),
    [(-1, "OrderExpired"), (0, None), (HORIZON_S, None), (HORIZON_S + 1, "ExpiryTooFar")],
)
def test_fill_order__expiration__holds_to_the_second(
    desk: Desk, next_block_at: Any, offset_s: int, refused: str | None
) -> None:
    at_s = desk.now_s() + 100
    order = desk.order(expiration_s=at_s + offset_s)
    method, values = desk.call_of(order)
    next_block_at(at_s)
    receipt = method(*values, sender=desk.taker, gas=1_000_000, raise_on_revert=False)
    assert receipt.timestamp // 1_000 in (at_s, at_s // 1_000)
    assert receipt.failed == (refused is not None)
    if refused == "OrderExpired":
        assert desk.fill_refusal(order)[:2] == ("OrderExpired", at_s + offset_s)
    if refused == "ExpiryTooFar":
        assert desk.fill_refusal(order) == ("ExpiryTooFar", at_s + HORIZON_S + 1, at_s + HORIZON_S)


def test_fill_order__without_expiration__is_refused(desk: Desk) -> None:
    assert desk.fill_refusal(desk.order(expiration_s=0))[:2] == ("OrderExpired", 0)
