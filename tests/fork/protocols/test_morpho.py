"""Morpho Blue: flash loans of the whole balance, and borrowing at the feeds' prices."""

from __future__ import annotations

import pytest

from pmm.errors import ChainError
from pmm.localnet.addresses import MORPHO, USDC, WBTC, WETH
from pmm.localnet.feeds import read_answer, set_answer
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.protocols.morpho import LLTV_WAD, MARKET_PARAMS, MARKETS, WETH_USDC_MARKET
from tests.fork.protocols.fixture_types import BalanceOf, DeployBorrower, Hold

_BORROW_FLASH = "borrowFromMorpho(address,address,uint256)"
_SUPPLY_COLLATERAL = f"supplyCollateral({MARKET_PARAMS},uint256,address,bytes)"
_BORROW = f"borrow({MARKET_PARAMS},uint256,uint256,address,address)"
_REPAY = f"repay({MARKET_PARAMS},uint256,uint256,address,bytes)"
_LIQUIDATE = f"liquidate({MARKET_PARAMS},address,uint256,uint256,bytes)"
_INSUFFICIENT_COLLATERAL = b"insufficient collateral".hex()
_COLLATERAL_WEI = 10 * 10**18


@pytest.fixture
def collateral(chain: ChainBuilder, trader: str, hold: Hold) -> None:
    """The trader has ten WETH of collateral in the WETH/USDC market."""
    hold(WETH, _COLLATERAL_WEI, spender=MORPHO)
    chain.transact(MORPHO, _SUPPLY_COLLATERAL, WETH_USDC_MARKET, _COLLATERAL_WEI, trader, b"", sender=trader)


def _borrow(chain: ChainBuilder, trader: str, amount: int) -> None:
    chain.transact(MORPHO, _BORROW, WETH_USDC_MARKET, amount, 0, trader, trader, sender=trader)


def _oracle_price(chain: ChainBuilder, market: str = "WETH/USDC") -> int:
    return int(chain.read(MARKETS[market].oracle, "price()"))


def _limit_usdc(chain: ChainBuilder) -> int:
    """Return the most that may be borrowed on the collateral, in base units; debt rounds up by one."""
    return _COLLATERAL_WEI * _oracle_price(chain) // 10**36 * LLTV_WAD // 10**18 - 1


@pytest.mark.parametrize(
    ("token", "at_least"), [(WETH, 5_000 * 10**18), (USDC, 50_000_000 * 10**6), (WBTC, 1_000 * 10**8)]
)
def test_flash_loan__of_the_whole_balance__is_free_and_repaid(
    chain: ChainBuilder, balance: BalanceOf, flash_borrower: DeployBorrower, token: str, at_least: int
) -> None:
    borrower = flash_borrower()
    whole = balance(token, MORPHO)

    chain.transact(borrower, _BORROW_FLASH, MORPHO, token, whole, sender=borrower)

    assert whole >= at_least
    assert chain.read(borrower, "heldInside(address)", token) == whole
    assert chain.read(borrower, "lender()", returns=("address",)) == MORPHO.lower()
    assert balance(token, MORPHO) == whole


def test_flash_loan__not_repaid__reverts(chain: ChainBuilder, flash_borrower: DeployBorrower) -> None:
    thief = flash_borrower(repays=False)
    with pytest.raises(ChainError, match="revert"):
        chain.transact(thief, _BORROW_FLASH, MORPHO, USDC, 10**6, sender=thief)


def test_oracles__price__is_the_feeds_quotient(chain: ChainBuilder) -> None:
    eth, usdc, btc = (read_answer(chain, asset) for asset in ("ETH", "USDC", "BTC"))
    assert _oracle_price(chain, "WETH/USDC") == eth * 10**24 // usdc
    assert _oracle_price(chain, "USDC/WETH") == usdc * 10**48 // eth
    assert _oracle_price(chain, "WBTC/USDC") == btc * 10**34 // usdc


@pytest.mark.usefixtures("collateral")
def test_borrow__up_to_the_limit__pays_out_and_can_be_repaid(
    chain: ChainBuilder, trader: str, balance: BalanceOf, hold: Hold
) -> None:
    limit = _limit_usdc(chain)
    _borrow(chain, trader, limit)
    assert balance(USDC, trader) == limit

    hold(USDC, limit, spender=MORPHO)
    chain.transact(MORPHO, _REPAY, WETH_USDC_MARKET, limit // 2, 0, trader, b"", sender=trader)
    assert balance(USDC, trader) == limit - limit // 2


@pytest.mark.usefixtures("collateral")
def test_borrow__above_the_limit__reverts(chain: ChainBuilder, trader: str) -> None:
    limit = _limit_usdc(chain)
    with pytest.raises(ChainError, match=_INSUFFICIENT_COLLATERAL):
        _borrow(chain, trader, limit + 10**6)


@pytest.mark.usefixtures("collateral")
def test_liquidate__after_the_feed_fell__seizes_collateral(
    chain: ChainBuilder, trader: str, hold: Hold, balance: BalanceOf
) -> None:
    # Below the limit: interest until the next block, however late it comes, takes nothing off its health.
    _borrow(chain, trader, _limit_usdc(chain) * 99 // 100)
    hold(USDC, 10_000 * 10**6, spender=MORPHO)
    with pytest.raises(ChainError, match=b"position is healthy".hex()):
        chain.transact(MORPHO, _LIQUIDATE, WETH_USDC_MARKET, trader, 10**18, 0, b"", sender=trader)

    set_answer(chain, "ETH", read_answer(chain, "ETH") * 9 // 10)

    chain.transact(MORPHO, _LIQUIDATE, WETH_USDC_MARKET, trader, 10**18, 0, b"", sender=trader)
    assert balance(WETH, trader) == 10**18
