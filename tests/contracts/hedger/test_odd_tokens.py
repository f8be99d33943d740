"""Tokens that return nothing, refuse, take a cut or call out, in pools of the genuine factory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.chain.addresses import BALANCER_V2_VAULT, MORPHO_BLUE, ONEINCH_ROUTER
from pmm.domain import DAI, USDC, USDT, WETH, Address, FundingPlan, FundingSource, HedgeLeg, path_route
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    FundedFill,
    TokenTrick,
    decode_error,
    external,
    v3_swap_data,
)
from tests.contracts.hedger.hedges import FLASH_SWAP, LOANS, Hedge
from tests.contracts.hedger.mock_fixtures import TRICK_POOL_FEE_PIPS

# The offline mainnet has no USDT reserve at Aave, and our ERC-3156 lender wants to be answered by its token.
WITHOUT_AAVE = tuple(source for source in (FundingSource.UNISWAP_V3_SWAP, *LOANS) if source not in (4, 6))
PULLING_LOANS = (FundingSource.MORPHO_BLUE_LOAN, FundingSource.AAVE_V3_LOAN, FundingSource.ERC3156_LOAN)
LYING_LOANS = (FundingSource.BALANCER_V2_LOAN, *PULLING_LOANS)
USDT_HEDGES = (
    *(Hedge(source=source) for source in WITHOUT_AAVE),
    Hedge(source=FundingSource.MORPHO_BLUE_LOAN, leg=HedgeLeg.UNISWAP_V2_PAIR),
    Hedge(source=FundingSource.UNISWAP_V2_SWAP),
)


@pytest.mark.parametrize("hedge", USDT_HEDGES, ids=str)
def test_fund_fill__maker_asset_returns_nothing__fills(
    hedge: Hedge,
    probed: Any,
    mock_settlement: Any,
    mock_lender: Any,
    describe_fill: Any,
    deal: Any,
    taker: Any,
    balance_of: Any,
    allowances_left: Any,
) -> None:
    for lender in (MORPHO_BLUE, BALANCER_V2_VAULT):
        deal(USDT.address, lender, 10_000 * 10**6)
    fill = describe_fill(hedge, USDT.address, WETH.address, 2_000 * 10**6, profit=10**15, min_profit=10**15)
    before = balance_of(USDT.address, taker)

    receipt = mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(USDT.address, taker) - before == fill.making_amount
    assert balance_of(USDT.address, probed) == 0
    assert mock_settlement.profit() == fill.profit
    assert allowances_left(receipt, probed) == {}


@pytest.mark.parametrize("hedge", USDT_HEDGES, ids=str)
def test_fund_fill__taker_asset_returns_nothing__fills(
    hedge: Hedge,
    probed: Any,
    mock_settlement: Any,
    describe_fill: Any,
    deal: Any,
    taker: Any,
    balance_of: Any,
) -> None:
    deal(USDT.address, taker, 100_000 * 10**6)
    external("ERC20", USDT.address).approve(mock_settlement, 2**255, sender=taker)
    fill = describe_fill(hedge, WETH.address, USDT.address, ONE_WETH, profit=10**6, min_profit=10**6)
    before = balance_of(USDT.address, mock_settlement)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(USDT.address, mock_settlement) - before == fill.profit
    assert balance_of(USDT.address, probed) == 0


def test_fund_fill__two_tokens_that_only_others_join__fills_along_three_pools(
    probed: Any,
    mock_settlement: Any,
    describe_fill: Any,
    costs: Any,
    deal: Any,
    taker: Any,
    balance_of: Any,
) -> None:
    """DAI for USDT, back through WETH and USDC."""
    deal(USDT.address, taker, 100_000 * 10**6)
    external("ERC20", USDT.address).approve(mock_settlement, 2**255, sender=taker)
    hedge = Hedge(source=FundingSource.UNISWAP_V3_SWAP, leg=HedgeLeg.UNISWAP_V3_PATH, pools=2)
    making = 5_000 * 10**18
    route = path_route((3_000, 500, 100), (Address(WETH.address), Address(USDC.address)))
    cost = costs.on_path(USDT.address, DAI.address, making, route)
    fill = FundedFill(
        taker=taker.address,
        receiver=taker.address,
        maker_asset=DAI.address,
        taker_asset=USDT.address,
        making_amount=making,
        taking_amount=cost + 10**6,
        plan=hedge.plan(min_profit=10**6).encode(),
        route=route,
        cost=cost,
    )
    before = (balance_of(DAI.address, taker), balance_of(USDT.address, taker))

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert balance_of(DAI.address, taker) - before[0] == making
    assert before[1] - balance_of(USDT.address, taker) == fill.taking_amount
    assert mock_settlement.profit() == 10**6
    assert {balance_of(token.address, probed) for token in (DAI, USDT, WETH)} == {0}


# ------------------------------------------------------------------------------------- a token that misbehaves


def trick_fill(
    taker: Any, maker_asset: Any, taker_asset: Any, source: FundingSource, lender: str = "", **changes: Any
) -> FundedFill:
    """Describe a fill in the pool of ``trick_market`` that leaves far more than it asks for."""
    plan = FundingPlan(source=FundingSource.MORPHO_BLUE_LOAN, swap_fee_pips=TRICK_POOL_FEE_PIPS, min_profit=1)
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
    return replace(fill, **changes).funded_by(source, lender)


@pytest.mark.parametrize("source", [FundingSource.UNISWAP_V3_SWAP, *LYING_LOANS])
@pytest.mark.parametrize("sold", [True, False])
def test_fund_fill__trick_token_behaves__fills(
    source: FundingSource,
    sold: bool,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
) -> None:
    sells, buys = (trick_token, WETH.address) if sold else (WETH.address, trick_token)
    fill = trick_fill(taker, sells, buys, source, mock_lender.address)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() > ONE_WETH // 2
    assert trick_token.balanceOf(misled) == 0


@pytest.mark.parametrize("source", [FundingSource.UNISWAP_V3_SWAP, *LYING_LOANS])
def test_fund_fill__v3_pool_runs_dry__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    wanted, changes = 150 * ONE_WETH, {"making_amount": 150 * ONE_WETH, "taking_amount": 900 * ONE_WETH}
    fill = trick_fill(taker, trick_token, WETH.address, source, mock_lender.address, **changes)

    name, pool, asked, received = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert (name, pool, asked) == ("PoolTooShallow", trick_market.lower(), wanted)
    assert 99 * ONE_WETH < received < 101 * ONE_WETH


@pytest.mark.parametrize("source", LYING_LOANS)
def test_fund_fill__maker_asset_refuses_the_transfer__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    refusal_of: Any,
) -> None:
    trick_token.setTrick(TokenTrick.REFUSE_TRANSFER, trick_token, b"", sender=taker)
    fill = trick_fill(taker, trick_token, WETH.address, source, mock_lender.address)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("TransferRefused", trick_token.address.lower(), taker.address.lower(), ONE_WETH)


@pytest.mark.parametrize("source", PULLING_LOANS)
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
    fill = trick_fill(taker, trick_token, WETH.address, source, mock_lender.address)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    lender = mock_lender.address.lower()
    assert refusal == ("ApprovalRefused", trick_token.address.lower(), lender, ONE_WETH + 1)


def test_fund_fill__taker_asset_refuses_the_approval_of_an_order__reverts(
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    order_maker: Any,
    refusal_of: Any,
) -> None:
    trick_token.setTrick(TokenTrick.REFUSE_APPROVAL, trick_token, b"", sender=taker)
    order = order_maker.order(WETH.address, trick_token.address, ONE_WETH, ONE_WETH)
    plan = Hedge(source=FundingSource.SIGNED_ORDER).plan().encode()
    fill = replace(
        trick_fill(taker, WETH.address, trick_token, FundingSource.SIGNED_ORDER),
        plan=plan,
        route=order_maker.route(order),
    )

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("ApprovalRefused", trick_token.address.lower(), ONEINCH_ROUTER.lower(), ONE_WETH)


def test_fund_fill__taker_asset_burns_a_unit_on_the_way__reverts(
    misled: Any, mock_settlement: Any, taker: Any, trick_token: Any, trick_market: str, refusal_of: Any
) -> None:
    fill = trick_fill(taker, WETH.address, trick_token, FundingSource.UNISWAP_V3_SWAP)
    trick_token.setTrick(TokenTrick.BURN_ONE_UNIT_ON_TRANSFER_FROM, trick_token, b"", sender=taker)

    # The pool is paid one unit less than it asked for.
    assert refusal_of(mock_settlement.fund, fill.arguments(), sender=taker) == ("Error", "IIA")


@pytest.mark.parametrize("call", ["uniswapV3SwapCallback", "sweep", "fundFill", "swapExactIn"])
def test_fund_fill__maker_asset_calls_the_hedger_while_the_pool_pays_out__refuses_the_call_and_fills(
    call: str,
    misled: Any,
    mock_settlement: Any,
    taker: Any,
    trick_token: Any,
    trick_market: str,
    error_types: Any,
) -> None:
    fill = trick_fill(taker, trick_token, WETH.address, FundingSource.UNISWAP_V3_SWAP)
    token = trick_token.address.lower()
    arguments, expected = {
        "uniswapV3SwapCallback": (
            (fill.taking_amount, -ONE_WETH, v3_swap_data(fill)),
            ("UnexpectedCallback", token, WETH.address.lower(), 0),
        ),
        "sweep": ((WETH.address,), ("",)),
        "fundFill": (fill.entry()[1], ("",)),
        "swapExactIn": ((WETH.address, trick_token, 1, FLASH_SWAP.plan().encode(), b""), ("",)),
    }[call]
    data = getattr(misled, call).encode_input(*arguments)
    trick_token.setTrick(TokenTrick.CALL_ON_TRANSFER, misled, data, sender=taker)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert trick_token.called()
    assert not trick_token.succeeded()
    assert decode_error(error_types, bytes(trick_token.answer())) == expected
    assert mock_settlement.profit() > ONE_WETH // 2
