"""The keeper on genuine Aave and Compound code: 35 % down in one block and in steps, and what happens without it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pmm.domain import USDC, WETH
from pmm.domain.chain_events import LendingMarket
from pmm.execution.lending import Borrow, Deleverage, Repay, Supply, Withdraw
from pmm.localnet.funding import balance_of, deal
from tests.fork.lending.conftest import ETH_USD
from tests.fork.lending.lending_site import AAVE, COMPOUND, Site

ETH, USD = 10**18, 10**6
_FALL = Decimal("0.65")
# Aave's own words for an account that is not in danger: HEALTH_FACTOR_NOT_BELOW_THRESHOLD.
_HEALTHY = "reverted: 45"


def leveraged(site: Site, *, buffer_bps: int = 6_000, market: LendingMarket = AAVE) -> None:
    """100 WETH of collateral, USDC owed."""
    site.open(market, collateral=WETH.address, supplied=100 * ETH, debt=USDC.address, buffer_bps=buffer_bps)


def test_reader__genuine_markets__is_what_aave_and_the_account_say(site: Site) -> None:
    leveraged(site)
    account = site.account(AAVE)
    weth = next(one for one in account.balances if one.token == WETH)
    assert (
        abs(account.weighted_usd_wad - weth.usd_wad_down(weth.supplied) * weth.weight_wad // 10**18) < 10**15
    )
    assert weth.usd_per_unit_e36 == 3_000 * 10**18
    assert abs((account.buffer_bps or 0) - site.buffer_bps()) <= 1
    assert abs(site.buffer_bps() - 6_000) <= 1


def test_fall_of_35_percent__in_one_block__working_buffer_survives_and_the_keeper_restores_it(
    site: Site,
) -> None:
    leveraged(site)
    site.move_eth(ETH_USD * _FALL)
    assert 300 <= site.buffer_bps() <= 500
    assert _HEALTHY in site.liquidation()
    step = site.keep()
    assert [type(command) for command in step.sent] == [Deleverage]
    assert site.buffer_bps() >= 5_900
    assert _HEALTHY in site.liquidation()


def test_fall_of_35_percent__in_one_block__below_the_working_buffer__is_liquidated(site: Site) -> None:
    """What the working buffer is for: 50 % are not enough, and nothing can act within a block."""
    leveraged(site, buffer_bps=5_000)
    site.move_eth(ETH_USD * _FALL)
    assert site.buffer_bps() < 0
    assert site.liquidation() == ""


def test_fall_in_steps__with_the_keeper__never_comes_near_liquidation(site: Site) -> None:
    leveraged(site)
    lowest, price = site.buffer_bps(), ETH_USD
    for _ in range(12):
        price = (price * Decimal("0.95")).quantize(Decimal("0.01"))
        site.move_eth(price)
        lowest = min(lowest, site.buffer_bps())
        site.keep()
        assert _HEALTHY in site.liquidation()
    # 12 steps of 5 %: 46 % in all. Forced de-leveraging would start at 10 %.
    assert price < ETH_USD * Decimal("0.55")
    assert lowest > 4_000
    assert site.buffer_bps() >= 5_000


def test_fall_in_steps__without_the_keeper__is_liquidated(site: Site) -> None:
    leveraged(site)
    price = ETH_USD
    for _ in range(12):
        price = (price * Decimal("0.95")).quantize(Decimal("0.01"))
        site.move_eth(price)
    assert site.buffer_bps() < 0
    assert site.liquidation() == ""


def test_fall__stock_of_the_debts_asset__repays_instead_of_selling(site: Site) -> None:
    leveraged(site)
    site.move_eth(ETH_USD * Decimal("0.8"))
    site.spend(USDC.address, 100_000 * USD)
    step = site.keep()
    assert [type(command) for command in step.sent] == [Repay]
    assert step.sent[0].urgent
    assert balance_of(site.chain.rpc, USDC.address, site.plan.account) == 0
    assert site.buffer_bps() > 6_000


def test_fall__stock_of_collateral__is_supplied(site: Site) -> None:
    leveraged(site)
    site.move_eth(ETH_USD * Decimal("0.8"))
    site.spend(WETH.address, 100 * ETH)
    step = site.keep()
    assert [type(command) for command in step.sent] == [Supply]
    assert abs(site.buffer_bps() - 6_000) <= 2


def test_lender_without_depth__cannot_sell_collateral__stock_saves_and_without_it_it_is_said(
    site: Site,
) -> None:
    leveraged(site)
    site.move_eth(ETH_USD * _FALL)
    deal(site.chain.rpc, WETH.address, site.plan.a_tokens[WETH.address], ETH)
    step = site.keep(expect=0)
    (shortfall,) = step.decision.shortfalls
    assert shortfall.key == (site.plan.account, AAVE)
    site.spend(USDC.address, 200_000 * USD)
    step = site.keep()
    assert [type(command) for command in step.sent] == [Repay]
    assert step.decision.shortfalls == ()
    assert _HEALTHY in site.liquidation()


def test_gas_spike__repayment_that_can_wait_waits__danger_does_not(site: Site) -> None:
    leveraged(site)
    site.spend(USDC.address, 20_000 * USD)
    rpc = site.chain.rpc
    # 400,000 gas at 2,000 gwei are 2,400 USD.
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(2_000 * 10**9))
    rpc.call("evm_mine")
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(1_600 * 10**9))
    site.sender.step()
    site.keep(expect=0)
    site.move_eth(ETH_USD * Decimal("0.8"))
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(1_500 * 10**9))
    rpc.call("evm_mine")
    rpc.call("anvil_setNextBlockBaseFeePerGas", hex(1_500 * 10**9))
    site.sender.step()
    step = site.keeper.step()
    assert step.sent
    assert all(command.urgent for command in step.sent)
    assert step.refused == ()


def test_inventory_comes_back__is_repaid_promptly_and_spare_collateral_returns(site: Site) -> None:
    leveraged(site)
    site.spend(USDC.address, 60_000 * USD)
    step = site.keep()
    assert [type(command) for command in step.sent] == [Repay]
    before = balance_of(site.chain.rpc, WETH.address, site.settlement)
    step = site.keep()
    assert [type(command) for command in step.sent] == [Withdraw]
    assert balance_of(site.chain.rpc, WETH.address, site.settlement) - before == step.sent[0].amount
    assert abs(site.buffer_bps() - 6_000) <= 2
    assert site.keep().sent == ()


def test_crash__between_move_and_repayment__what_lies_there_repays_after_the_start(site: Site) -> None:
    leveraged(site)
    site.spend(USDC.address, 30_000 * USD)
    site.operate(site.settlement, "moveToLending(address,uint256)", USDC.address, 30_000 * USD)
    site.spare.clear()
    (repay,) = site.keep().sent
    assert isinstance(repay, Repay)
    assert (repay.amount, repay.moved) == (30_000 * USD, 0)
    assert balance_of(site.chain.rpc, USDC.address, site.plan.account) == 0


def test_everything_repaid__leaves_no_debt(site: Site) -> None:
    leveraged(site)
    site.spend(USDC.address, 400_000 * USD)
    site.keep()
    owed = site.chain.read(
        site.plan.account, "position(uint256,address)", 1, USDC.address, returns=("uint256",) * 2
    )
    assert owed[1] == 0


@pytest.mark.parametrize("market", [AAVE, COMPOUND])
def test_rise__short_of_eth__is_bought_back_out_of_collateral(site: Site, market: LendingMarket) -> None:
    site.open(market, collateral=USDC.address, supplied=300_000 * USD, debt=WETH.address, buffer_bps=6_000)
    site.move_eth(ETH_USD * Decimal("1.4"))
    assert 0 < site.buffer_bps(market) < 2_000
    step = site.keep()
    assert [(type(command), command.market) for command in step.sent] == [(Deleverage, market)]
    assert site.buffer_bps(market) >= 5_900


def test_two_accounts__stock_for_one__helps_the_worse(site: Site) -> None:
    leveraged(site, buffer_bps=6_000)
    leveraged(site, buffer_bps=5_700, market=COMPOUND)
    site.move_eth(ETH_USD * Decimal("0.85"))
    site.spend(USDC.address, 20_000 * USD)
    first = site.keeper.step().sent[0]
    assert isinstance(first, Repay)
    assert first.market is COMPOUND


def test_provide__inventory_lacks_weth__withdraws_then_borrows_within_the_working_buffer(site: Site) -> None:
    site.open(AAVE, collateral=USDC.address, supplied=300_000 * USD, debt=WETH.address, buffer_bps=30_000)
    before = balance_of(site.chain.rpc, WETH.address, site.settlement)
    step = site.keeper.provide(WETH.address, 20 * ETH)
    site.settle()
    assert step.refused == ()
    assert {type(command) for command in step.sent} == {Borrow}
    assert balance_of(site.chain.rpc, WETH.address, site.settlement) - before == 20 * ETH
    step = site.keeper.provide(WETH.address, 10_000 * ETH)
    site.settle()
    assert step.refused == ()
    # Interest of the blocks since.
    assert site.buffer_bps() >= 5_999
