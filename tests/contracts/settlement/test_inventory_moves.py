"""moveToLending, swapInventory, consumeCap: what operator and router hooks may move, and how they are judged."""

from __future__ import annotations

from typing import Any

import ape
import pytest
from eth_abi.abi import encode

from pmm.domain import keccak256
from tests.contracts.settlement.conftest import HEDGER, LENDING_ACCOUNT, ROUTER_HOOKS
from tests.contracts.settlement.desk import TAKING, Desk, HedgerTrick, lower, moved, word
from tests.contracts.settlement.feeds import BASE_PRICE, CAPS_ON, QUOTE_PRICE, Feeds, floor_of

UNITS = 20  # 1 %
SOLD = 2_000 * TAKING
FLOOR = floor_of(SOLD, maker_price=BASE_PRICE, taker_price=QUOTE_PRICE, units=UNITS)
MOST_UNITS = 2**36 - 1
TYPES = ["address", "address", "uint256", "uint256", "bytes"]


@pytest.fixture
def hooks(desk: Desk, owner: Any) -> Any:
    """Router hooks that pass on whatever they are given."""
    instance = owner.deploy(ape.project.MockInsider, desk.settlement)
    desk.settlement.setModule(ROUTER_HOOKS, instance, sender=owner)
    return instance


@pytest.fixture
def lending(desk: Desk, owner: Any) -> Any:
    instance = owner.deploy(ape.project.MockLendingAccount, desk.settlement)
    desk.settlement.setModule(LENDING_ACCOUNT, instance, sender=owner)
    return instance


@pytest.fixture
def market(desk: Desk, feeds: Feeds, mock_hedger: Any, owner: Any) -> Any:
    """A band of 1 % and a hedger; returns how to set what a swap brings."""
    desk.settlement.setBand(desk.base, desk.quote, UNITS, sender=owner)

    def _brings(amount: int) -> None:
        mock_hedger.setTrick(HedgerTrick.NONE, amount, mock_hedger, b"", sender=owner)

    _brings(FLOOR)
    return _brings


def _swap(desk: Desk, **changes: Any) -> tuple[Any, ...]:
    terms = {
        "token_in": desk.base,
        "token_out": desk.quote,
        "amount": SOLD,
        "minimum": 0,
        "plan": 5,
        "route": b"\x01\x02",
    } | changes
    return tuple(terms.values())


# ---------------------------------------------------------------- moveToLending


def test_move_to_lending__by_the_operator__moves_exactly_and_is_announced(
    desk: Desk, lending: Any, operator: Any
) -> None:
    before = desk.balances(desk.settlement, lending)
    receipt = desk.settlement.moveToLending(desk.base, 7, sender=operator)
    assert moved(before, desk.balances(desk.settlement, lending)) == [(-7, 0), (7, 0)]
    (event,) = receipt.decode_logs(desk.settlement.MovedToLending)
    assert (event.token, event.amount) == (desk.base, 7)


def test_move_to_lending__by_the_router_hooks__moves_exactly(
    desk: Desk, lending: Any, hooks: Any, owner: Any
) -> None:
    before = desk.balances(desk.settlement, lending, hooks)
    hooks.execute(desk.settlement.moveToLending.encode_input(desk.quote, 9), sender=owner)
    assert moved(before, desk.balances(desk.settlement, lending, hooks)) == [(0, -9), (0, 9), (0, 0)]


@pytest.mark.parametrize("who", ["owner", "guardian", "taker", "attacker"])
def test_movers__anyone_else__may_not(desk: Desk, lending: Any, market: Any, who: str, request: Any) -> None:
    sender = request.getfixturevalue(who)
    refusal = ("Unauthorised", lower(sender))
    assert desk.refusal(desk.settlement.moveToLending, desk.base, 1, sender=sender) == refusal
    assert desk.refusal(desk.settlement.swapInventory, *_swap(desk), sender=sender) == refusal


def test_move_to_lending__without_a_lending_account__is_refused(desk: Desk, operator: Any) -> None:
    refusal = desk.refusal(desk.settlement.moveToLending, desk.base, 1, sender=operator)
    assert refusal == ("ModuleMissing", LENDING_ACCOUNT)


def test_move_to_lending__unregistered_token_or_more_than_held__is_refused(
    desk: Desk, lending: Any, operator: Any, guardian: Any
) -> None:
    held = int(desk.base.balanceOf(desk.settlement))
    refusal = desk.refusal(desk.settlement.moveToLending, desk.base, held + 1, sender=operator)
    assert refusal[:2] == ("TokenCallFailed", lower(desk.base))
    desk.settlement.unregisterToken(desk.base, sender=guardian)
    refusal = desk.refusal(desk.settlement.moveToLending, desk.base, 1, sender=operator)
    assert refusal == ("UnregisteredToken", word(desk.base))


# ---------------------------------------------------------------- swapInventory


def test_swap_inventory__at_the_floor_of_the_band__moves_exactly_and_is_announced(
    desk: Desk, market: Any, mock_hedger: Any, operator: Any
) -> None:
    before = desk.balances(desk.settlement, mock_hedger)
    receipt = desk.settlement.swapInventory(*_swap(desk), sender=operator)
    assert moved(before, desk.balances(desk.settlement, mock_hedger)) == [(-SOLD, FLOOR), (SOLD, -FLOOR)]
    (event,) = receipt.decode_logs(desk.settlement.InventorySwapped)
    assert (event.tokenIn, event.tokenOut) == (desk.base, desk.quote)
    assert (event.amountIn, event.amountOut) == (SOLD, FLOOR)
    arguments = (desk.base.address, desk.quote.address, SOLD, 5, b"\x01\x02")
    assert bytes(mock_hedger.seen()) == keccak256(encode(TYPES, arguments))


def test_swap_inventory__one_unit_under_the_floor__is_refused_whatever_the_switch_says(
    desk: Desk, market: Any, operator: Any, owner: Any
) -> None:
    market(FLOOR - 1)
    refusal = ("BoughtTooLittle", lower(desk.quote), FLOOR - 1, FLOOR)
    for guards in (0, 1):
        desk.settlement.setGuards(guards, sender=owner)
        assert desk.refusal(desk.settlement.swapInventory, *_swap(desk), sender=operator) == refusal


def test_swap_inventory__minimum_above_the_floor__is_held(desk: Desk, market: Any, operator: Any) -> None:
    market(FLOOR + 5)
    method = desk.settlement.swapInventory
    refusal = desk.refusal(method, *_swap(desk, minimum=FLOOR + 6), sender=operator)
    assert refusal == ("BoughtTooLittle", lower(desk.quote), FLOOR + 5, FLOOR + 6)
    before = desk.balances(desk.settlement)
    method(*_swap(desk, minimum=FLOOR + 5), sender=operator)
    assert moved(before, desk.balances(desk.settlement)) == [(-SOLD, FLOOR + 5)]


@pytest.mark.parametrize("trick", [HedgerTrick.SAY_ONE_UNIT_LESS, HedgerTrick.SAY_ONE_UNIT_MORE])
def test_swap_inventory__hedger_says_other_than_what_came_in__the_smaller_counts(
    desk: Desk, market: Any, mock_hedger: Any, operator: Any, owner: Any, trick: HedgerTrick
) -> None:
    counted = FLOOR if trick is HedgerTrick.SAY_ONE_UNIT_MORE else FLOOR - 1
    mock_hedger.setTrick(trick, FLOOR, mock_hedger, b"", sender=owner)
    method = desk.settlement.swapInventory
    refusal = desk.refusal(method, *_swap(desk, minimum=FLOOR + 1), sender=operator)
    assert refusal == ("BoughtTooLittle", lower(desk.quote), counted, FLOOR + 1)
    if counted < FLOOR:
        refusal = desk.refusal(method, *_swap(desk), sender=operator)
        assert refusal == ("BoughtTooLittle", lower(desk.quote), counted, FLOOR)
        return
    (event,) = method(*_swap(desk), sender=operator).decode_logs(desk.settlement.InventorySwapped)
    assert event.amountOut == FLOOR


def test_swap_inventory__by_the_router_hooks__returns_what_came_in(
    desk: Desk, market: Any, hooks: Any, owner: Any
) -> None:
    data = desk.settlement.swapInventory.encode_input(*_swap(desk))
    before = desk.balances(desk.settlement)
    hooks.execute(data, sender=owner)
    assert moved(before, desk.balances(desk.settlement)) == [(-SOLD, FLOOR)]
    request = {"from": hooks.address, "to": desk.settlement.address, "data": data.to_0x_hex()}
    assert int(desk.rpc.call("eth_call", request, "latest"), 16) == FLOOR


def test_swap_inventory__band_without_limit__holds_the_minimum_alone(
    desk: Desk, market: Any, operator: Any, owner: Any
) -> None:
    desk.settlement.setBand(desk.base, desk.quote, 255, sender=owner)
    market(3)
    method = desk.settlement.swapInventory
    assert desk.refusal(method, *_swap(desk, minimum=4), sender=operator)[0] == "BoughtTooLittle"
    method(*_swap(desk, minimum=3), sender=operator)


def test_swap_inventory__no_band_or_stale_feed__is_refused(
    desk: Desk, market: Any, feeds: Feeds, operator: Any, owner: Any
) -> None:
    at_s = feeds.answer(feeds.quote, QUOTE_PRICE)
    method = desk.settlement.swapInventory
    refusal = desk.refusal(method, *_swap(desk), sender=operator, at_s=at_s + 3_601)
    assert refusal[0] == "StaleAnswer"
    desk.settlement.setBand(desk.base, desk.quote, 0, sender=owner)
    refusal = desk.refusal(method, *_swap(desk), sender=operator)
    assert refusal == ("NoBand", word(desk.base), word(desk.quote))


def test_swap_inventory__unregistered_or_equal_tokens__are_refused(
    desk: Desk, market: Any, operator: Any, guardian: Any, owner: Any
) -> None:
    late = owner.deploy(ape.project.MockOddToken)
    method = desk.settlement.swapInventory
    for side in ("token_in", "token_out"):
        refusal = desk.refusal(method, *_swap(desk, **{side: late}), sender=operator)
        assert refusal == ("UnregisteredToken", word(late))
    refusal = desk.refusal(method, *_swap(desk, token_out=desk.base), sender=operator)
    assert refusal == ("SameAsset", word(desk.base))
    desk.settlement.unregisterToken(desk.quote, sender=guardian)
    refusal = desk.refusal(method, *_swap(desk), sender=operator)
    assert refusal == ("UnregisteredToken", word(desk.quote))


def test_swap_inventory__without_a_hedger__is_refused(desk: Desk, feeds: Feeds, operator: Any) -> None:
    refusal = desk.refusal(desk.settlement.swapInventory, *_swap(desk), sender=operator)
    assert refusal == ("ModuleMissing", HEDGER)


def test_swap_inventory__caps_on__counts_what_leaves(
    desk: Desk, market: Any, operator: Any, owner: Any
) -> None:
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    method = desk.settlement.swapInventory
    assert desk.refusal(method, *_swap(desk), sender=operator) == ("NoCap", word(desk.base))
    market(TAKING)
    desk.settlement.setCap(desk.base, 100, 150, 1_000, sender=owner)
    refusal = desk.refusal(method, *_swap(desk, amount=101), sender=operator)
    assert refusal == ("BlockCapExceeded", word(desk.base), 101, 100)
    method(*_swap(desk, amount=100), sender=operator)
    assert int(desk.settlement.capWord(desk.base)) & MOST_UNITS == 100
    refusal = desk.fill_refusal(desk.order(making_amount=1))
    assert refusal == ("BlockCapExceeded", word(desk.base), 1, 100)


def test_swap_inventory__caps_off__counts_nothing(desk: Desk, market: Any, operator: Any, owner: Any) -> None:
    desk.settlement.setCap(desk.base, 1, 1, 1_000, sender=owner)
    before = desk.settlement.capWord(desk.base)
    desk.settlement.swapInventory(*_swap(desk), sender=operator)
    assert desk.settlement.capWord(desk.base) == before


# ---------------------------------------------------------------- consumeCap


def test_consume_cap__by_the_router_hooks__counts_with_the_fills(desk: Desk, hooks: Any, owner: Any) -> None:
    desk.settlement.setGuards(CAPS_ON, sender=owner)
    desk.settlement.setCap(desk.base, 100, 100, 1_000, sender=owner)
    consume = desk.settlement.consumeCap
    refusal = desk.refusal(hooks.execute, consume.encode_input(desk.base, 101), sender=owner)
    assert refusal == ("BlockCapExceeded", word(desk.base), 101, 100)
    hooks.execute(consume.encode_input(desk.base, 60), sender=owner)
    assert int(desk.settlement.capWord(desk.base)) & MOST_UNITS == 60
    refusal = desk.fill_refusal(desk.order(making_amount=41))
    assert refusal == ("BlockCapExceeded", word(desk.base), 41, 100)
    assert desk.simulate(desk.order(making_amount=40))[0] == 40
    refusal = desk.refusal(hooks.execute, consume.encode_input(desk.quote, 1), sender=owner)
    assert refusal == ("NoCap", word(desk.quote))


def test_consume_cap__caps_off__does_nothing(desk: Desk, hooks: Any, owner: Any) -> None:
    hooks.execute(desk.settlement.consumeCap.encode_input(desk.base, 2**200), sender=owner)
    assert desk.settlement.capWord(desk.base) == 0


@pytest.mark.parametrize("who", ["owner", "guardian", "operator", "attacker"])
def test_consume_cap__anyone_else__may_not(desk: Desk, hooks: Any, who: str, request: Any) -> None:
    sender = request.getfixturevalue(who)
    refusal = desk.refusal(desk.settlement.consumeCap, desk.base, 1, sender=sender)
    assert refusal == ("Unauthorised", lower(sender))
