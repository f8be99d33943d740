"""What lies on the hedger before a fill: swept on, never counted as profit, never used to cover a loss."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import SOURCES, SettlementTrick, fill_call, moved

DONATED_USDC = 900 * 10**6
DONATED_WETH = 7


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__both_assets_were_donated__fills_and_sweeps_them(
    source: FundingSource,
    stocked: None,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    deal: Any,
    balances: Any,
) -> None:
    fill = sell_weth(source)
    deal(USDC.address, hedger, DONATED_USDC)
    deal(WETH.address, hedger, DONATED_WETH)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    assert moved(before, balances()) == {
        ("WETH", "taker"): fill.making_amount,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "hedger"): -DONATED_USDC,
        ("WETH", "hedger"): -DONATED_WETH,
        ("USDC", "settlement"): fill.profit + DONATED_USDC,
        ("WETH", "settlement"): DONATED_WETH,
    }


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__both_assets_were_donated__returns_the_profit_of_the_fill_alone(
    source: FundingSource, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, deal: Any
) -> None:
    fill = sell_weth(source)
    deal(USDC.address, probed, DONATED_USDC)
    deal(WETH.address, probed, DONATED_WETH)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__donation_would_lift_profit_to_the_minimum__reverts(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, profit=3 * 10**6, min_profit=4 * 10**6)
    deal(USDC.address, probed, DONATED_USDC)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InsufficientProfit", fill.taking_amount, fill.cost, 4 * 10**6)


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__donation_would_cover_a_loss__reverts(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, profit=-1, min_profit=0)
    deal(USDC.address, probed, DONATED_USDC)
    deal(WETH.address, probed, DONATED_WETH)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InsufficientProfit", fill.taking_amount, fill.cost, 0)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("donated", [0, DONATED_USDC])
def test_fund_fill__settlement_collects_one_unit_less__reverts(
    source: FundingSource,
    donated: int,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, profit=4 * 10**6, min_profit=4 * 10**6)
    mock_settlement.setTrick(SettlementTrick.COLLECT_ONE_UNIT_LESS, mock_settlement, b"", sender=taker)
    deal(USDC.address, probed, donated)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    expected = donated + 4 * 10**6
    assert refusal == ("FundsMissing", USDC.address.lower(), expected, expected - 1)


@pytest.mark.parametrize("source", SOURCES)
def test_fund_fill__settlement_collects_nothing_and_a_donation_pays__reverts(
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(source, min_profit=0)
    mock_settlement.setTrick(SettlementTrick.COLLECT_NOTHING, mock_settlement, b"", sender=taker)
    donated = 2 * fill.cost
    deal(USDC.address, probed, donated)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("FundsMissing", USDC.address.lower(), donated, donated - fill.cost)
