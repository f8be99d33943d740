"""What ``fundFill`` refuses before it takes any funds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.domain import USDC, WETH, ZERO_ADDRESS, FundingSource
from tests.contracts.hedger.funded_fills import SOURCES, SWAP_FEE_PIPS, SettlementTrick


def test_fund_fill__settlement_calls__returns_the_profit(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any
) -> None:
    fill = sell_weth()

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit


def test_fund_fill__anybody_else_calls__reverts(
    probed: Any, sell_weth: Any, attacker: Any, owner: Any, refusal_of: Any
) -> None:
    for caller in (attacker, owner):
        refusal = refusal_of(probed.fundFill, *sell_weth().arguments(), sender=caller)

        assert refusal == ("NotSettlement", caller.address.lower())


def test_fund_fill__receiver_is_the_hedger__reverts(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = sell_weth(receiver=probed)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InvalidReceiver", probed.address.lower())


@pytest.mark.parametrize("making_amount", [0, 2**255 - 1, 2**256 - 1])
def test_fund_fill__making_amount_out_of_range__reverts(
    making_amount: int, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = replace(sell_weth(), making_amount=making_amount)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InvalidAmount", making_amount)


@pytest.mark.parametrize(
    "plan",
    [
        0,
        5 << 248 | SWAP_FEE_PIPS << 224,
        5 << 248 | SWAP_FEE_PIPS << 224 | 3000 << 200,
        6 << 248 | SWAP_FEE_PIPS << 224,
        255 << 248 | SWAP_FEE_PIPS << 224,
        1 << 248 | SWAP_FEE_PIPS << 224 | 1 << 128,
        1 << 248 | SWAP_FEE_PIPS << 224 | 1 << 199,
        2 << 248 | SWAP_FEE_PIPS << 224 | 1 << 200,
        4 << 248 | SWAP_FEE_PIPS << 224 | 1 << 223,
    ],
)
def test_fund_fill__unknown_source_or_reserved_bit__reverts(
    plan: int, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = replace(sell_weth(), plan=plan)

    assert refusal_of(mock_settlement.fund, fill.arguments(), sender=taker) == ("InvalidPlan", plan)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fee_pips", [0, 501, 2**24 - 1])
def test_fund_fill__no_pool_of_that_fee__reverts(
    source: FundingSource,
    fee_pips: int,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, fee_pips=fee_pips)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("PoolNotFound", USDC.address.lower(), WETH.address.lower(), fee_pips)


@pytest.mark.parametrize("maker_asset", [USDC.address, ZERO_ADDRESS])
def test_fund_fill__assets_that_share_no_pool__reverts(
    maker_asset: str, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    fill = replace(sell_weth(), maker_asset=maker_asset)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("PoolNotFound", USDC.address.lower(), maker_asset.lower(), SWAP_FEE_PIPS)


def test_fund_fill__largest_minimum_profit__reverts_with_it(
    probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, refusal_of: Any
) -> None:
    minimum = 2**128 - 1
    fill = sell_weth(min_profit=minimum)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InsufficientProfit", fill.taking_amount, fill.cost, minimum)


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__second_fill_in_the_same_transaction_of_a_settled_one__fills(
    source: FundingSource, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, tokens: Any
) -> None:
    fill = sell_weth(source, profit=20 * 10**6)
    again = mock_settlement.fund.encode_input(fill.arguments())
    before = tokens[WETH.address].balanceOf(taker)

    mock_settlement.fundThenCall(fill.arguments(), mock_settlement, again, sender=taker)

    assert mock_settlement.succeeded()
    assert tokens[WETH.address].balanceOf(taker) - before == 2 * fill.making_amount


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__nested_into_collect__reverts(
    source: FundingSource, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any
) -> None:
    fill = sell_weth(source)
    nested = probed.fundFill.encode_input(*fill.arguments())
    mock_settlement.setTrick(SettlementTrick.CALL_DURING_COLLECT, probed, nested, sender=taker)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.called()
    assert not mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit
