"""Tokens that return nothing, refuse, take a cut or call out, in pools of the genuine factory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ape
import pytest

from pmm.chain.addresses import BALANCER_V2_VAULT, MORPHO_BLUE
from pmm.domain import USDT, WETH, FundingPlan, FundingSource
from tests.contracts.hedger.funded_fills import (
    LOANS,
    ONE_WETH,
    SOURCES,
    FundedFill,
    SettlementTrick,
    TokenTrick,
    external,
    swap_data,
)

POOL_FEE_PIPS = 3_000
WITHOUT_AAVE = SOURCES[:3]  # the offline mainnet has no USDT reserve there
UNISWAP_V3_POSITION_MANAGER = "0xC36442b4a4522E871399CD717aBDD847Ab11FE88"


@pytest.mark.parametrize("source", WITHOUT_AAVE)
def test_fund_fill__maker_asset_returns_nothing__fills(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    describe_fill: Any,
    deal: Any,
    taker: Any,
    balance_of: Any,
    tokens: Any,
) -> None:
    deal(WETH.address, taker, 10 * ONE_WETH)
    tokens[WETH.address].approve(mock_settlement, 2**255, sender=taker)
    for lender in (MORPHO_BLUE, BALANCER_V2_VAULT):
        deal(USDT.address, lender, 10_000 * 10**6)
    fill = describe_fill(source, USDT.address, WETH.address, 2_000 * 10**6, profit=10**15, min_profit=10**15)
    before = balance_of(USDT.address, taker)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(USDT.address, taker) - before == fill.making_amount
    assert balance_of(USDT.address, probed) == 0
    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__taker_asset_returns_nothing__fills(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    describe_fill: Any,
    deal: Any,
    taker: Any,
    balance_of: Any,
) -> None:
    deal(USDT.address, taker, 100_000 * 10**6)
    external("ERC20", USDT.address).approve(mock_settlement, 2**255, sender=taker)
    fill = describe_fill(source, WETH.address, USDT.address, ONE_WETH, profit=10**6, min_profit=10**6)
    before = balance_of(USDT.address, mock_settlement)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(USDT.address, mock_settlement) - before == fill.profit
    assert balance_of(USDT.address, probed) == 0


@pytest.fixture
def trick_market(
    trick_token: Any, owner: Any, taker: Any, deal: Any, tokens: Any, mock_settlement: Any, mock_lender: Any
) -> str:
    """A pool of the trick token and WETH, one to one, 100 of each within 5 %; a taker who can pay in both."""
    manager = external("UniswapV3PositionManager", UNISWAP_V3_POSITION_MANAGER)
    for account in (owner, taker, mock_lender):
        trick_token.mint(account, 1_000 * ONE_WETH, sender=owner)
    deal(WETH.address, owner, 1_000 * ONE_WETH)
    deal(WETH.address, taker, 1_000 * ONE_WETH)
    deal(WETH.address, mock_lender, 1_000 * ONE_WETH)
    for token in (trick_token, tokens[WETH.address]):
        token.approve(manager, 2**255, sender=owner)
        token.approve(mock_settlement, 2**255, sender=taker)
    pair = sorted((trick_token.address, WETH.address), key=lambda address: int(address, 16))
    created = manager.createAndInitializePoolIfNecessary(*pair, POOL_FEE_PIPS, 2**96, sender=owner)
    amounts = (100 * ONE_WETH, 100 * ONE_WETH, 0, 0)
    manager.mint((*pair, POOL_FEE_PIPS, -480, 480, *amounts, owner, 2**40), sender=owner)
    return str(created.return_value)


def trick_fill(
    taker: Any, maker_asset: Any, taker_asset: Any, source: FundingSource, **changes: Any
) -> FundedFill:
    """Describe a fill in the pool of ``trick_market`` that leaves far more than it asks for."""
    plan = FundingPlan(source=source, swap_fee_pips=POOL_FEE_PIPS, min_profit=1)
    fill = FundedFill(
        taker=taker.address,
        receiver=taker.address,
        maker_asset=str(maker_asset),
        taker_asset=str(taker_asset),
        making_amount=ONE_WETH,
        taking_amount=2 * ONE_WETH,
        plan=plan.encode(),
        cost=0,
    )
    return replace(fill, **changes)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sold", [True, False])
def test_fund_fill__trick_token_behaves__fills(
    source: FundingSource,
    sold: bool,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
) -> None:
    sells, buys = (trick_token, WETH.address) if sold else (WETH.address, trick_token)
    fill = trick_fill(taker, sells, buys, source)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() > ONE_WETH // 2
    assert trick_token.balanceOf(misled) == 0


def test_fund_fill__pool_runs_dry__reverts(
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    wanted = 150 * ONE_WETH
    fill = trick_fill(
        taker,
        trick_token,
        WETH.address,
        FundingSource.UNISWAP_V3_SWAP,
        making_amount=wanted,
        taking_amount=900 * ONE_WETH,
    )

    name, pool, asked, received = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert (name, pool, asked) == ("PoolTooShallow", trick_market.lower(), wanted)
    assert 99 * ONE_WETH < received < 101 * ONE_WETH


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__maker_asset_refuses_the_transfer__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    trick_token.setTrick(TokenTrick.REFUSE_TRANSFER, trick_token, b"", sender=taker)
    fill = trick_fill(taker, trick_token, WETH.address, source)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("TransferRefused", trick_token.address.lower(), taker.address.lower(), ONE_WETH)


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__taker_asset_refuses_the_transfer__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    trick_token.setTrick(TokenTrick.REFUSE_TRANSFER, trick_token, b"", sender=taker)
    fill = trick_fill(taker, WETH.address, trick_token, source)

    name, token, payee, _ = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert (name, token, payee) == ("TransferRefused", trick_token.address.lower(), trick_market.lower())


@pytest.mark.parametrize("source", [FundingSource.MORPHO_BLUE_LOAN, FundingSource.AAVE_V3_LOAN])
def test_fund_fill__maker_asset_refuses_the_approval__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    trick_token.setTrick(TokenTrick.REFUSE_APPROVAL, trick_token, b"", sender=taker)
    fill = trick_fill(taker, trick_token, WETH.address, source)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    lender = mock_lender.address.lower()
    assert refusal == ("ApprovalRefused", trick_token.address.lower(), lender, ONE_WETH + 1)


def test_fund_fill__taker_asset_burns_a_unit_on_the_way__reverts(
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    fill = trick_fill(taker, WETH.address, trick_token, FundingSource.UNISWAP_V3_SWAP)
    snapshot = ape.chain.snapshot()
    mock_settlement.fund(fill.arguments(), sender=taker)
    profit = mock_settlement.profit()
    ape.chain.restore(snapshot)
    asked = replace(fill, plan=fill.plan & ~(2**128 - 1) | profit)
    trick_token.setTrick(TokenTrick.BURN_ONE_UNIT_ON_TRANSFER_FROM, trick_token, b"", sender=taker)

    refusal = refusal_of(mock_settlement.fund, asked.arguments(), sender=taker)

    assert refusal == ("FundsMissing", trick_token.address.lower(), profit, profit - 1)


@pytest.mark.parametrize("call", ["uniswapV3SwapCallback", "sweep", "fundFill"])
def test_fund_fill__maker_asset_calls_the_hedger_while_the_pool_pays_out__refuses_the_call_and_fills(
    call: str,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
) -> None:
    fill = trick_fill(taker, trick_token, WETH.address, FundingSource.UNISWAP_V3_SWAP)
    arguments = {
        "uniswapV3SwapCallback": (fill.taking_amount, -ONE_WETH, swap_data(fill)),
        "sweep": (WETH.address,),
        "fundFill": fill.arguments(),
    }[call]
    data = getattr(misled, call).encode_input(*arguments)
    trick_token.setTrick(TokenTrick.CALL_ON_TRANSFER, misled, data, sender=taker)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert trick_token.called()
    assert not trick_token.succeeded()
    assert mock_settlement.profit() > ONE_WETH // 2


@pytest.mark.parametrize("enough", [True, False])
def test_fund_fill__donation_while_collecting__never_lifts_the_fill_to_its_minimum(
    enough: bool,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    fill = trick_fill(taker, WETH.address, trick_token, FundingSource.UNISWAP_V3_SWAP)
    gift = trick_token.mint.encode_input(misled, 2 * ONE_WETH)
    mock_settlement.setTrick(SettlementTrick.CALL_DURING_COLLECT, trick_token, gift, sender=taker)
    if enough:
        mock_settlement.fund(fill.arguments(), sender=taker)

        assert trick_token.balanceOf(mock_settlement) == mock_settlement.profit()
        assert trick_token.balanceOf(misled) == 0
    else:
        asked = replace(fill, plan=fill.plan & ~(2**128 - 1) | ONE_WETH)

        refusal = refusal_of(mock_settlement.fund, asked.arguments(), sender=taker)

        assert (refusal[0], refusal[3]) == ("InsufficientProfit", ONE_WETH)
