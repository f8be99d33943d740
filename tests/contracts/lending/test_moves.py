"""Supply, withdraw, borrow, repay and provide, on Aave V3 and Compound V2."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import USDC, WBTC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, ALL, C_TOKENS, COMPOUND, MARKETS, ONE_WETH

TOKENS = [(WETH, 10 * ONE_WETH), (USDC, 20_000 * 10**6)]
both_markets = pytest.mark.parametrize("market", MARKETS, ids=["aave", "compound"])
both_tokens = pytest.mark.parametrize(("token", "amount"), TOKENS, ids=["weth", "usdc"])


def near(found: int, expected: int) -> bool:
    """Whether a balance is the expected one but for interest and rounding of cTokens."""
    return abs(found - expected) <= expected // 10**6 + 2


def unit(token: str) -> int:
    """The rounding that one cToken unit may cost, base units of its underlying."""
    return 10**9 if token == WETH else 1


@both_markets
@both_tokens
def test_supply__tokens_that_were_moved_here__become_collateral(
    market: int,
    token: str,
    amount: int,
    account: Any,
    move: Any,
    operator: Any,
    balance_of: Any,
    allowances: Any,
) -> None:
    move(token, amount + 7)
    account.supply(market, token, amount, sender=operator)

    collateral, debt = account.position(market, token)
    assert near(collateral, amount)
    assert debt == 0
    assert balance_of(token, account) == 7
    assert account.balance == 0
    assert allowances(account) == {}
    assert account.health(market) == ALL


def test_supply__everything__leaves_nothing(account: Any, move: Any, hooks: Any, balance_of: Any) -> None:
    move(USDC, 1_234_567)
    account.supply(AAVE, USDC, ALL, sender=hooks)
    assert balance_of(USDC, account) == 0
    assert near(account.position(AAVE, USDC)[0], 1_234_567)


@both_markets
def test_supply__more_than_lies_here__reverts(
    market: int, account: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    move(USDC, 1_000)
    assert refusal_of(account.supply, market, USDC, 1_001, sender=operator) == (
        "FundsMissing",
        USDC.lower(),
        1_001,
        1_000,
    )


@both_markets
def test_supply__nothing__reverts(market: int, account: Any, operator: Any, refusal_of: Any) -> None:
    assert refusal_of(account.supply, market, USDC, 0, sender=operator) == ("ZeroAmount",)
    assert refusal_of(account.supply, market, USDC, ALL, sender=operator) == ("ZeroAmount",)


def test_supply__token_without_compound_market__reverts(
    account: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    move(WBTC, 10**8)
    assert refusal_of(account.supply, COMPOUND, WBTC, 10**8, sender=operator)[0] == "UnlistedMarket"


@pytest.mark.parametrize("market", [0, 3, ALL])
def test_every_move__unknown_market__reverts(
    market: int, account: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    move(USDC, 10)
    for method in (account.supply, account.withdraw, account.borrow, account.repay):
        assert refusal_of(method, market, USDC, 10, sender=operator) == ("UnknownMarket", market)


@both_markets
@both_tokens
def test_withdraw__part_and_rest__arrive_at_the_settlement(
    market: int,
    token: str,
    amount: int,
    account: Any,
    desk: Any,
    supplied: Any,
    operator: Any,
    balance_of: Any,
) -> None:
    supplied(market, token, amount)
    before = balance_of(token, desk)

    account.withdraw(market, token, amount // 4, sender=operator)
    assert balance_of(token, desk) == before + amount // 4
    account.withdraw(market, token, ALL, sender=operator)

    assert near(balance_of(token, desk) - before, amount)
    assert account.position(market, token)[0] == 0
    assert balance_of(token, account) == 0
    assert account.balance == 0


def test_withdraw__more_than_supplied_on_compound__reverts_with_its_code(
    account: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(COMPOUND, USDC, 1_000 * 10**6)
    error = refusal_of(account.withdraw, COMPOUND, USDC, 2_000 * 10**6, sender=operator)
    assert error[:2] == ("CompoundRefused", C_TOKENS[USDC].lower())
    assert error[2] != 0


def test_withdraw__more_than_supplied_on_aave__reverts(
    account: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(AAVE, USDC, 1_000 * 10**6)
    assert refusal_of(account.withdraw, AAVE, USDC, 2_000 * 10**6, sender=operator) == ("Error", "32")


@both_markets
def test_withdraw__below_the_floor__reverts_at_the_first_unit_below(
    market: int, account: Any, owner: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, 5 * ONE_WETH, sender=operator)
    account.setHealthFloor(market, 15_000, sender=owner)
    excess = account.health(market) - 15 * 10**17
    assert excess > 0
    spare = 30_000 * 10**6 * excess // account.health(market)

    error = refusal_of(account.withdraw, market, USDC, spare + 10**6, sender=operator)
    assert error[:2] == ("HealthTooLow", market)
    assert error[2] < error[3] == 15 * 10**17
    account.withdraw(market, USDC, spare - 10**6, sender=operator)
    assert account.health(market) >= 15 * 10**17


@both_markets
@pytest.mark.parametrize(
    ("collateral", "supply", "token", "amount"),
    [(USDC, 30_000 * 10**6, WETH, 5 * ONE_WETH), (WETH, 10 * ONE_WETH, USDC, 10_000 * 10**6)],
    ids=["weth", "usdc"],
)
def test_borrow_and_repay__within_the_floor__moves_exactly_that(
    market: int,
    collateral: str,
    supply: int,
    token: str,
    amount: int,
    account: Any,
    desk: Any,
    supplied: Any,
    move: Any,
    operator: Any,
    balance_of: Any,
    allowances: Any,
) -> None:
    supplied(market, collateral, supply)
    before = balance_of(token, desk)
    account.borrow(market, token, amount, sender=operator)
    assert balance_of(token, desk) == before + amount
    assert near(account.position(market, token)[1], amount)
    assert balance_of(token, account) == 0
    assert account.health(market) < ALL

    move(token, amount // 2)
    account.repay(market, token, amount // 2, sender=operator)
    assert near(account.position(market, token)[1], amount - amount // 2)

    move(token, amount)
    account.repay(market, token, amount, sender=operator)
    assert account.position(market, token)[1] == 0
    assert near(balance_of(token, account), amount // 2)
    assert allowances(account) == {}
    assert account.health(market) == ALL


@both_markets
def test_repay__everything_with_less_than_the_debt__repays_what_is_here(
    market: int, account: Any, supplied: Any, move: Any, operator: Any, balance_of: Any
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, 5 * ONE_WETH, sender=operator)
    move(WETH, ONE_WETH)
    account.repay(market, WETH, ALL, sender=operator)
    assert balance_of(WETH, account) == 0
    assert near(account.position(market, WETH)[1], 4 * ONE_WETH)


@both_markets
def test_repay__without_debt__reverts(
    market: int, account: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    move(WETH, ONE_WETH)
    assert refusal_of(account.repay, market, WETH, ONE_WETH, sender=operator) == ("ZeroAmount",)


@both_markets
def test_repay__more_than_lies_here__reverts(
    market: int, account: Any, supplied: Any, move: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.borrow(market, WETH, 5 * ONE_WETH, sender=operator)
    move(WETH, ONE_WETH)
    assert refusal_of(account.repay, market, WETH, 2 * ONE_WETH, sender=operator)[0] == "FundsMissing"


@both_markets
def test_borrow__above_the_collateral__reverts(
    market: int, account: Any, supplied: Any, operator: Any, refusal_of: Any, balance_of: Any, desk: Any
) -> None:
    supplied(market, USDC, 10_000 * 10**6)
    before = balance_of(WETH, desk)
    error = refusal_of(account.borrow, market, WETH, 5 * ONE_WETH, sender=operator)
    if market == AAVE:
        assert error == ("Error", "36")
    else:
        # Compound returns the code; without the check the call would seem to have worked.
        assert error[:2] == ("CompoundRefused", C_TOKENS[WETH].lower())
        assert error[2] != 0
    assert balance_of(WETH, desk) == before


@both_markets
def test_borrow__within_the_market_below_our_floor__reverts(
    market: int, account: Any, owner: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    account.setHealthFloor(market, 20_000, sender=owner)
    error = refusal_of(account.borrow, market, WETH, 6 * ONE_WETH, sender=operator)
    assert error[:2] == ("HealthTooLow", market)
    account.setHealthFloor(market, 10_500, sender=owner)
    account.borrow(market, WETH, 6 * ONE_WETH, sender=operator)


@both_markets
def test_borrow__above_the_debt_cap__reverts(
    market: int, account: Any, owner: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(market, USDC, 100_000 * 10**6)
    account.setDebtCap(market, 5_500, sender=owner)
    account.borrow(market, WETH, 2 * ONE_WETH, sender=operator)
    error = refusal_of(account.borrow, market, WETH, ONE_WETH // 10, sender=operator)
    assert error[:2] == ("DebtCapExceeded", market)
    assert error[2] > error[3] == 5_500 * 10**8


@both_markets
def test_borrow__nothing__reverts(market: int, account: Any, operator: Any, refusal_of: Any) -> None:
    assert refusal_of(account.borrow, market, WETH, 0, sender=operator) == ("ZeroAmount",)
    assert refusal_of(account.withdraw, market, WETH, 0, sender=operator) == ("ZeroAmount",)


def test_borrow__token_that_is_not_listed__reverts(
    account: Any, supplied: Any, operator: Any, refusal_of: Any
) -> None:
    supplied(AAVE, USDC, 100_000 * 10**6)
    for market in MARKETS:
        assert refusal_of(account.borrow, market, WBTC, 10**6, sender=operator)[0] == "UnlistedMarket"


@pytest.mark.parametrize(
    ("source", "market", "borrows"), [(1, 1, False), (2, 1, True), (3, 2, False), (4, 2, True)]
)
@pytest.mark.parametrize("token", [WETH, USDC], ids=["weth", "usdc"])
def test_provide__each_source__sends_exactly_the_amount(
    source: int,
    market: int,
    borrows: bool,
    token: str,
    account: Any,
    desk: Any,
    supplied: Any,
    hooks: Any,
    balance_of: Any,
) -> None:
    supplied(market, WETH, 10 * ONE_WETH)
    supplied(market, USDC, 30_000 * 10**6)
    amount = 12_345_678 if token == USDC else 1_234_567_891_234_567_891
    before = balance_of(token, desk)

    account.provide(source, token, amount, sender=hooks)

    assert balance_of(token, desk) == before + amount
    assert near(account.position(market, token)[1], amount if borrows else 0)
    assert balance_of(token, account) == 0


def test_provide__unknown_source_or_everything__reverts(account: Any, hooks: Any, refusal_of: Any) -> None:
    assert refusal_of(account.provide, 0, USDC, 1, sender=hooks) == ("UnknownSource", 0)
    assert refusal_of(account.provide, 5, USDC, 1, sender=hooks) == ("UnknownSource", 5)
    assert refusal_of(account.provide, 1, USDC, ALL, sender=hooks) == ("FundsMissing", USDC.lower(), ALL, 0)
