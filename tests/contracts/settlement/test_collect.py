"""collect: the hedger takes its cost out of the open ticket, once; the rest comes to the inventory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.settlement.conftest import PROFIT
from tests.contracts.settlement.desk import (
    MAKING,
    TAKING,
    Desk,
    HedgerTrick,
    args_of,
    args_traits,
    decode_error,
    extension_of,
    lower,
    moved,
)

EXTENSION = extension_of(plan=2 << 248 | PROFIT)


def _how() -> dict[str, Any]:
    return {
        "function": "fillOrderFunded",
        "taker_traits": args_traits(extension=EXTENSION),
        "args": args_of(extension=EXTENSION),
    }


@pytest.mark.parametrize("profit", [PROFIT, PROFIT + 1, TAKING])
def test_collect__cost_within_the_ticket__goes_to_the_payee_and_the_rest_to_the_inventory(
    desk: Desk, honest: Any, owner: Any, profit: int
) -> None:
    honest.setTrick(HedgerTrick.NONE, profit, honest, b"", sender=owner)
    before = desk.balances(desk.settlement, desk.taker, honest)
    desk.fill(desk.with_extension(EXTENSION), **_how())
    after = desk.balances(desk.settlement, desk.taker, honest)
    assert moved(before, after) == [(0, profit), (MAKING, -TAKING), (-MAKING, TAKING - profit)]


@pytest.mark.parametrize(
    ("trick", "profit", "cost"),
    [
        (HedgerTrick.NONE, PROFIT - 1, TAKING - PROFIT + 1),
        (HedgerTrick.NONE, 0, TAKING),
        (HedgerTrick.COLLECT_TOO_MUCH, 0, TAKING + 1),
    ],
)
def test_collect__cost_that_leaves_less_than_the_minimum__is_refused(
    desk: Desk, honest: Any, owner: Any, trick: HedgerTrick, profit: int, cost: int
) -> None:
    honest.setTrick(trick, profit, honest, b"", sender=owner)
    refusal = desk.fill_refusal(desk.with_extension(EXTENSION), **_how())
    assert refusal == ("ProfitTooLow", TAKING, cost, PROFIT)


def test_collect__outside_a_fill__is_refused(desk: Desk, honest: Any, owner: Any) -> None:
    refusal = desk.refusal(honest.collectNow, honest, 0, sender=owner)
    assert refusal == ("Unauthorised", lower(honest))


def test_collect__after_a_fill_in_the_same_transaction__is_refused(
    desk: Desk, honest: Any, mock_taker: Any, owner: Any
) -> None:
    method, values = desk.call_of(desk.with_extension(EXTENSION), **_how())
    fill, collect = method.encode_input(*values), honest.collectNow.encode_input(honest, 0)
    targets = [desk.settlement, honest]
    refusal = desk.refusal(mock_taker.executeAll, targets, [fill, collect], sender=owner)
    assert refusal == ("Unauthorised", lower(honest))


@pytest.mark.parametrize("who", ["taker", "owner", "attacker"])
def test_collect__by_anyone_but_the_hedger__is_refused(
    desk: Desk, honest: Any, who: str, request: Any
) -> None:
    sender = request.getfixturevalue(who)
    assert desk.refusal(desk.settlement.collect, sender, 0, sender=sender) == ("Unauthorised", lower(sender))


def test_collect__by_another_contract_inside_the_fill__is_refused(
    desk: Desk, honest: Any, mock_taker: Any, owner: Any
) -> None:
    collect = desk.settlement.collect.encode_input(mock_taker, 0)
    through = mock_taker.execute.encode_input(desk.settlement, collect)
    honest.setTrick(HedgerTrick.CALL_INSIDE, PROFIT, mock_taker, through, sender=owner)
    desk.fill(desk.with_extension(EXTENSION), **_how())
    assert decode_error(bytes(honest.answer())) == ("Unauthorised", lower(mock_taker))
