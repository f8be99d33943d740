"""Aave V3: genuine token addresses, supply, borrow, repay, flash loan, liquidation."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pmm.errors import ChainError
from pmm.localnet.addresses import AAVE_ADDRESSES_PROVIDER, AAVE_POOL, USDC, WBTC, WETH, keyless_account
from pmm.localnet.feeds import read_answer, set_answer
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.aave import (
    ACL_MANAGER,
    FLASH_LOAN_PREMIUM_BPS,
    ORACLE,
    POOL_CONFIGURATOR,
    PROTOCOL_DATA_PROVIDER,
    VARIABLE_RATE,
)
from pmm.localnet.protocols.aave_reserves import RESERVES, Reserve
from tests.fork.protocols.fixture_types import BalanceOf, DeployBorrower, Hold

_SUPPLY = "supply(address,uint256,address,uint16)"
_BORROW = "borrow(address,uint256,uint256,uint16,address)"
_REPAY = "repay(address,uint256,uint256,address)"
_LIQUIDATE = "liquidationCall(address,address,address,uint256,bool)"
_BORROW_FLASH = "borrowFromAave(address,address,uint256)"
_COLLATERAL_WEI = 10 * 10**18
_COLLATERAL_CANNOT_COVER = b"36".hex()  # Aave V3.0's error codes are strings
_HEALTHY = b"45".hex()
_A_WETH, _A_USDC = RESERVES[0].a_token, RESERVES[2].a_token
_DEBT_USDC = RESERVES[2].variable_debt_token


@pytest.fixture
def collateral(chain: ChainBuilder, trader: str, hold: Hold) -> None:
    """The trader has supplied ten WETH."""
    hold(WETH, _COLLATERAL_WEI, spender=AAVE_POOL)
    chain.transact(AAVE_POOL, _SUPPLY, WETH, _COLLATERAL_WEI, trader, 0, sender=trader)


def _account(chain: ChainBuilder, trader: str) -> Sequence[int]:
    """Return collateral, debt, available (USD, 8 decimals), threshold and LTV (bps), health factor (wad)."""
    values: Sequence[int] = chain.read(
        AAVE_POOL, "getUserAccountData(address)", trader, returns=("uint256",) * 6
    )
    return values


def _borrow_usdc(chain: ChainBuilder, trader: str, amount: int) -> None:
    chain.transact(AAVE_POOL, _BORROW, USDC, amount, VARIABLE_RATE, 0, trader, sender=trader)


@pytest.mark.parametrize(
    ("getter", "address"),
    [
        ("getPool()", AAVE_POOL),
        ("getPoolConfigurator()", POOL_CONFIGURATOR),
        ("getACLManager()", ACL_MANAGER),
        ("getPriceOracle()", ORACLE),
        ("getPoolDataProvider()", PROTOCOL_DATA_PROVIDER),
    ],
)
def test_addresses_provider__getters__are_mainnets(chain: ChainBuilder, getter: str, address: str) -> None:
    assert chain.read(AAVE_ADDRESSES_PROVIDER, getter, returns=("address",)) == address.lower()


@pytest.mark.parametrize("reserve", RESERVES, ids=lambda r: r.symbol)
def test_reserve__tokens_and_parameters__are_mainnets(chain: ChainBuilder, reserve: Reserve) -> None:
    tokens = chain.read(
        PROTOCOL_DATA_PROVIDER,
        "getReserveTokensAddresses(address)",
        reserve.asset,
        returns=("address",) * 3,
    )
    assert (tokens[0], tokens[2]) == (reserve.a_token.lower(), reserve.variable_debt_token.lower())
    configuration = chain.read(
        PROTOCOL_DATA_PROVIDER,
        "getReserveConfigurationData(address)",
        reserve.asset,
        returns=("uint256",) * 5 + ("bool",) * 5,
    )
    assert configuration[:5] == (
        reserve.decimals,
        reserve.ltv_bps,
        reserve.liquidation_threshold_bps,
        reserve.liquidation_bonus_bps,
        reserve.reserve_factor_bps,
    )
    assert configuration[5:] == (
        True,
        True,
        False,
        True,
        False,
    )  # collateral, borrowing, stable, active, frozen


@pytest.mark.parametrize(("token", "asset"), [(WETH, "ETH"), (WBTC, "BTC"), (USDC, "USDC")])
def test_oracle__asset_price__is_the_feeds(chain: ChainBuilder, token: str, asset: str) -> None:
    assert chain.read(ORACLE, "getAssetPrice(address)", token) == read_answer(chain, asset)


@pytest.mark.usefixtures("collateral")
def test_borrow_and_repay__against_supplied_weth__moves_debt_and_balances(
    chain: ChainBuilder, trader: str, balance: BalanceOf, hold: Hold
) -> None:
    amount = 10_000 * 10**6
    _borrow_usdc(chain, trader, amount)
    assert balance(USDC, trader) == amount
    assert amount <= balance(_DEBT_USDC, trader) <= amount + 1
    assert _COLLATERAL_WEI - 1 <= balance(_A_WETH, trader) <= _COLLATERAL_WEI + 10**13
    assert _account(chain, trader)[5] > 10**18

    hold(USDC, 2 * amount, spender=AAVE_POOL)
    chain.transact(AAVE_POOL, _REPAY, USDC, 2**256 - 1, VARIABLE_RATE, trader, sender=trader)
    assert balance(_DEBT_USDC, trader) == 0
    assert _account(chain, trader)[1] == 0


@pytest.mark.usefixtures("collateral")
def test_borrow__above_the_loan_to_value__reverts(chain: ChainBuilder, trader: str) -> None:
    available_usd_e8 = _account(chain, trader)[2]
    too_much = available_usd_e8 * 10**6 // read_answer(chain, "USDC") * 101 // 100
    with pytest.raises(ChainError, match=_COLLATERAL_CANNOT_COVER):
        _borrow_usdc(chain, trader, too_much)


def test_flash_loan_simple__of_most_of_the_liquidity__costs_the_premium(
    chain: ChainBuilder, balance: BalanceOf, flash_borrower: DeployBorrower
) -> None:
    borrower = flash_borrower()
    amount = 100_000_000 * 10**6
    premium = amount * FLASH_LOAN_PREMIUM_BPS // 10_000
    deal(chain.rpc, USDC, borrower, premium)
    before = balance(USDC, _A_USDC)

    chain.transact(borrower, _BORROW_FLASH, AAVE_POOL, USDC, amount, sender=borrower)

    assert chain.read(borrower, "heldInside(address)", USDC) == amount + premium
    assert chain.read(borrower, "fee(address)", USDC) == premium
    assert chain.read(borrower, "initiator()", returns=("address",)) == borrower.lower()
    assert balance(USDC, borrower) == 0
    assert balance(USDC, _A_USDC) == before + premium


def test_flash_loan_simple__not_repaid__reverts(chain: ChainBuilder, flash_borrower: DeployBorrower) -> None:
    thief = flash_borrower(repays=False)
    with pytest.raises(ChainError, match="revert"):
        chain.transact(thief, _BORROW_FLASH, AAVE_POOL, WETH, 10**18, sender=thief)


@pytest.mark.usefixtures("collateral")
def test_liquidation__after_the_feed_fell__pays_the_bonus(
    chain: ChainBuilder, trader: str, balance: BalanceOf
) -> None:
    eth_usd_e8, usdc_usd_e8 = read_answer(chain, "ETH"), read_answer(chain, "USDC")
    _borrow_usdc(chain, trader, _COLLATERAL_WEI * eth_usd_e8 * 80 // (100 * usdc_usd_e8 * 10**12))
    liquidator, repaid = keyless_account("protocol test liquidator"), 5_000 * 10**6
    deal(chain.rpc, USDC, liquidator, repaid)
    chain.transact(USDC, "approve(address,uint256)", AAVE_POOL, repaid, sender=liquidator)
    arguments = (WETH, USDC, trader, repaid, False)
    with pytest.raises(ChainError, match=_HEALTHY):
        chain.transact(AAVE_POOL, _LIQUIDATE, *arguments, sender=liquidator)

    fallen_usd_e8 = eth_usd_e8 * 95 // 100
    set_answer(chain, "ETH", fallen_usd_e8)
    chain.transact(AAVE_POOL, _LIQUIDATE, *arguments, sender=liquidator)

    seized = repaid * usdc_usd_e8 * 10**12 * 105 // (fallen_usd_e8 * 100)
    assert balance(USDC, liquidator) == 0
    assert abs(balance(WETH, liquidator) - seized) <= 10**12
