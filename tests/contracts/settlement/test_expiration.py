"""The expiration of an order: mandatory, inclusive to the second, and not too far ahead."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.conftest import PROFIT
from tests.contracts.settlement.desk import HORIZON_S, MAKING, Desk, RawOrder, args_traits, extension_of


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


@pytest.mark.parametrize("entry", ["fillOrder", "fillOrderArgs", "fillOrderFunded"])
def test_every_entry__expiration__holds_to_the_second(desk: Desk, honest: Any, entry: str) -> None:
    at_s = desk.now_s() + 100
    extension = extension_of(plan=2 << 248 | PROFIT) if entry == "fillOrderFunded" else b""
    how: dict[str, Any] = {
        "function": entry,
        "args": None if entry == "fillOrder" else extension,
        "taker_traits": args_traits(extension=extension),
        "at_s": at_s,
    }

    def _order(offset_s: int) -> RawOrder:
        expiration_s = at_s + offset_s
        if extension:
            return desk.with_extension(extension, expiration_s=expiration_s)
        return desk.order(expiration_s=expiration_s)

    for offset_s in (0, 1, HORIZON_S - 1, HORIZON_S):
        assert desk.simulate(_order(offset_s), **how)[0] == MAKING
    assert desk.fill_refusal(_order(-1), **how) == ("OrderExpired", at_s - 1, at_s)
    refusal = ("ExpiryTooFar", at_s + HORIZON_S + 1, at_s + HORIZON_S)
    assert desk.fill_refusal(_order(HORIZON_S + 1), **how) == refusal
    assert desk.fill_refusal(_order(-at_s), **how) == ("OrderExpired", 0, at_s)
    assert desk.fill_refusal(_order(2**40 - 1 - at_s), **how)[:2] == ("ExpiryTooFar", 2**40 - 1)


def test_fill_order__shorter_horizon__holds_at_once(desk: Desk, owner: Any) -> None:
    at_s = desk.now_s() + 100
    desk.settlement.setMaxExpiry(1, sender=owner)
    assert desk.simulate(desk.order(expiration_s=at_s + 1), at_s=at_s)[0] == MAKING
    refusal = desk.fill_refusal(desk.order(expiration_s=at_s + 2), at_s=at_s)
    assert refusal == ("ExpiryTooFar", at_s + 2, at_s + 1)
