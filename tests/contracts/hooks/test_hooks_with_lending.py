"""Just-in-time inventory and deposits through the lending account, on genuine Aave V3 and Compound V2 code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.domain import USDC, WBTC, WETH
from pmm.domain.hook_payloads import InventorySource, LendingMarket, PostAction, PostHook, PreHook
from pmm.localnet.addresses import AAVE_POOL, COMPOUND_CETH, COMPOUND_COMPTROLLER, COMPOUND_CUSDC
from tests.contracts.hooks.router_fills import RouterDesk, decode_error
from tests.contracts.settlement.desk import ONE, lower, moved

LENDING_ACCOUNT = 2
FLOOR_BPS = 10_500
DEBT_CAP_USD = 1_000_000
GAS_FLOOR = 600_000
SOURCES = [source for source in InventorySource if source]
MARKETS = list(LendingMarket)
SUPPLIES = {
    LendingMarket.AAVE_V3: PostAction.SUPPLY_AAVE,
    LendingMarket.COMPOUND_V2: PostAction.SUPPLY_COMPOUND,
}


@pytest.fixture(scope="module")
def lending(desk: RouterDesk, owner: Any, operator: Any, deal: Callable[..., None]) -> Any:
    """The lending account with 40,000 USDC and 40 WETH as collateral in each market, no debt."""
    arguments = (desk.maker, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH.address, FLOOR_BPS)
    account = owner.deploy(ape.project.LendingAccount, *arguments)
    desk.maker.setModule(LENDING_ACCOUNT, account, sender=owner)
    for token, c_token in ((WETH, COMPOUND_CETH), (USDC, COMPOUND_CUSDC)):
        account.listAaveToken(token.address, sender=owner)
        account.listCompoundMarket(token.address, c_token, sender=owner)
    held = [int(token.balanceOf(desk.maker)) for token in (desk.base, desk.quote)]
    deal(USDC.address, desk.maker, 80_000 * 10**6)
    deal(WETH.address, desk.maker, 80 * ONE)
    for market in MARKETS:
        account.setDebtCap(market, DEBT_CAP_USD, sender=owner)
        for token, amount in ((USDC, 40_000 * 10**6), (WETH, 40 * ONE)):
            desk.maker.moveToLending(token.address, amount, sender=operator)
            account.supply(market, token.address, amount, sender=operator)
    deal(USDC.address, desk.maker, held[0])
    deal(WETH.address, desk.maker, held[1])
    return account


def _position(account: Any, market: int, token: Any) -> tuple[int, int]:
    collateral, debt = account.position(market, token.address)
    return int(collateral), int(debt)


def _near(found: int, expected: int) -> bool:
    """Equal but for interest of some seconds and the rounding of cTokens."""
    return abs(found - expected) <= max(expected, 10**9) // 10**6 + 10**9


# ---------------------------------------------------------------------- just in time


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("shortfall", [1, 1_000 * 10**6])
def test_pre_interaction__inventory_is_short__the_account_provides_exactly_that(
    desk: RouterDesk, lending: Any, deal: Callable[..., None], source: InventorySource, shortfall: int
) -> None:
    deal(USDC.address, desk.maker, desk.making - shortfall)
    market = 1 if source in (InventorySource.AAVE_WITHDRAW, InventorySource.AAVE_BORROW) else 2
    collateral, debt = _position(lending, market, USDC)
    before = desk.holdings()
    desk.fill(desk.order(pre=PreHook(source=source)))
    assert moved(before, desk.holdings()) == [
        (shortfall - desk.making, desk.taking),
        (desk.making, -desk.taking),
    ]
    assert desk.base.balanceOf(desk.maker) == 0
    now = _position(lending, market, USDC)
    if source in (InventorySource.AAVE_WITHDRAW, InventorySource.COMPOUND_REDEEM):
        assert abs(collateral - shortfall - now[0]) <= collateral // 10**6
        assert now[1] == debt == 0
    else:
        assert shortfall <= now[1] - debt <= shortfall + shortfall // 10**6 + 1
        assert now[0] >= collateral


@pytest.mark.parametrize("source", SOURCES)
def test_pre_interaction__inventory_suffices__the_account_is_left_alone(
    desk: RouterDesk, lending: Any, deal: Callable[..., None], source: InventorySource
) -> None:
    deal(USDC.address, desk.maker, desk.making)
    receipt = desk.fill(desk.order(pre=PreHook(source=source)))
    assert not any(log["address"].lower() == lower(lending) for log in receipt.logs)
    assert _position(lending, 1, USDC)[1] == _position(lending, 2, USDC)[1] == 0


@pytest.mark.parametrize("source", [InventorySource.AAVE_BORROW, InventorySource.COMPOUND_BORROW])
def test_pre_interaction__borrowing_is_paused__reverts_the_fill(
    desk: RouterDesk, lending: Any, deal: Callable[..., None], guardian: Any, source: InventorySource
) -> None:
    deal(USDC.address, desk.maker, desk.making - 1)
    lending.pauseBorrowing(sender=guardian)
    before = desk.holdings()
    assert desk.fill_refusal(desk.order(pre=PreHook(source=source))) == ("BorrowingPaused",)
    assert desk.holdings() == before


def test_pre_interaction__taker_drained_the_inventory_first__health_floor_holds(
    desk: RouterDesk, lending: Any, deal: Callable[..., None], owner: Any
) -> None:
    """A signed borrow is no licence to go below the floor."""
    deal(USDC.address, desk.maker, 0)
    lending.setHealthFloor(1, 65_535, sender=owner)
    big = 30 * desk.making
    order = desk.order(
        pre=PreHook(source=InventorySource.AAVE_BORROW), making_amount=big, taking_amount=30 * desk.taking
    )
    desk.maker.setRouterAllowance(desk.base, big, sender=owner)
    name, market, health, lowest = desk.fill_refusal(order)
    assert (name, market, lowest) == ("HealthTooLow", 1, 65_535 * 10**14)
    assert health < lowest


# ---------------------------------------------------------------------- what came in


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("required", [True, False])
def test_post_interaction__supply__becomes_collateral(
    desk: RouterDesk, lending: Any, market: LendingMarket, required: bool
) -> None:
    collateral, _ = _position(lending, market, WETH)
    held = desk.quote.balanceOf(desk.maker)
    post = PostHook(action=SUPPLIES[market], required=required, gas_floor=0 if required else GAS_FLOOR)
    receipt = desk.fill(desk.order(post=post))
    assert _near(_position(lending, market, WETH)[0] - collateral, desk.taking)
    assert desk.quote.balanceOf(desk.maker) == held
    assert desk.quote.balanceOf(lending) == 0
    assert receipt.decode_logs(desk.hooks.DepositFailed) == []


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("debt", [ONE // 4, 3 * ONE])
def test_post_interaction__repay__lowers_the_debt_and_leaves_the_rest_here(
    desk: RouterDesk, lending: Any, operator: Any, market: LendingMarket, debt: int
) -> None:
    lending.borrow(market, WETH.address, debt, sender=operator)
    held = desk.quote.balanceOf(desk.maker)
    post = PostHook(action=PostAction.REPAY, required=True, market=market)
    desk.fill(desk.order(post=post))
    repaid = min(debt, desk.taking)
    assert _near(_position(lending, market, WETH)[1], debt - repaid)
    if debt < desk.taking:
        assert _position(lending, market, WETH)[1] == 0
    assert _near(desk.quote.balanceOf(desk.maker) - held, desk.taking - repaid)
    assert desk.quote.balanceOf(lending) == 0


def test_post_interaction__repay_without_debt__does_nothing(desk: RouterDesk, lending: Any) -> None:
    before = desk.holdings()
    desk.fill(desk.order(post=PostHook(action=PostAction.REPAY, required=True, market=LendingMarket.AAVE_V3)))
    assert moved(before, desk.holdings()) == [(-desk.making, desk.taking), (desk.making, -desk.taking)]


def test_post_interaction__market_refuses__required_reverts_and_best_effort_keeps_the_fill(
    desk: RouterDesk, lending: Any, owner: Any, deal: Callable[..., None]
) -> None:
    """WBTC has no Compound market here: the second of two steps fails, and the first is undone."""
    order: dict[str, Any] = {
        "taker_asset": int(WBTC.address, 16),
        "taking_amount": 10**6,
        "making_amount": 10**6,
    }
    deal(WBTC.address, desk.taker, 10**8)
    wbtc = ape.Contract(WBTC.address, abi=desk.quote.contract_type.abi)
    wbtc.approve(desk.router, 10**8, sender=desk.taker)
    required = desk.order(post=PostHook(action=PostAction.SUPPLY_COMPOUND, required=True), **order)
    assert desk.fill_refusal(required)[0] == "UnlistedMarket"
    post = PostHook(action=PostAction.SUPPLY_COMPOUND, gas_floor=GAS_FLOOR)
    receipt = desk.fill(desk.order(post=post, **order))
    (event,) = receipt.decode_logs(desk.hooks.DepositFailed)
    assert decode_error(event.reason)[0] == "UnlistedMarket"
    assert wbtc.balanceOf(desk.maker) == 10**6
    assert wbtc.balanceOf(lending) == 0
