"""Who may call a callback of the hedger, when, and with what: only the lender of the open ticket, once.

The genuine lenders stand behind the hedger here; `test_hostile_lenders.py` has the lying ones.
"""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.addresses import AAVE_V3_POOL, BALANCER_V2_VAULT
from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    SOURCES,
    FundedFill,
    SettlementTrick,
    external,
    loan_data,
    swap_data,
)


def callbacks_for(hedger: Any, fill: FundedFill, pool: str, initiator: str) -> dict[str, tuple[Any, ...]]:
    """Return every callback with the arguments that the lender of ``fill`` would give."""
    loan, swap = loan_data(fill, pool), swap_data(fill)
    borrowed = fill.making_amount + 1
    return {
        "uniswapV3SwapCallback": (fill.cost, -fill.making_amount, swap),
        "onMorphoFlashLoan": (borrowed, loan),
        "receiveFlashLoan": ([fill.maker_asset], [fill.making_amount], [0], loan),
        "executeOperation": (fill.maker_asset, borrowed, 0, initiator, loan),
    }


NAMES = ("uniswapV3SwapCallback", "onMorphoFlashLoan", "receiveFlashLoan", "executeOperation")


@pytest.mark.parametrize("name", NAMES)
def test_callback__anybody_calls_without_a_ticket__reverts(
    name: str, probed: Any, sell_weth: Any, attacker: Any, usdc_weth_pool: str, refusal_of: Any
) -> None:
    fill = sell_weth()
    arguments = callbacks_for(probed, fill, usdc_weth_pool, probed.address)[name]

    refusal = refusal_of(getattr(probed, name), *arguments, sender=attacker)

    assert refusal[:3] == ("UnexpectedCallback", attacker.address.lower(), WETH.address.lower())


@pytest.mark.parametrize("name", NAMES)
def test_callback__settlement_calls_without_a_ticket__reverts(
    name: str, probed: Any, mock_settlement: Any, sell_weth: Any, owner: Any, usdc_weth_pool: str
) -> None:
    fill = sell_weth()
    arguments = callbacks_for(probed, fill, usdc_weth_pool, probed.address)[name]

    mock_settlement.call(probed, getattr(probed, name).encode_input(*arguments), sender=owner)

    assert not mock_settlement.succeeded()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", NAMES)
def test_callback__settlement_calls_while_collecting__reverts(
    name: str,
    source: FundingSource,
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    owner: Any,
    usdc_weth_pool: str,
) -> None:
    fill = sell_weth(source)
    arguments = callbacks_for(probed, fill, usdc_weth_pool, probed.address)[name]
    mock_settlement.setTrick(
        SettlementTrick.CALL_DURING_COLLECT,
        probed,
        getattr(probed, name).encode_input(*arguments),
        sender=owner,
    )

    mock_settlement.fund(fill.arguments(), sender=owner)

    assert mock_settlement.called()
    assert not mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit


def test_execute_operation__somebody_else_takes_the_aave_loan__reverts(
    probed: Any, sell_weth: Any, attacker: Any, usdc_weth_pool: str, refusal_of: Any
) -> None:
    pool = external("AaveV3Pool", AAVE_V3_POOL)
    data = loan_data(sell_weth(FundingSource.AAVE_V3_LOAN), usdc_weth_pool)

    refusal = refusal_of(pool.flashLoanSimple, probed, WETH.address, ONE_WETH + 1, data, 0, sender=attacker)

    assert refusal == ("UnexpectedInitiator", attacker.address.lower())


def test_receive_flash_loan__somebody_else_takes_the_balancer_loan__reverts(
    probed: Any, sell_weth: Any, attacker: Any, usdc_weth_pool: str, refusal_of: Any
) -> None:
    vault = external("BalancerV2Vault", BALANCER_V2_VAULT)
    data = loan_data(sell_weth(FundingSource.BALANCER_V2_LOAN), usdc_weth_pool)

    refusal = refusal_of(vault.flashLoan, probed, [WETH.address], [ONE_WETH], data, sender=attacker)

    assert refusal == ("UnexpectedCallback", vault.address.lower(), WETH.address.lower(), ONE_WETH)


def test_receive_flash_loan__ticket_spent_in_the_same_transaction__reverts(
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    owner: Any,
    usdc_weth_pool: str,
    error_types: Any,
) -> None:
    fill = sell_weth(FundingSource.BALANCER_V2_LOAN)
    vault = external("BalancerV2Vault", BALANCER_V2_VAULT)
    same_loan = vault.flashLoan.encode_input(
        probed, [WETH.address], [ONE_WETH], loan_data(fill, usdc_weth_pool)
    )

    mock_settlement.fundThenCall(fill.arguments(), vault, same_loan, sender=owner)

    assert not mock_settlement.succeeded()
    assert mock_settlement.answer()[:4] == selector_of(error_types, "UnexpectedCallback")
    assert mock_settlement.profit() == fill.profit


def test_receive_flash_loan__second_loan_taken_for_us_while_collecting__reverts(
    probed: Any,
    mock_settlement: Any,
    sell_weth: Any,
    owner: Any,
    usdc_weth_pool: str,
    error_types: Any,
) -> None:
    fill = sell_weth(FundingSource.MORPHO_BLUE_LOAN)
    vault = external("BalancerV2Vault", BALANCER_V2_VAULT)
    loan = vault.flashLoan.encode_input(probed, [WETH.address], [ONE_WETH], loan_data(fill, usdc_weth_pool))
    mock_settlement.setTrick(SettlementTrick.CALL_DURING_COLLECT, vault, loan, sender=owner)

    mock_settlement.fund(fill.arguments(), sender=owner)

    assert not mock_settlement.succeeded()
    assert mock_settlement.answer()[:4] == selector_of(error_types, "UnexpectedCallback")
    assert mock_settlement.profit() == fill.profit


@pytest.mark.parametrize("name", NAMES)
def test_callback__data_longer_than_the_terms__reverts(
    name: str, probed: Any, sell_weth: Any, attacker: Any, usdc_weth_pool: str, refusal_of: Any
) -> None:
    *arguments, data = callbacks_for(probed, sell_weth(), usdc_weth_pool, probed.address)[name]

    assert refusal_of(getattr(probed, name), *arguments, data + bytes(32), sender=attacker) == ("",)


def selector_of(error_types: Any, wanted: str) -> bytes:
    """Return the selector of an error by its name."""
    found: bytes = next(found for found, (name, _) in error_types.items() if name == wanted)
    return found


@pytest.mark.parametrize("asset", [WETH.address, USDC.address])
def test_sweep__called_while_collecting__reverts(
    asset: str, probed: Any, mock_settlement: Any, sell_weth: Any, owner: Any
) -> None:
    fill = sell_weth(FundingSource.MORPHO_BLUE_LOAN)
    mock_settlement.setTrick(
        SettlementTrick.CALL_DURING_COLLECT, probed, probed.sweep.encode_input(asset), sender=owner
    )

    mock_settlement.fund(fill.arguments(), sender=owner)

    assert mock_settlement.called()
    assert not mock_settlement.succeeded()
    assert mock_settlement.profit() == fill.profit
