"""Feeds fall or rise until the health factor is below the floor: exits are refused, repaying is not."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, ALL, COMPOUND, MARKETS, ONE_WETH

A_USDC = "0x98C23E9d8f34FEFb1B7BD6a91B7FF122F4e16F5c"


@pytest.fixture(params=MARKETS, ids=["aave", "compound"])
def short(request: Any, account: Any, supplied: Any, operator: Any, set_feed_price: Any) -> int:
    """A short of 5 WETH on 20,000 USDC whose health a rise of the feed has pushed below the floor of 1.05."""
    market: int = request.param
    supplied(market, USDC, 20_000 * 10**6)
    account.borrow(market, WETH, 5 * ONE_WETH, sender=operator)
    # Thresholds: 80 % on Aave, factor 85.5 % on Compound.
    set_feed_price("ETH", "3150" if market == AAVE else "3350")
    assert 10**18 < account.health(market) < 105 * 10**16
    return market


def test_exits__health_below_the_floor__are_refused(
    short: int, account: Any, operator: Any, hooks: Any, refusal_of: Any
) -> None:
    refused = ("HealthTooLow", short)
    assert refusal_of(account.withdraw, short, USDC, 10**6, sender=operator)[:2] == refused
    error = refusal_of(account.borrow, short, WETH, 10**15, sender=operator)
    # Aave's own loan-to-value comes first.
    assert error[:2] == refused or error[0] in ("Error", "CompoundRefused")
    assert refusal_of(account.provide, 2 * short - 1, USDC, 10**6, sender=hooks)[:2] == refused


def test_repay__health_below_the_floor__is_possible_and_heals(
    short: int, account: Any, move: Any, guardian: Any, operator: Any
) -> None:
    before = account.health(short)
    move(WETH, ONE_WETH)
    account.repay(short, WETH, ONE_WETH, sender=guardian)
    assert account.health(short) > before
    account.withdraw(short, USDC, 10**6, sender=operator)


def test_supply__health_below_the_floor__is_possible(
    short: int, account: Any, move: Any, operator: Any
) -> None:
    before = account.health(short)
    move(USDC, 5_000 * 10**6)
    account.supply(short, USDC, 5_000 * 10**6, sender=operator)
    assert account.health(short) > before


def test_sweep__health_below_the_floor__is_refused_even_for_stray_tokens(
    short: int, account: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    move(USDC, 10)
    assert refusal_of(account.sweep, USDC, sender=operator)[:2] == ("HealthTooLow", short)


def test_sweep__stray_tokens__go_to_the_settlement(
    account: Any, move: Any, operator: Any, balance_of: Any, desk: Any, refusal_of: Any
) -> None:
    move(USDC, 77)
    before = balance_of(USDC, desk)
    account.sweep(USDC, sender=operator)
    assert balance_of(USDC, desk) == before + 77
    assert balance_of(USDC, account) == 0
    assert refusal_of(account.sweep, USDC, sender=operator) == ("ZeroAmount",)


def test_sweep__atokens_that_carry_a_debt__is_refused(
    account: Any, supplied: Any, operator: Any, refusal_of: Any, balance_of: Any
) -> None:
    supplied(AAVE, USDC, 20_000 * 10**6)
    account.borrow(AAVE, WETH, ONE_WETH, sender=operator)
    error = refusal_of(account.sweep, A_USDC, sender=operator)
    assert error[0] in ("HealthTooLow", "Error")
    assert balance_of(A_USDC, account) > 0


def test_withdraw__debt_on_the_other_market__does_not_matter(
    account: Any, supplied: Any, operator: Any
) -> None:
    supplied(AAVE, USDC, 20_000 * 10**6)
    supplied(COMPOUND, USDC, 20_000 * 10**6)
    account.borrow(COMPOUND, WETH, 5 * ONE_WETH, sender=operator)
    account.withdraw(AAVE, USDC, ALL, sender=operator)
    assert account.position(AAVE, USDC)[0] == 0


def test_health__compound__is_weighted_collateral_over_debt(
    account: Any, supplied: Any, operator: Any, builder: Any
) -> None:
    supplied(COMPOUND, USDC, 20_000 * 10**6)
    account.borrow(COMPOUND, WETH, 5 * ONE_WETH, sender=operator)
    eth = builder.read("0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419", "latestAnswer()", returns=("int256",))
    usdc = builder.read("0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6", "latestAnswer()", returns=("int256",))
    expected = 20_000 * usdc * 855 * 10**18 // (1_000 * 5 * eth)
    assert abs(account.health(COMPOUND) - expected) < 10**12


@pytest.mark.parametrize("token", [USDC, WETH])
def test_health__aave__is_aaves_own(
    token: str, account: Any, supplied: Any, operator: Any, builder: Any
) -> None:
    supplied(AAVE, USDC, 20_000 * 10**6)
    account.borrow(AAVE, token, 10**15 if token == WETH else 10**6, sender=operator)
    own = builder.read(
        account.AAVE_V3_POOL(), "getUserAccountData(address)", account.address, returns=("uint256",) * 6
    )[5]
    assert account.health(AAVE) == own
