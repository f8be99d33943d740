"""Who may call a callback of the hedger, when, and with what: only whoever the open ticket names, once.

The genuine lenders and pools stand behind the hedger here; `test_hostile_lenders.py` has the lying ones.
"""

from __future__ import annotations

from typing import Any

import pytest

from pmm.chain.abi import encode_call
from pmm.chain.addresses import AAVE_V3_POOL, BALANCER_V2_VAULT, MORPHO_BLUE, UNISWAP_V4_POOL_MANAGER
from pmm.domain import USDC, WETH, FundingSource
from tests.contracts.hedger.funded_fills import (
    ONE_WETH,
    FundedFill,
    decode_error,
    external,
    loan_data,
    v2_swap_data,
    v3_swap_data,
    v4_swap_data,
)
from tests.contracts.hedger.hedges import ONE_PER_SOURCE, ONE_PER_SOURCE_AND_LEG, Hedge

NAMES = (
    "uniswapV3SwapCallback",
    "uniswapV2Call",
    "unlockCallback",
    "onMorphoFlashLoan",
    "receiveFlashLoan",
    "executeOperation",
    "uniswapV3FlashCallback",
    "onFlashLoan",
)


def callbacks_for(hedger: Any, fill: FundedFill) -> dict[str, tuple[Any, ...]]:
    """Return every callback with the arguments that pool or lender of ``fill`` would give."""
    loan, borrowed, us = loan_data(fill), fill.making_amount + 1, hedger.address
    return {
        "uniswapV3SwapCallback": (fill.cost, -fill.making_amount, v3_swap_data(fill)),
        "uniswapV2Call": (us, 0, fill.making_amount, v2_swap_data(fill)),
        "unlockCallback": (v4_swap_data(fill),),
        "onMorphoFlashLoan": (borrowed, loan),
        "receiveFlashLoan": ([fill.maker_asset], [fill.making_amount], [0], loan),
        "executeOperation": (fill.maker_asset, borrowed, 0, us, loan),
        "uniswapV3FlashCallback": (0, 0, loan),
        "onFlashLoan": (us, fill.maker_asset, borrowed, 0, loan),
    }


def token_of(name: str) -> str:
    """The token that a refusal names, when WETH is sold for USDC."""
    return (USDC if name == "uniswapV3SwapCallback" else WETH).address.lower()


@pytest.mark.parametrize("name", NAMES)
def test_callback__anybody_calls_without_a_ticket__reverts(
    name: str, probed: Any, sell_weth: Any, attacker: Any, refusal_of: Any
) -> None:
    arguments = callbacks_for(probed, sell_weth())[name]

    refusal = refusal_of(getattr(probed, name), *arguments, sender=attacker)

    assert refusal[:3] == ("UnexpectedCallback", attacker.address.lower(), token_of(name))


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE_AND_LEG, ids=str)
def test_callback__any_while_the_taker_pays__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, attempt: Any, rpc: Any
) -> None:
    fill = sell_weth(hedge)
    for name, arguments in callbacks_for(probed, fill).items():
        snapshot = rpc.call("evm_snapshot")

        refusal = attempt(fill, probed, getattr(probed, name).encode_input(*arguments))

        ours = mock_settlement.address.lower()
        assert refusal[:3] == ("UnexpectedCallback", ours, token_of(name)), name
        rpc.call("evm_revert", snapshot)


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_callback__replayed_after_the_fill_in_the_same_transaction__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, taker: Any, error_types: Any, rpc: Any
) -> None:
    fill = sell_weth(hedge)
    for name, arguments in callbacks_for(probed, fill).items():
        snapshot = rpc.call("evm_snapshot")
        data = getattr(probed, name).encode_input(*arguments)

        mock_settlement.fundThenCall(fill.arguments(), probed, data, sender=taker)

        assert not mock_settlement.succeeded()
        refusal = decode_error(error_types, bytes(mock_settlement.answer()))
        ours = mock_settlement.address.lower()
        assert refusal[:3] == ("UnexpectedCallback", ours, token_of(name)), name
        assert mock_settlement.profit() == fill.profit
        rpc.call("evm_revert", snapshot)


@pytest.mark.parametrize("name", NAMES)
def test_callback__data_longer_than_its_own__reverts(
    name: str, probed: Any, sell_weth: Any, attacker: Any, refusal_of: Any
) -> None:
    *arguments, data = callbacks_for(probed, sell_weth())[name]

    assert refusal_of(getattr(probed, name), *arguments, data + bytes(32), sender=attacker) == ("",)


# ---------------------------------------------------------------- strangers' calls to the genuine pools and lenders


def test_execute_operation__somebody_else_takes_the_aave_loan__reverts(
    probed: Any, sell_weth: Any, attacker: Any, refusal_of: Any
) -> None:
    pool, data = external("AaveV3Pool", AAVE_V3_POOL), loan_data(sell_weth(FundingSource.AAVE_V3_LOAN))

    refusal = refusal_of(pool.flashLoanSimple, probed, WETH.address, ONE_WETH + 1, data, 0, sender=attacker)

    assert refusal == ("UnexpectedInitiator", attacker.address.lower())


def test_receive_flash_loan__somebody_else_takes_the_balancer_loan__reverts(
    probed: Any, sell_weth: Any, attacker: Any, refusal_of: Any
) -> None:
    vault = external("BalancerV2Vault", BALANCER_V2_VAULT)
    data = loan_data(sell_weth(FundingSource.BALANCER_V2_LOAN))

    refusal = refusal_of(vault.flashLoan, probed, [WETH.address], [ONE_WETH], data, sender=attacker)

    assert refusal == ("UnexpectedCallback", vault.address.lower(), WETH.address.lower(), ONE_WETH)


def test_on_flash_loan__somebody_else_takes_the_loan__reverts(
    probed: Any, mock_lender: Any, sell_weth: Any, attacker: Any, refusal_of_call: Any
) -> None:
    data = loan_data(sell_weth(FundingSource.ERC3156_LOAN))
    signature = "flashLoan(address,address,uint256,bytes)"
    lend = encode_call(signature, probed.address, WETH.address, ONE_WETH + 1, data)

    refusal = refusal_of_call(mock_lender, lend, sender=attacker)

    assert refusal == ("UnexpectedInitiator", attacker.address.lower())


def test_uniswap_v2_call__somebody_else_makes_the_pair_call__reverts(
    probed: Any, sell_weth: Any, attacker: Any, costs: Any, refusal_of_call: Any
) -> None:
    fill = sell_weth(FundingSource.UNISWAP_V2_SWAP)
    arguments = (0, fill.making_amount, probed.address, v2_swap_data(fill))
    swap = encode_call("swap(uint256,uint256,address,bytes)", *arguments)
    pair = costs.v2_pair(USDC.address, WETH.address)

    assert refusal_of_call(pair, swap, sender=attacker) == ("UnexpectedInitiator", attacker.address.lower())


def test_callback__stranger_names_us_as_recipient_of_a_loan_or_swap__is_called_back_itself(
    probed: Any,
    sell_weth: Any,
    attacker: Any,
    usdc_weth_pool: str,
    refusal_of_call: Any,
    balance_of: Any,
) -> None:
    fill = sell_weth()
    lowest = 4295128740
    flash = encode_call("flash(address,uint256,uint256,bytes)", probed.address, 0, ONE_WETH, loan_data(fill))
    swap = encode_call(
        "swap(address,bool,int256,uint160,bytes)", probed.address, True, -ONE_WETH, lowest, v3_swap_data(fill)
    )
    morpho = encode_call("flashLoan(address,uint256,bytes)", WETH.address, ONE_WETH + 1, loan_data(fill))
    unlock = encode_call("unlock(bytes)", v4_swap_data(fill))

    for to, data in (
        (usdc_weth_pool, flash),
        (usdc_weth_pool, swap),
        (MORPHO_BLUE, morpho),
        (UNISWAP_V4_POOL_MANAGER, unlock),
    ):
        # No code there to call back.
        assert refusal_of_call(to, data, sender=attacker) == ("",)
    assert balance_of(WETH.address, probed) == 0


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_callback__second_loan_or_swap_for_us_while_the_taker_pays__reverts(
    hedge: Hedge, probed: Any, mock_settlement: Any, sell_weth: Any, attempt: Any, costs: Any, rpc: Any
) -> None:
    """Nested, of the genuine vault, Aave and a pair, with the data of the fill that is running."""
    fill = sell_weth(hedge)
    vault, pool = external("BalancerV2Vault", BALANCER_V2_VAULT), external("AaveV3Pool", AAVE_V3_POOL)
    loan = loan_data(fill)
    lend = vault.flashLoan.encode_input(probed, [WETH.address], [ONE_WETH], loan)
    ours = mock_settlement.address.lower()
    nested = [
        (pool, pool.flashLoanSimple.encode_input(probed, WETH.address, ONE_WETH + 1, loan, 0), ours),
        (probed, probed.sweep.encode_input(WETH.address), ""),
        (probed, probed.sweep.encode_input(USDC.address), ""),
    ]
    if hedge.source is not FundingSource.BALANCER_V2_LOAN:
        nested.append((vault, lend, vault.address.lower()))
    for to, data, named in nested:
        snapshot = rpc.call("evm_snapshot")

        refusal = attempt(fill, to, data)

        expected = ("UnexpectedInitiator", ours) if to is pool else ("UnexpectedCallback", named)
        assert refusal[:2] == (expected if named else ("",))
        rpc.call("evm_revert", snapshot)


def test_callback__balancer_lends_again_inside_its_own_loan__reverts(
    probed: Any, mock_settlement: Any, sell_weth: Any, attempt: Any
) -> None:
    fill = sell_weth(FundingSource.BALANCER_V2_LOAN)
    vault = external("BalancerV2Vault", BALANCER_V2_VAULT)
    lend = vault.flashLoan.encode_input(probed, [WETH.address], [ONE_WETH], loan_data(fill))

    # The vault's own lock.
    assert attempt(fill, vault, lend) == ("Error", "BAL#400")


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__nested_into_the_payment__reverts(
    hedge: Hedge, probed: Any, sell_weth: Any, attempt: Any
) -> None:
    fill = sell_weth(hedge)
    name, arguments = fill.entry()

    # The lock of the hedger, which has no reason.
    assert attempt(fill, probed, getattr(probed, name).encode_input(*arguments)) == ("",)


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_swap_exact_in__nested_into_the_payment__reverts(
    hedge: Hedge, probed: Any, sell_weth: Any, attempt: Any
) -> None:
    plan = Hedge(source=FundingSource.UNISWAP_V3_SWAP).plan().encode()
    sale = probed.swapExactIn.encode_input(USDC.address, WETH.address, 1, plan, b"")

    assert attempt(sell_weth(hedge), probed, sale) == ("",)
