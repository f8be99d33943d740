"""Compound V2 adds interest when it is touched: limits hold for the debt of this block, not of the last touch."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import COMPOUND_CETH, USDC, WETH
from tests.contracts.lending.desk_fixtures import COMPOUND, ONE_WETH

BLOCKS = 2_000
BPS = 10**14
COLLATERAL = 30_000 * 10**6


@pytest.fixture
def aged(account: Any, supplied: Any, operator: Any, rpc: Any) -> int:
    """A short on Compound that was not touched for many blocks; returns its debt as last recorded."""
    supplied(COMPOUND, USDC, COLLATERAL)
    account.borrow(COMPOUND, WETH, 5 * ONE_WETH, sender=operator)
    rpc.call("anvil_mine", hex(BLOCKS))
    recorded: int = account.position(COMPOUND, WETH)[1]
    return recorded


def test_withdraw__debt_has_grown_since_the_last_touch__is_held_against_the_grown_debt(
    aged: int, account: Any, owner: Any, operator: Any, refusal_of: Any
) -> None:
    stale = account.health(COMPOUND)
    floor = stale // BPS - 1
    account.setHealthFloor(COMPOUND, floor, sender=owner)
    spare = COLLATERAL * (stale - floor * BPS) // stale
    # All but a thousandth of what the recorded debt would leave free.
    refused = refusal_of(account.withdraw, COMPOUND, USDC, spare - spare // 1_000, sender=operator)
    assert refused[:2] == ("HealthTooLow", COMPOUND)
    account.withdraw(COMPOUND, USDC, spare // 4, sender=operator)
    assert account.position(COMPOUND, WETH)[1] > aged


def test_debt_of__anybody_asks__is_the_debt_of_this_block(
    aged: int, account: Any, stranger: Any, builder: Any
) -> None:
    account.debtOf(COMPOUND, WETH, sender=stranger)
    debt = account.position(COMPOUND, WETH)[1]
    assert debt > aged
    assert debt == builder.read(COMPOUND_CETH, "borrowBalanceStored(address)", account.address)


def test_accrual__without_debt_in_a_market__is_left_to_others(
    account: Any, supplied: Any, operator: Any, rpc: Any, builder: Any
) -> None:
    supplied(COMPOUND, USDC, COLLATERAL)
    rpc.call("anvil_mine", hex(10))
    before = builder.read(COMPOUND_CETH, "accrualBlockNumber()")
    account.withdraw(COMPOUND, USDC, 1, sender=operator)
    assert builder.read(COMPOUND_CETH, "accrualBlockNumber()") == before
