"""Open, resize and close, by flash swap and by Morpho loan, on Aave V3 and Compound V2."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.localnet.addresses import USDC, WETH
from tests.contracts.delta.positions import (
    FLASH_SWAP,
    MARGIN_USDC,
    MARGIN_WETH,
    MORPHO_LOAN,
    TEN_WETH,
    Positions,
    plan,
)
from tests.contracts.lending.desk_fixtures import AAVE, ALL, COMPOUND, ONE_WETH

WAYS = [(FLASH_SWAP, AAVE), (MORPHO_LOAN, AAVE), (FLASH_SWAP, COMPOUND), (MORPHO_LOAN, COMPOUND)]
every_way = pytest.mark.parametrize(
    ("source", "market"), WAYS, ids=["swap-aave", "morpho-aave", "swap-compound", "morpho-compound"]
)


def near(found: int, expected: int) -> bool:
    """Whether a balance is the expected one but for a few blocks' interest and rounding."""
    return abs(found - expected) <= expected // 10**5 + 2


@every_way
def test_open_short__within_all_limits__owes_the_asset_and_holds_proceeds_and_margin(
    source: int,
    market: int,
    positions: Positions,
    account: Any,
    desk: Any,
    balance_of: Any,
    nothing_stays: Any,
) -> None:
    usdc_before = balance_of(USDC, desk)
    fair = desk.fairTakingAmount(WETH, USDC, TEN_WETH)
    positions.open_short(plan(source, market))

    assert near(account.position(market, WETH)[1], TEN_WETH)
    proceeds = account.position(market, USDC)[0] - MARGIN_USDC
    assert fair * 99 // 100 < proceeds < fair * 101 // 100
    assert 10**18 < account.health(market) < 2 * 10**18
    assert balance_of(USDC, desk) == usdc_before
    nothing_stays()


@every_way
def test_close_short__all__owes_nothing_and_returns_the_collateral(
    source: int,
    market: int,
    positions: Positions,
    account: Any,
    desk: Any,
    balance_of: Any,
    nothing_stays: Any,
) -> None:
    positions.open_short(plan(source, market))
    before = balance_of(USDC, desk), balance_of(WETH, desk)
    positions.close_short(plan(source, market))

    assert account.position(market, WETH)[1] == 0
    assert account.position(market, USDC)[0] == 0
    returned = balance_of(USDC, desk) - before[0]
    assert MARGIN_USDC * 99 // 100 < returned < MARGIN_USDC
    assert balance_of(WETH, desk) == before[1]
    assert account.health(market) == ALL
    nothing_stays()


@every_way
def test_resize_short__part_closed_and_grown_again__follows_the_amounts(
    source: int, market: int, positions: Positions, account: Any, nothing_stays: Any
) -> None:
    word = plan(source, market)
    positions.open_short(word)
    before = account.health(market)
    positions.close_short(word, 4 * ONE_WETH, 11_000 * 10**6)
    assert near(account.position(market, WETH)[1], 6 * ONE_WETH)
    assert account.health(market) > before
    nothing_stays()
    positions.open_short(word, 2 * ONE_WETH, margin=0)
    assert near(account.position(market, WETH)[1], 8 * ONE_WETH)
    nothing_stays()


@every_way
def test_open_and_close_long__all__holds_the_asset_and_then_returns_the_margin(
    source: int,
    market: int,
    positions: Positions,
    account: Any,
    desk: Any,
    balance_of: Any,
    nothing_stays: Any,
) -> None:
    word = plan(source, market)
    positions.open_long(word)
    assert near(account.position(market, WETH)[0], TEN_WETH + MARGIN_WETH)
    debt, fair = account.position(market, USDC)[1], desk.fairTakingAmount(WETH, USDC, TEN_WETH)
    assert fair * 99 // 100 < debt < fair * 101 // 100
    nothing_stays()

    before = balance_of(WETH, desk), balance_of(USDC, desk)
    positions.close_long(word)
    assert account.position(market, USDC)[1] == 0
    assert account.position(market, WETH)[0] == 0
    assert MARGIN_WETH * 98 // 100 < balance_of(WETH, desk) - before[0] < MARGIN_WETH
    assert balance_of(USDC, desk) == before[1]
    nothing_stays()


@every_way
def test_close_long__a_part__repays_with_the_proceeds(
    source: int,
    market: int,
    positions: Positions,
    account: Any,
    desk: Any,
    balance_of: Any,
    nothing_stays: Any,
) -> None:
    word = plan(source, market)
    positions.open_long(word)
    debt = account.position(market, USDC)[1]
    usdc_before = balance_of(USDC, desk)
    least = desk.fairTakingAmount(WETH, USDC, 3 * ONE_WETH) * 99 // 100
    positions.close_long(word, 3 * ONE_WETH, least)
    repaid = debt - account.position(market, USDC)[1]
    surplus = balance_of(USDC, desk) - usdc_before
    assert repaid + surplus >= least
    # Morpho lends the limit, which is what is repaid; the surplus goes to the settlement contract.
    assert (surplus > 0) == (source == MORPHO_LOAN)
    assert near(account.position(market, WETH)[0], TEN_WETH + MARGIN_WETH - 3 * ONE_WETH)
    nothing_stays()


def test_close_long__a_part_worth_more_than_the_debt__reverts(
    positions: Positions, delta: Any, operator: Any, refusal_of: Any
) -> None:
    positions.open_long(plan(), amount=ONE_WETH)
    error = refusal_of(delta.closeLong, WETH, USDC, 2 * ONE_WETH, 1, plan(), sender=operator)
    assert error[0] == "RepaysTooMuch"
    assert error[1] > error[2]


def test_close__no_position__reverts(delta: Any, operator: Any, refusal_of: Any) -> None:
    for close in (delta.closeShort, delta.closeLong):
        assert refusal_of(close, WETH, USDC, ALL, 2**128, plan(), sender=operator) == ("InvalidAmount", 0)


def test_close_short__more_than_the_debt__reverts(
    positions: Positions, delta: Any, operator: Any, refusal_of: Any
) -> None:
    positions.open_short(plan(), amount=ONE_WETH)
    error = refusal_of(delta.closeShort, WETH, USDC, 2 * ONE_WETH, 2**128, plan(), sender=operator)
    assert error[0] == "RepaysTooMuch"
    assert error[1] == 2 * ONE_WETH > error[2]


@every_way
def test_open_short__with_other_collateral_already_there__counts_the_whole_account(
    source: int, market: int, positions: Positions, supplied: Any, account: Any
) -> None:
    supplied(market, USDC, 30_000 * 10**6)
    positions.open_short(plan(source, market, min_health_wad=14 * 10**17), margin=0)
    assert account.health(market) > 14 * 10**17


@pytest.mark.parametrize("market", [AAVE, COMPOUND])
def test_open_short__margin_that_is_not_there__reverts(
    market: int, move: Any, delta: Any, operator: Any, refusal_of: Any, balance_of: Any, account: Any
) -> None:
    move(USDC, MARGIN_USDC - 1)
    error = refusal_of(
        delta.openShort, WETH, USDC, TEN_WETH, 1, MARGIN_USDC, plan(market=market), sender=operator
    )
    assert error[0] in ("Error", "CompoundRefused")
    assert balance_of(USDC, account) == MARGIN_USDC - 1
