"""Compound V2: minting, borrowing against collateral at the feeds' prices."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pmm.localnet.addresses import COMPOUND_CETH, COMPOUND_COMPTROLLER, COMPOUND_CUSDC, USDC
from pmm.localnet.feeds import read_answer, set_answer
from pmm.localnet.funding import NATIVE
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.compound import ORACLE
from tests.fork.protocols.fixture_types import BalanceOf, Hold

_TEN_ETH_WEI = 10 * 10**18
_CETH_FACTOR_BPS = 8250


@pytest.fixture
def collateral(chain: ChainBuilder, trader: str) -> None:
    """The trader has ten ETH in cETH and uses them as collateral."""
    chain.transact(COMPOUND_CETH, "mint()", sender=trader, value=_TEN_ETH_WEI)
    chain.transact(COMPOUND_COMPTROLLER, "enterMarkets(address[])", [COMPOUND_CETH], sender=trader)


def _liquidity(chain: ChainBuilder, trader: str) -> Sequence[int]:
    """Return (error, liquidity, shortfall), the latter two in USD with 18 decimals."""
    values: Sequence[int] = chain.read(
        COMPOUND_COMPTROLLER, "getAccountLiquidity(address)", trader, returns=("uint256",) * 3
    )
    return values


def test_oracle__underlying_price__is_the_feeds(chain: ChainBuilder) -> None:
    eth, usdc = read_answer(chain, "ETH"), read_answer(chain, "USDC")
    assert chain.read(ORACLE, "getUnderlyingPrice(address)", COMPOUND_CETH) == eth * 10**10
    assert chain.read(ORACLE, "getUnderlyingPrice(address)", COMPOUND_CUSDC) == usdc * 10**22
    assert chain.read(ORACLE, "getUnderlyingPrice(address)", USDC) == 0


@pytest.mark.usefixtures("collateral")
def test_mint__of_ether__gives_liquidity_at_the_collateral_factor(chain: ChainBuilder, trader: str) -> None:
    assert chain.read(COMPOUND_CETH, "balanceOf(address)", trader) > 0
    error, liquidity_wad, shortfall_wad = _liquidity(chain, trader)
    expected_wad = 10 * read_answer(chain, "ETH") * 10**10 * _CETH_FACTOR_BPS // 10_000
    assert (error, shortfall_wad) == (0, 0)
    assert expected_wad * 999_999 // 1_000_000 <= liquidity_wad <= expected_wad


@pytest.mark.usefixtures("collateral")
def test_borrow__within_the_limit__pays_out_and_can_be_repaid(
    chain: ChainBuilder, trader: str, balance: BalanceOf, hold: Hold
) -> None:
    amount = 10_000 * 10**6
    chain.transact(COMPOUND_CUSDC, "borrow(uint256)", amount, sender=trader)
    assert balance(USDC, trader) == amount

    hold(USDC, 2 * amount, spender=COMPOUND_CUSDC)
    chain.transact(COMPOUND_CUSDC, "repayBorrow(uint256)", 2**256 - 1, sender=trader)
    assert chain.read(COMPOUND_CUSDC, "borrowBalanceStored(address)", trader) == 0
    assert amount <= 2 * amount - balance(USDC, trader) <= amount + 10**6


@pytest.mark.usefixtures("collateral")
def test_borrow__above_the_limit__is_refused_without_revert(
    chain: ChainBuilder, trader: str, balance: BalanceOf
) -> None:
    # Compound reports this by a Failure event; the transaction succeeds.
    chain.transact(COMPOUND_CUSDC, "borrow(uint256)", 100_000 * 10**6, sender=trader)
    assert balance(USDC, trader) == 0
    assert chain.read(COMPOUND_CUSDC, "borrowBalanceStored(address)", trader) == 0


@pytest.mark.usefixtures("collateral")
def test_feed__falls_below_the_debt__leaves_a_shortfall(chain: ChainBuilder, trader: str) -> None:
    chain.transact(COMPOUND_CUSDC, "borrow(uint256)", 10_000 * 10**6, sender=trader)
    assert _liquidity(chain, trader)[2] == 0
    set_answer(chain, "ETH", read_answer(chain, "ETH") // 4)
    assert _liquidity(chain, trader)[2] > 0


def test_redeem__of_what_was_minted__gives_the_ether_back(
    chain: ChainBuilder, trader: str, balance: BalanceOf
) -> None:
    chain.transact(COMPOUND_CETH, "mint()", sender=trader, value=_TEN_ETH_WEI)
    before = balance(NATIVE, trader)
    minted = chain.read(COMPOUND_CETH, "balanceOf(address)", trader)
    chain.transact(COMPOUND_CETH, "redeem(uint256)", minted, sender=trader)
    gained_wei = balance(NATIVE, trader) - before
    assert _TEN_ETH_WEI * 99 // 100 < gained_wei <= _TEN_ETH_WEI * 101 // 100
