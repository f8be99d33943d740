"""Lenders that lie: every lie but one's own honest fee ends in a revert that leaves everything as it was."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import ape
import pytest

from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import LOANS, ONE_WETH

TOKEN_GIVERS = (FundingSource.BALANCER_V2_LOAN, FundingSource.AAVE_V3_LOAN)


class Trick(IntEnum):
    """As in contracts/mocks/MockLender.sol."""

    NONE = 0
    NO_CALLBACK = 1
    CALLBACK_TWICE = 2
    OTHER_TOKEN = 3
    OTHER_AMOUNT = 4
    OTHER_DATA = 5
    OTHER_INITIATOR = 6
    OTHER_CALLER = 7
    LEND_ONE_UNIT_LESS = 8


def lent(source: FundingSource) -> int:
    """Return what the hedger borrows for a fill of one WETH."""
    return ONE_WETH if source is FundingSource.BALANCER_V2_LOAN else ONE_WETH + 1


@pytest.fixture
def fill_of(sell_weth: Any, lending_fee: Any) -> Any:
    """A fill that costs what a lender without fee makes it cost."""
    return lambda source, **changes: sell_weth(FundingSource.MORPHO_BLUE_LOAN, **changes).funded_by(source)


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__honest_lender__fills(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    tokens: Any,
) -> None:
    fill = fill_of(source)
    before = tokens[WETH.address].balanceOf(mock_lender)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit
    assert tokens[WETH.address].balanceOf(mock_lender) == before
    assert tokens[WETH.address].allowance(misled, mock_lender) == 0


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__lender_never_calls_back__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.NO_CALLBACK, sender=taker)

    refusal = refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker)

    assert refusal == ("CallbackMissing", mock_lender.address.lower())


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__lender_calls_back_twice__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.CALLBACK_TWICE, sender=taker)

    refusal = refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker)

    assert refusal == ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source))


@pytest.mark.parametrize("source", TOKEN_GIVERS)
def test_fund_fill__lender_names_another_token__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.OTHER_TOKEN, sender=taker)

    refusal = refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker)

    lender = mock_lender.address.lower()
    assert refusal == ("UnexpectedCallback", lender, lender, lent(source))


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__lender_names_another_amount__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.OTHER_AMOUNT, sender=taker)

    refusal = refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker)

    expected = ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source) + 1)
    assert refusal == expected


@pytest.mark.parametrize("source", LOANS)
def test_fund_fill__lender_changes_the_data__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.OTHER_DATA, sender=taker)

    refusal = refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker)

    assert refusal == ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source))


def test_fund_fill__lender_names_another_initiator__reverts(
    misled: Any, mock_settlement: Any, mock_lender: Any, fill_of: Any, taker: Any, refusal_of: Any
) -> None:
    mock_lender.setTrick(Trick.OTHER_INITIATOR, sender=taker)
    fill = fill_of(FundingSource.AAVE_V3_LOAN)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("UnexpectedInitiator", mock_lender.address.lower())


@pytest.mark.parametrize("source", LOANS)
def test_callback__stranger_calls_first_with_all_arguments_right__is_refused_and_the_fill_goes_on(
    source: FundingSource, misled: Any, mock_settlement: Any, mock_lender: Any, fill_of: Any, taker: Any
) -> None:
    mock_lender.setTrick(Trick.OTHER_CALLER, sender=taker)
    accomplice = ape.project.MockCaller.at(mock_lender.accomplice())
    fill = fill_of(source)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert accomplice.called()
    assert not accomplice.succeeded()
    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("source", LOANS)
@pytest.mark.parametrize("donated", [False, True])
def test_fund_fill__lender_delivers_less_than_it_says__reverts(
    source: FundingSource,
    donated: bool,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    tokens: Any,
    deal: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setTrick(Trick.LEND_ONE_UNIT_LESS, sender=taker)
    if donated:
        deal(WETH.address, misled, 5)
    # WETH9 reverts without a reason.
    expected = ("FundsMissing", WETH.address.lower(), 5, 4) if donated else ("",)

    assert refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker) == expected


@pytest.mark.parametrize("source", TOKEN_GIVERS)
def test_fund_fill__lender_charges_a_fee__is_paid_out_of_the_surplus(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    tokens: Any,
    cost_of: Any,
) -> None:
    fee = ONE_WETH // 1_000
    mock_lender.setFee(fee, sender=taker)
    fill = fill_of(source)
    cost = cost_of(USDC.address, WETH.address, ONE_WETH + fee)
    before = tokens[WETH.address].balanceOf(mock_lender)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.taking_amount - cost
    assert tokens[WETH.address].balanceOf(mock_lender) == before + fee


@pytest.mark.parametrize("source", TOKEN_GIVERS)
def test_fund_fill__lender_charges_more_than_the_surplus__reverts(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    cost_of: Any,
    refusal_of: Any,
) -> None:
    fee = ONE_WETH // 100
    mock_lender.setFee(fee, sender=taker)
    fill = fill_of(source)
    cost = cost_of(USDC.address, WETH.address, ONE_WETH + fee)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    assert refusal == ("InsufficientProfit", fill.taking_amount, cost, 4_000_000)
