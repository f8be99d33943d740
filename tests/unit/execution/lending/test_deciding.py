"""What the keeper decides, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pmm.domain import DAI, USDC, WETH
from pmm.domain.chain_events import LendingMarket
from pmm.errors import InvalidInput
from pmm.execution.lending import (
    AccountState,
    Borrow,
    Deleverage,
    KeeperPolicy,
    KeeperState,
    Repay,
    Supply,
    SwapRoute,
    Withdraw,
    decide,
    needed_swaps,
    provide,
)
from pmm.execution.lending.books import AccountBook
from tests.unit.execution.lending.lending_model import ACCOUNT, Chain, account, balance

ETH, USD = 10**18, 10**6
_POLICY = KeeperPolicy()
AAVE, COMPOUND = LendingMarket.AAVE_V3, LendingMarket.COMPOUND_V2


def leveraged(buffer_bps: int, *, market: LendingMarket = AAVE, liquidity: int = 10**30) -> AccountState:
    """100,000 USDC owed on as much WETH at 2,000 USD as gives the buffer."""
    weth = 100_000 * (10_000 + buffer_bps) * ETH // (10_000 * 1_600)
    return account(
        balance(WETH, usd=2_000, supplied=weth, liquidity=liquidity),
        balance(USDC, usd=1, owed=100_000 * USD),
        market=market,
    )


def state(*accounts: AccountState, **fields: object) -> KeeperState:
    return KeeperState(block=1, accounts=accounts, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("buffer", [5_600, 6_000, 8_000])
def test_decide__buffer_in_the_band__does_nothing(buffer: int) -> None:
    found = decide(state(leveraged(buffer)), _POLICY)
    assert (found.commands, found.shortfalls) == ((), ())


def test_decide__below_the_line__repays_first_and_supplies_the_rest_up_to_the_working_buffer() -> None:
    # Missing: 160,000 - 140,000 of weighted collateral. 5,000 USDC repay 8,000 of it, WETH at 0.8 carries the rest.
    start = state(leveraged(4_000), stock={USDC.address: 5_000 * USD, WETH.address: 100 * ETH})
    repay, supply = decide(start, _POLICY).commands
    assert isinstance(repay, Repay)
    assert isinstance(supply, Supply)
    assert (repay.amount, repay.moved, repay.urgent) == (5_000 * USD, 5_000 * USD, True)
    assert abs(supply.amount - 12_000 * ETH // 1_600) <= 2
    chain = Chain(start)
    for command in (repay, supply):
        chain.run(command)
    health = chain.health((ACCOUNT, AAVE))
    assert health is not None
    assert float(health) == pytest.approx(1.6)


def test_decide__funds_lie_in_the_account__are_used_before_the_stock() -> None:
    start = state(
        leveraged(4_000),
        stock={USDC.address: 50_000 * USD},
        idle={(ACCOUNT, USDC.address): 2_000 * USD},
    )
    (repay,) = decide(start, _POLICY).commands
    assert isinstance(repay, Repay)
    assert repay.amount - repay.moved == 2_000 * USD


def test_decide__no_stock_and_below_the_line__sells_collateral_up_to_the_working_buffer() -> None:
    route = SwapRoute(fee_pips=500, most_bought=10**12, cost_bps=50)
    start = state(leveraged(400), swaps={(WETH.address, USDC.address): route})
    (sale,) = decide(start, _POLICY).commands
    assert isinstance(sale, Deleverage)
    assert (sale.token, sale.collateral, sale.fee_pips) == (USDC.address, WETH.address, 500)
    chain = Chain(start)
    chain.run(sale)
    health = chain.health((ACCOUNT, AAVE))
    assert health is not None
    assert 1.6 <= float(health) < 1.6001


def test_decide__sale_that_stays_below_the_floor__is_left_out_and_said() -> None:
    route = SwapRoute(fee_pips=500, most_bought=1_000 * USD, cost_bps=50)
    start = state(leveraged(400), swaps={(WETH.address, USDC.address): route})
    found = decide(start, _POLICY)
    assert found.commands == ()
    (shortfall,) = found.shortfalls
    assert (shortfall.key, shortfall.buffer_bps) == ((ACCOUNT, AAVE), 400)
    assert "add collateral, or repay by hand" in shortfall.detail


def test_decide__lender_cannot_pay_the_collateral_out__sells_only_what_it_can() -> None:
    route = SwapRoute(fee_pips=500, most_bought=10**12, cost_bps=50)
    swaps = {(WETH.address, USDC.address): route}
    found = decide(state(leveraged(400, liquidity=20 * ETH), swaps=swaps), _POLICY)
    (sale,) = found.commands
    assert isinstance(sale, Deleverage)
    assert sale.most_sold <= 20 * ETH
    assert found.shortfalls
    # An empty lender: nothing can be sold, stock is all there is.
    empty = state(leveraged(400, liquidity=0), swaps=swaps, stock={WETH.address: 100 * ETH})
    (supply,) = decide(empty, _POLICY).commands
    assert isinstance(supply, Supply)
    assert decide(state(leveraged(400, liquidity=0), swaps=swaps), _POLICY).commands == ()


def test_decide__two_accounts_and_stock_for_one__helps_the_worse_one() -> None:
    start = state(leveraged(3_000), leveraged(1_000, market=COMPOUND), stock={USDC.address: 20_000 * USD})
    commands = decide(start, _POLICY).commands
    assert [command.market for command in commands] == [COMPOUND]


def test_decide__debts_asset_in_the_inventory__is_repaid_though_the_account_is_well() -> None:
    start = state(leveraged(7_000), stock={USDC.address: 30_000 * USD})
    (repay,) = decide(start, _POLICY).commands
    assert isinstance(repay, Repay)
    assert (repay.amount, repay.urgent) == (30_000 * USD, False)


def test_decide__everything_can_be_repaid__is_with_interest_until_the_block() -> None:
    (repay,) = decide(state(leveraged(7_000), stock={USDC.address: 10**12}), _POLICY).commands
    assert 100_000 * USD < repay.amount <= 100_011 * USD


@pytest.mark.parametrize(
    ("owed", "stock", "repaid"),
    [
        # Just short, also by the interest until the block: what stays is worth a transaction.
        (100_000 * USD, 99_990 * USD, 99_950 * USD),
        (100_000 * USD, 100_000 * USD, 99_950 * USD),
        (100_000 * USD, 100_010 * USD, 100_010 * USD),
        (100_000 * USD, 99_950 * USD, 99_950 * USD),
        # Neither part would be worth one: it waits for the rest.
        (80 * USD, 60 * USD, 0),
        (100 * USD, 99 * USD, 50 * USD),
    ],
)
def test_decide__stock_is_just_short__leaves_no_debt_too_small_to_repay(
    owed: int, stock: int, repaid: int
) -> None:
    start = state(
        account(balance(WETH, usd=2_000, supplied=106 * ETH), balance(USDC, usd=1, owed=owed)),
        stock={USDC.address: stock},
    )
    found = [one.amount for one in decide(start, _POLICY).commands if isinstance(one, Repay)]
    assert found == ([repaid] if repaid else [])


def test_decide__restoring_takes_all_but_dust__takes_the_dust_too() -> None:
    """15 dollars would stay of the dearer debt once the account is at its working buffer."""
    weth = 100_000 * 16 * ETH // (10 * 1_600)
    start = state(
        account(
            balance(WETH, usd=2_000, supplied=weth),
            balance(USDC, usd=1, owed=10_015 * USD, rate_bps=900),
            balance(DAI, usd=1, owed=99_985 * ETH),
        ),
        stock={USDC.address: 20_000 * USD},
    )
    assert start.accounts[0].buffer_bps is not None
    assert _POLICY.deleverage_below_bps > start.accounts[0].buffer_bps
    repays = [one for one in decide(start, _POLICY).commands if isinstance(one, Repay)]
    assert [one.urgent for one in repays] == [True]
    assert 10_015 * USD <= repays[0].amount <= 10_017 * USD


def test_decide__danger__repays_what_there_is_whatever_it_leaves() -> None:
    start = state(
        account(balance(WETH, usd=2_000, supplied=ETH // 100), balance(USDC, usd=1, owed=100_000 * USD)),
        stock={USDC.address: 99_990 * USD},
    )
    repays = [one for one in decide(start, _POLICY).commands if isinstance(one, Repay)]
    assert [(one.amount, one.urgent) for one in repays] == [(99_990 * USD, True)]


def test_book__repayment_with_interest__takes_nothing_off_another_debt() -> None:
    book = AccountBook(account(balance(USDC, usd=1, owed=100 * USD), balance(DAI, usd=1, owed=7 * ETH)))
    book.repay(book.balances[USDC.address], 101 * USD)
    assert book.debt_usd_wad == 7 * 10**18


def test_decide__gas_spike__waits_unless_the_line_is_crossed() -> None:
    # 400,000 gas at a thousandth of a dollar are 400 USD: 50 bps of 80,000.
    gas = 10**15
    stock = {USDC.address: 20_000 * USD}
    assert decide(state(leveraged(7_000), stock=stock, gas_usd_wad=gas), _POLICY).commands == ()
    assert decide(state(leveraged(5_500), stock=stock, gas_usd_wad=gas), _POLICY).commands == ()
    assert decide(state(leveraged(4_900), stock=stock, gas_usd_wad=gas), _POLICY).commands[0].urgent
    assert decide(state(leveraged(5_500), stock=stock), _POLICY).commands


def test_decide__surplus_collateral__comes_back_down_to_the_working_buffer() -> None:
    start = state(leveraged(10_000))
    (withdraw,) = decide(start, _POLICY).commands
    assert isinstance(withdraw, Withdraw)
    chain = Chain(start)
    chain.run(withdraw)
    health = chain.health((ACCOUNT, AAVE))
    assert health is not None
    assert float(health) == pytest.approx(1.6)
    # As far as the lender can pay.
    (less,) = decide(state(leveraged(10_000, liquidity=ETH)), _POLICY).commands
    assert less.amount == ETH


def test_decide__account_under_way__is_left_alone() -> None:
    start = state(leveraged(1_000), stock={USDC.address: 10**12})
    assert decide(start, _POLICY, busy=frozenset({(ACCOUNT, AAVE)})).commands == ()


def test_needed_swaps__only_for_accounts_below_the_line() -> None:
    assert needed_swaps(state(leveraged(5_000)), _POLICY) == ()
    ((collateral, debt),) = needed_swaps(state(leveraged(4_999)), _POLICY)
    assert (collateral.token, debt.token) == (WETH, USDC)


def test_provide__withdraws_what_is_spare_then_borrows_where_it_is_cheapest() -> None:
    rich = account(balance(USDC, usd=1, supplied=300_000 * USD, liquidity=40_000 * USD, rate_bps=500))
    other = account(
        balance(WETH, usd=2_000, supplied=200 * ETH),
        balance(USDC, usd=1, rate_bps=400),
        market=COMPOUND,
        cap_usd=90_000,
    )
    commands, missing = provide(state(rich, other), _POLICY, USDC.address, 200_000 * USD)
    assert [(type(one), one.market) for one in commands] == [(Withdraw, AAVE), (Borrow, COMPOUND)]
    assert commands[0].amount == 40_000 * USD
    assert 90_000 * USD - 10 <= commands[1].amount <= 90_000 * USD
    assert missing == 200_000 * USD - sum(one.amount for one in commands)


def test_provide__paused_borrowing__withdraws_only() -> None:
    paused = replace(account(balance(USDC, usd=1, supplied=10 * USD)), borrow_power_usd_wad=0)
    commands, missing = provide(state(paused), _POLICY, USDC.address, 15 * USD)
    assert [type(one) for one in commands] == [Withdraw]
    assert missing == 5 * USD


@pytest.mark.parametrize(
    "lines",
    [
        {"deleverage_below_bps": 1_000},
        {"working_buffer_bps": 5_500},
        {"surplus_above_bps": 5_999},
        {"rebalance_below_bps": 4_999},
    ],
)
def test_policy__lines_out_of_order__are_refused(lines: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="keeper: expected"):
        KeeperPolicy(**lines)
