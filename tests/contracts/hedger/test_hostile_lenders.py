"""Lenders that lie: every lie but one's own honest fee ends in a revert that leaves everything as it was."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import BALANCER_V2_VAULT, ONEINCH_ROUTER
from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    LenderTrick,
    decode_error,
    loan_data,
    v3_swap_data,
)

MORPHO, BALANCER, AAVE, ERC3156 = (
    FundingSource.MORPHO_BLUE_LOAN,
    FundingSource.BALANCER_V2_LOAN,
    FundingSource.AAVE_V3_LOAN,
    FundingSource.ERC3156_LOAN,
)
LIARS = (MORPHO, BALANCER, AAVE, ERC3156)
TOKEN_GIVERS = (BALANCER, AAVE, ERC3156)
INITIATOR_GIVERS = (AAVE, ERC3156)


def lent(source: FundingSource) -> int:
    """Return what the hedger borrows for a fill of one WETH."""
    return ONE_WETH if source is BALANCER else ONE_WETH + 1


@pytest.fixture
def fill_of(sell_weth: Any, mock_lender: Any) -> Any:
    """A fill that costs what a lender without fee makes it cost."""
    return lambda source, **changes: sell_weth(MORPHO, **changes).funded_by(source, mock_lender.address)


@pytest.fixture
def refusal_by_trick(
    misled: Any, mock_settlement: Any, mock_lender: Any, fill_of: Any, taker: Any, refusal_of: Any
) -> Any:
    """What a fill ends with when the lender plays a trick."""

    def _refusal(source: FundingSource, trick: LenderTrick) -> tuple[Any, ...]:
        mock_lender.setTrick(trick, sender=taker)
        return tuple(refusal_of(mock_settlement.fund, fill_of(source).arguments(), sender=taker))

    return _refusal


@pytest.mark.parametrize("source", LIARS)
def test_fund_fill__honest_lender__fills(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    balance_of: Any,
    allowances_left: Any,
) -> None:
    fill = fill_of(source)
    before = balance_of(WETH.address, mock_lender)

    receipt = mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit
    assert balance_of(WETH.address, mock_lender) == before
    assert allowances_left(receipt, misled) == {}


@pytest.mark.parametrize("source", LIARS)
def test_fund_fill__lender_never_calls_back__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.NO_CALLBACK)

    assert refusal == ("CallbackMissing", mock_lender.address.lower())


def test_fund_fill__lender_says_it_failed__reverts(refusal_by_trick: Any, mock_lender: Any) -> None:
    refusal = refusal_by_trick(ERC3156, LenderTrick.ANSWER_FALSE)

    assert refusal == ("CallbackMissing", mock_lender.address.lower())


@pytest.mark.parametrize("source", LIARS)
def test_fund_fill__lender_calls_back_twice__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.CALLBACK_TWICE)

    assert refusal == ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source))


@pytest.mark.parametrize("source", TOKEN_GIVERS)
def test_fund_fill__lender_names_another_token__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.OTHER_TOKEN)

    lender = mock_lender.address.lower()
    assert refusal == ("UnexpectedCallback", lender, lender, lent(source))


@pytest.mark.parametrize("source", LIARS)
def test_fund_fill__lender_names_another_amount__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.OTHER_AMOUNT)

    expected = ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source) + 1)
    assert refusal == expected


@pytest.mark.parametrize("source", LIARS)
def test_fund_fill__lender_changes_the_data__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.OTHER_DATA)

    assert refusal == ("UnexpectedCallback", mock_lender.address.lower(), WETH.address.lower(), lent(source))


@pytest.mark.parametrize("source", INITIATOR_GIVERS)
def test_fund_fill__lender_names_another_initiator__reverts(
    source: FundingSource, refusal_by_trick: Any, mock_lender: Any
) -> None:
    refusal = refusal_by_trick(source, LenderTrick.OTHER_INITIATOR)

    assert refusal == ("UnexpectedInitiator", mock_lender.address.lower())


@pytest.mark.parametrize("source", LIARS)
def test_callback__stranger_calls_first_with_all_arguments_right__is_refused_and_the_fill_goes_on(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    error_types: Any,
) -> None:
    mock_lender.setTrick(LenderTrick.OTHER_CALLER, sender=taker)
    accomplice = ape.project.MockCaller.at(mock_lender.accomplice())
    fill = fill_of(source)

    mock_settlement.fund(fill.arguments(), sender=taker)

    assert accomplice.called()
    assert not accomplice.succeeded()
    refusal = decode_error(error_types, bytes(accomplice.answer()))
    stranger = accomplice.address.lower()
    assert refusal == ("UnexpectedCallback", stranger, WETH.address.lower(), lent(source))
    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("source", LIARS)
def test_hedger__called_by_the_lender_s_accomplice_while_it_lends__refuses_and_the_fill_goes_on(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    owner: Any,
    error_types: Any,
    rpc: Any,
) -> None:
    accomplice = ape.project.MockCaller.at(mock_lender.accomplice())
    fill = fill_of(source)
    name, arguments = fill.entry()
    us, loan = misled.address, loan_data(fill)
    lie = mock_lender.flashLoan.encode_input(us, WETH.address, lent(source), loan)
    calls = {
        "sweep": (misled, misled.sweep.encode_input(WETH.address), ("",)),
        "fundFill": (misled, getattr(misled, name).encode_input(*arguments), ("",)),
        "pool's callback": (
            misled,
            misled.uniswapV3SwapCallback.encode_input(fill.cost, -ONE_WETH, v3_swap_data(fill)),
            ("UnexpectedCallback", accomplice.address.lower()),
        ),
        "loan of another kind": (mock_lender, lie, ("UnexpectedInitiator", accomplice.address.lower())),
    }
    for what, (target, data, expected) in calls.items():
        snapshot = rpc.call("evm_snapshot")
        mock_lender.setCall(target, data, sender=owner)

        mock_settlement.fund(fill.arguments(), sender=taker)

        assert accomplice.called(), what
        assert not accomplice.succeeded(), what
        assert decode_error(error_types, bytes(accomplice.answer()))[: len(expected)] == expected, what
        assert mock_settlement.profit() == fill.profit
        rpc.call("evm_revert", snapshot)


@pytest.mark.parametrize("source", TOKEN_GIVERS)
def test_fund_fill__lender_charges_a_fee__is_paid_out_of_the_surplus(
    source: FundingSource,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    balance_of: Any,
    cost_of: Any,
    allowances_left: Any,
) -> None:
    fee = ONE_WETH // 1_000
    mock_lender.setFee(fee, sender=taker)
    fill = fill_of(source)
    cost = cost_of(USDC.address, WETH.address, ONE_WETH + fee)
    before = balance_of(WETH.address, mock_lender)

    receipt = mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.taking_amount - cost
    assert balance_of(WETH.address, mock_lender) == before + fee
    assert allowances_left(receipt, misled) == {}


@pytest.mark.parametrize("source", TOKEN_GIVERS)
@pytest.mark.parametrize("fee", [ONE_WETH // 100, 2**255])
def test_fund_fill__lender_charges_more_than_the_surplus__reverts(
    source: FundingSource,
    fee: int,
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    cost_of: Any,
    refusal_of: Any,
) -> None:
    mock_lender.setFee(fee, sender=taker)
    fill = fill_of(source)

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    if fee == 2**255:
        # More than fits the signed amounts of a pool.
        assert refusal == ("",)
        return
    cost = cost_of(USDC.address, WETH.address, ONE_WETH + fee)
    assert refusal == ("ProfitTooLow", fill.taking_amount, cost, 4_000_000)


def test_fund_fill__lender_pulls_less_than_it_may__the_rest_goes_to_the_settlement_contract(
    misled: Any,
    mock_settlement: Any,
    mock_lender: Any,
    fill_of: Any,
    taker: Any,
    balance_of: Any,
    allowances_left: Any,
) -> None:
    mock_lender.setTrick(LenderTrick.PULL_ONE_UNIT_LESS, sender=taker)
    fill = fill_of(ERC3156)
    before = balance_of(WETH.address, mock_settlement)

    receipt = mock_settlement.fund(fill.arguments(), sender=taker)

    assert mock_settlement.profit() == fill.profit
    assert balance_of(WETH.address, misled) == 0
    assert balance_of(WETH.address, mock_settlement) - before == 1
    assert allowances_left(receipt, misled) == {}


@pytest.mark.parametrize("lender", ["nobody", "token", "settlement", "hedger", "router", "vault"])
def test_fund_fill__signed_lender_is_none__reverts(
    lender: str, misled: Any, mock_settlement: Any, fill_of: Any, taker: Any, refusal_of: Any
) -> None:
    addresses = {
        "nobody": "0x00000000000000000000000000000000000000aA",
        "token": WETH.address,
        "settlement": mock_settlement.address,
        "hedger": misled.address,
        "router": ONEINCH_ROUTER,
        "vault": BALANCER_V2_VAULT,
    }
    fill = fill_of(MORPHO).funded_by(ERC3156, addresses[lender])

    refusal = refusal_of(mock_settlement.fund, fill.arguments(), sender=taker)

    # Its own fallback takes the call for ether.
    us = ("UnexpectedEther", misled.address.lower())
    assert refusal == (us if lender == "hedger" else ("",))
