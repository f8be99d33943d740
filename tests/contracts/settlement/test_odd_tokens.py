"""Tokens that answer oddly: in the maker leg, in the taker leg, and when an allowance is set."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from tests.contracts.settlement.desk import MAKING, TAKING, Desk, Oddity, decode_error, lower, moved

SIDES = pytest.mark.parametrize("side", ["base", "quote"])
# What the token answers where the settlement wants true.
REFUSED = {
    Oddity.RETURNS_FALSE: bytes(32),
    Oddity.RETURNS_TWO: (2).to_bytes(32, "big"),
    Oddity.RETURNS_ONE_BYTE: b"\x01",
    Oddity.REVERTS_SILENTLY: b"",
}
SERVED = (Oddity.NONE, Oddity.RETURNS_NOTHING, Oddity.CHANGES_ALLOWANCE_ONLY_FROM_ZERO)


def _set(desk: Desk, side: str, oddity: Oddity) -> Any:
    token = getattr(desk, side)
    token.setOddity(oddity, desk.base, b"", sender=desk.owner)
    return token


def test_oddities__tables_of_this_file__are_complete() -> None:
    assert {*REFUSED, *SERVED, Oddity.REVERTS_WITH_REASON, Oddity.CALLS_OUT} == set(Oddity)


@SIDES
@pytest.mark.parametrize("oddity", SERVED)
def test_fill_order__token_that_is_served__moves_exactly(desk: Desk, side: str, oddity: Oddity) -> None:
    _set(desk, side, oddity)
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(desk.order())
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]


@SIDES
@pytest.mark.parametrize("oddity", REFUSED)
def test_fill_order__token_that_does_not_say_true__moves_nothing(
    desk: Desk, side: str, oddity: Oddity
) -> None:
    token = _set(desk, side, oddity)
    refusal = ("TokenCallFailed", lower(token), REFUSED[oddity])
    assert desk.fill_refusal(desk.order()) == refusal
    assert desk.fill_refusal(desk.order(), args=b"") == refusal
    before = desk.balances(desk.settlement, desk.taker)
    method, values = desk.call_of(desk.order())
    assert method(*values, sender=desk.taker, gas=1_000_000, raise_on_revert=False).failed
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(0, 0), (0, 0)]
    _set(desk, side, Oddity.NONE)
    assert desk.simulate(desk.order())[0] == MAKING


@SIDES
def test_fill_order__token_that_reverts__passes_its_reason_on(desk: Desk, side: str) -> None:
    token = _set(desk, side, Oddity.REVERTS_WITH_REASON)
    name, refused, reason = desk.fill_refusal(desk.order())
    assert (name, refused) == ("TokenCallFailed", lower(token))
    parties = {
        "base": (lower(desk.settlement), lower(desk.taker), MAKING),
        "quote": (lower(desk.taker), lower(desk.settlement), TAKING),
    }
    assert decode_error(reason) == ("Refused", *parties[side])


@SIDES
def test_fill_order__token_that_lost_its_code__is_refused(desk: Desk, side: str) -> None:
    token = getattr(desk, side)
    desk.rpc.call("anvil_setCode", token.address, "0x")
    assert desk.fill_refusal(desk.order()) == ("TokenCallFailed", lower(token), b"")


# ---------------------------------------------------------------- setRouterAllowance


@pytest.mark.parametrize("oddity", SERVED)
def test_set_router_allowance__token_that_is_served__has_exactly_the_last_amount(
    desk: Desk, owner: Any, oddity: Oddity
) -> None:
    _set(desk, "base", oddity)
    for amount in (5, 7, 0, 9):
        receipt = desk.settlement.setRouterAllowance(desk.base, amount, sender=owner)
        assert desk.base.allowance(desk.settlement, ONEINCH_ROUTER) == amount
        (event,) = receipt.decode_logs(desk.settlement.RouterAllowanceSet)
        assert (event.token, event.amount) == (desk.base, amount)


@pytest.mark.parametrize("oddity", REFUSED)
def test_set_router_allowance__token_that_does_not_say_true__is_refused(
    desk: Desk, owner: Any, oddity: Oddity
) -> None:
    token = _set(desk, "base", oddity)
    method = desk.settlement.setRouterAllowance
    for amount in (5, 0):
        refusal = desk.refusal(method, desk.base, amount, sender=owner)
        assert refusal == ("TokenCallFailed", lower(token), REFUSED[oddity])
    assert desk.base.allowance(desk.settlement, ONEINCH_ROUTER) == 0


def test_set_router_allowance__token_that_changes_from_zero_only__does_refuse_a_plain_change(
    desk: Desk,
) -> None:
    """Else the test above would show nothing."""
    token = _set(desk, "base", Oddity.CHANGES_ALLOWANCE_ONLY_FROM_ZERO)
    token.approve(ONEINCH_ROUTER, 5, sender=desk.taker)
    refusal = desk.refusal(token.approve, ONEINCH_ROUTER, 7, sender=desk.taker)
    assert refusal == ("AllowanceNotZero", 5)


# ---------------------------------------------------------------- withdraw


@pytest.mark.parametrize("oddity", SERVED)
def test_withdraw__token_that_is_served__leaves_exactly(
    desk: Desk, owner: Any, receiver: Any, oddity: Oddity
) -> None:
    _set(desk, "base", oddity)
    before = desk.balances(desk.settlement, receiver)
    desk.settlement.withdraw(desk.base, receiver, 7, sender=owner)
    assert moved(before, desk.balances(desk.settlement, receiver)) == [(-7, 0), (7, 0)]


@pytest.mark.parametrize("oddity", REFUSED)
def test_withdraw__token_that_does_not_say_true__is_refused(
    desk: Desk, owner: Any, receiver: Any, oddity: Oddity
) -> None:
    token = _set(desk, "base", oddity)
    refusal = desk.refusal(desk.settlement.withdraw, desk.base, receiver, 7, sender=owner)
    assert refusal == ("TokenCallFailed", lower(token), REFUSED[oddity])
