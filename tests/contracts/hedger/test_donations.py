"""What lies on the hedger before a fill, or arrives during one: it counts for nothing and blocks nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pmm.domain import USDC, WETH, FundingSource, HedgeLeg
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    LenderTrick,
    SettlementTrick,
    fill_call,
    moved,
)
from tests.contracts.hedger.hedges import (
    HEDGES,
    LOAN_HEDGES,
    LOANS,
    ONE_PER_SOURCE,
    ONE_PER_SOURCE_AND_LEG,
    Hedge,
)

DONATED_USDC = 900 * 10**6
DONATED_WETH = 7
# A lender of ERC-3156 may lend less than it says, so that what lies here is handed over before its loan too.
HANDS_OVER = FundingSource.ERC3156_LOAN
# All but the pools of the factory.
LIARS = tuple(source for source in LOANS if source is not FundingSource.UNISWAP_V3_FLASH)


@pytest.fixture
def donated(deal: Any, hedger: Any) -> None:
    """Somebody sent the hedger some of both assets."""
    deal(USDC.address, hedger, DONATED_USDC)
    deal(WETH.address, hedger, DONATED_WETH)


@pytest.mark.parametrize("hedge", HEDGES, ids=str)
def test_fund_fill__both_assets_were_donated__leaves_nothing(
    hedge: Hedge,
    stocked: None,
    donated: None,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    balances: Any,
) -> None:
    fill = sell_weth(hedge)
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    change = {
        ("WETH", "taker"): fill.making_amount,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.profit,
    }
    if hedge.needs_hedger:
        change |= {
            ("USDC", "hedger"): -DONATED_USDC,
            ("WETH", "hedger"): -DONATED_WETH,
            ("USDC", "settlement"): fill.profit + DONATED_USDC,
            ("WETH", "settlement"): DONATED_WETH,
        }
    assert moved(before, balances()) == change


def test_sweep__after_flash_swaps_that_pass_the_hedger_by__anyone_may(
    donated: None, settlement: Any, hedger: Any, attacker: Any, balances: Any
) -> None:
    before = balances()

    for token in (WETH, USDC):
        hedger.sweep(token.address, sender=attacker)

    assert moved(before, balances()) == {
        ("USDC", "hedger"): -DONATED_USDC,
        ("WETH", "hedger"): -DONATED_WETH,
        ("USDC", "settlement"): DONATED_USDC,
        ("WETH", "settlement"): DONATED_WETH,
    }


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
@pytest.mark.parametrize(("profit", "minimum"), [(3 * 10**6, 4 * 10**6), (-1, 0)])
def test_fund_fill__donation_would_lift_the_profit_or_cover_the_loss__reverts(
    hedge: Hedge,
    profit: int,
    minimum: int,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(hedge, profit=profit, min_profit=minimum)
    deal(USDC.address, probed, DONATED_USDC)
    deal(WETH.address, probed, 2 * ONE_WETH)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, minimum)


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE_AND_LEG, ids=str)
def test_fund_fill__settlement_pays_nothing_and_a_donation_could__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, deal: Any, refusal_of: Any
) -> None:
    fill = sell_weth(hedge, min_profit=0)
    mock_settlement.setTrick(SettlementTrick.COLLECT_NOTHING, mock_settlement, b"", sender=taker)
    deal(USDC.address, probed, 2 * fill.cost)
    deal(WETH.address, probed, 2 * ONE_WETH)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert (
        refusal
        == {
            HedgeLeg.UNISWAP_V3_POOL: ("Error", "IIA"),
            HedgeLeg.UNISWAP_V3_PATH: ("Error", "IIA"),
            HedgeLeg.UNISWAP_V2_PAIR: ("Error", "UniswapV2: INSUFFICIENT_INPUT_AMOUNT"),
            HedgeLeg.UNISWAP_V4_POOL: ("CurrencyNotSettled",),
            # Paid through the hedger, which cannot tell; the settlement contract can.
            HedgeLeg.SIGNED_ORDER: ("NotCollected", bytes(32)),
        }[hedge.closed_on]
    )


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__donation_while_collecting__is_no_profit(
    hedge: Hedge,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    owner: Any,
    deal: Any,
    tokens: Any,
    balance_of: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(hedge)
    deal(USDC.address, mock_settlement, 10 * DONATED_USDC)
    gift = tokens[USDC.address].transfer.encode_input(probed, DONATED_USDC)
    trick = SettlementTrick.CALL_DURING_COLLECT
    mock_settlement.setTrick(trick, USDC.address, gift, sender=owner)
    asking = fill.asking(fill.profit + 1)

    refusal = refusal_of(mock_settlement.fund, asking.arguments(), sender=taker)

    assert refusal == ("ProfitTooLow", fill.taking_amount, fill.cost, fill.profit + 1)
    before = balance_of(USDC.address, mock_settlement)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit
    # The gift came out of the settlement's own stock and went back to it.
    assert balance_of(USDC.address, probed) == 0
    assert balance_of(USDC.address, mock_settlement) - before == fill.profit


@pytest.mark.parametrize(
    "hedge", [hedge for hedge in LOAN_HEDGES if hedge.leg is HedgeLeg.UNISWAP_V3_POOL], ids=str
)
def test_fund_fill__donation_of_the_borrowed_asset_inside_the_callback__is_not_spent(
    hedge: Hedge,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    taker: Any,
    owner: Any,
    deal: Any,
    tokens: Any,
    balance_of: Any,
) -> None:
    fill = sell_weth(hedge)
    deal(WETH.address, mock_settlement, 2 * ONE_WETH)
    gift = tokens[WETH.address].transfer.encode_input(probed, 2 * ONE_WETH)
    trick = SettlementTrick.CALL_DURING_COLLECT
    mock_settlement.setTrick(trick, WETH.address, gift, sender=owner)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit
    assert balance_of(WETH.address, probed) == 0
    assert balance_of(WETH.address, mock_settlement) == 2 * ONE_WETH


@pytest.mark.parametrize("source", LIARS)
@pytest.mark.parametrize("gift", [0, 5])
def test_fund_fill__lender_gives_less_than_it_says__takes_from_a_donation_or_reverts(
    source: FundingSource,
    gift: int,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    sell_weth: Any,
    taker: Any,
    deal: Any,
    balance_of: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(LenderTrick.LEND_ONE_UNIT_LESS, sender=taker)
    deal(WETH.address, misled, gift)
    fill = sell_weth(FundingSource.MORPHO_BLUE_LOAN).funded_by(source, mock_lender.address)
    before = balance_of(WETH.address, mock_lender)

    if not gift or source is HANDS_OVER:
        # A lender that the order alone vouches for finds no donation. WETH9 reverts without a reason.
        assert refusal_of(mock_settlement.fund, fill.arguments(), sender=taker) == ("",)
        return
    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit
    assert balance_of(WETH.address, mock_lender) - before == 1
    assert balance_of(WETH.address, misled) == 0
