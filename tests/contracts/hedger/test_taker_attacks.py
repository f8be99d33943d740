"""What a hostile taker can do around a funded fill of the real settlement contract: nothing it did not sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pmm.chain.addresses import BALANCER_V2_VAULT, MORPHO_BLUE, UNISWAP_V4_POOL_MANAGER
from pmm.domain import USDC, WETH, FundingSource, HedgeLeg
from pmm.localnet.addresses import UNISWAP_V3_SWAP_ROUTER
from tests.contracts.hedger.funded_fills import ONE_WETH, FundedFill, external, fill_call, moved
from tests.contracts.hedger.hedges import (
    FLASH_SWAP,
    HEDGES,
    LENDING_FEE_PIPS,
    ONE_PER_SOURCE,
    ONE_PER_SOURCE_AND_LEG,
    SWAP_FEE_PIPS,
    Hedge,
)

pytestmark = pytest.mark.usefixtures("stocked")
ON_V3 = tuple(hedge for hedge in ONE_PER_SOURCE if hedge.closed_on is HedgeLeg.UNISWAP_V3_POOL)
# On Uniswap V4 the pool of WETH: that of ether pays out ether, so that the manager is a receiver like any other.
PAYING_OUT = tuple(
    hedge for hedge in HEDGES if hedge.source in (1, 7, 8) and not hedge.ether and not hedge.pools
)
FRONT_RUN = 200_000 * 10**6
INTERACTION_LENGTH = 200


@pytest.fixture
def swap_of() -> Callable[..., tuple[str, Any]]:
    """A swap on the pool of the hedge, by Uniswap's own router."""
    router = external("UniswapV3SwapRouter", UNISWAP_V3_SWAP_ROUTER)

    def _swap(taker: Any, token_in: str, token_out: str, amount_in: int) -> tuple[str, Any]:
        terms = (token_in, token_out, SWAP_FEE_PIPS, taker.address, 2**40, amount_in, 0, 0)
        return router.address, router.exactInputSingle.encode_input(terms)

    return _swap


@pytest.fixture
def raised_cost(rpc: Any, owner: Any, cost_of: Any) -> Callable[..., int]:
    """What closing a fill costs once the taker has moved the pool."""

    def _cost(fill: FundedFill, taker: Any, front_run: tuple[str, Any]) -> int:
        snapshot = rpc.call("evm_snapshot")
        taker.execute(*front_run, sender=owner)
        cost = cost_of(fill.taker_asset, fill.maker_asset, fill.making_amount + fill.fee)
        rpc.call("evm_revert", snapshot)
        return int(cost)

    return _cost


@pytest.mark.parametrize("hedge", ON_V3, ids=str)
def test_fund_fill__taker_sandwiches_the_hedge__leaves_the_signed_minimum_or_reverts(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    contract_taker: Any,
    swap_of: Any,
    raised_cost: Any,
    owner: Any,
    balances: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(hedge, profit=30 * 10**6, receiver=contract_taker)
    front_run = swap_of(contract_taker, USDC.address, WETH.address, FRONT_RUN)
    back_run = swap_of(contract_taker, WETH.address, USDC.address, 60 * ONE_WETH)
    cost = raised_cost(fill, contract_taker, front_run)
    left = fill.taking_amount - cost
    assert 0 < left < fill.profit

    def sandwich(minimum: int) -> tuple[list[Any], list[Any]]:
        call = settlement.fillOrderFunded.encode_input(*fill_call(signed(fill.asking(minimum))))
        steps = [front_run, (settlement.address, call), back_run]
        return [to for to, _ in steps], [data for _, data in steps]

    before = balances(attacker=contract_taker)

    refusal = refusal_of(contract_taker.executeAll, *sandwich(left + 1), sender=owner)

    assert refusal == ("ProfitTooLow", fill.taking_amount, cost, left + 1)
    assert moved(before, balances(attacker=contract_taker)) == {}

    contract_taker.executeAll(*sandwich(left), sender=owner)

    change = moved(before, balances(attacker=contract_taker))
    assert change["USDC", "settlement"] == left
    assert ("WETH", "settlement") not in change
    assert not {key for key in change if key[1] == "hedger"}


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE, ids=str)
def test_fund_fill__taker_gives_too_little_gas__all_or_nothing(
    hedge: Hedge, sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any, rpc: Any
) -> None:
    fill = sell_weth(hedge)
    call = settlement.fillOrderFunded.encode_input(*fill_call(signed(fill)))
    request = {"from": taker.address, "to": settlement.address, "data": "0x" + bytes(call).hex()}
    before, snapshot = balances(), rpc.call("evm_snapshot")
    used = int(rpc.call("eth_sendTransactionSync", request | {"gas": hex(5_000_000)})["gasUsed"], 16)
    rpc.call("evm_revert", snapshot)
    done = []
    for sixteenths in range(6, 25):
        snapshot = rpc.call("evm_snapshot")
        receipt = rpc.call("eth_sendTransactionSync", request | {"gas": hex(used * sixteenths // 16)})
        change = moved(before, balances())
        done.append(receipt["status"] == "0x1")
        rpc.call("evm_revert", snapshot)
        expected = {
            ("WETH", "taker"): fill.making_amount,
            ("USDC", "taker"): -fill.taking_amount,
            ("USDC", "settlement"): fill.profit,
        }
        assert change == (expected if done[-1] else {}), sixteenths
    assert not done[0]
    assert done[-1]


@pytest.mark.parametrize("target", ["token", "pool", "lender", "hedger", "taker"])
def test_fund_fill__taker_names_an_interaction__is_refused(
    target: str,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    usdc_weth_pool: str,
    refusal_of: Any,
) -> None:
    targets = {
        "token": USDC.address,
        "pool": usdc_weth_pool,
        "lender": MORPHO_BLUE,
        "hedger": hedger.address,
        "taker": taker.address,
    }
    interaction = bytes.fromhex(targets[target][2:]) + b"\x01"
    call = fill_call(signed(sell_weth()), interaction=interaction)

    refusal = refusal_of(settlement.fillOrderFunded, *call, sender=taker)

    assert refusal == ("UnsupportedTakerTraits", len(interaction) << INTERACTION_LENGTH)


@pytest.mark.parametrize("hedge", ONE_PER_SOURCE_AND_LEG, ids=str)
def test_fund_fill__receiver_is_settlement_or_hedger__is_refused(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    refusal_of: Any,
) -> None:
    order = signed(sell_weth(hedge))
    for target in (settlement.address, hedger.address) if hedge.needs_hedger else (settlement.address,):
        refusal = refusal_of(settlement.fillOrderFunded, *fill_call(order, target=target), sender=taker)

        assert refusal == ("BadTarget", target.lower())


@pytest.mark.parametrize("hedge", PAYING_OUT, ids=str)
def test_fund_fill__receiver_is_the_pool_that_pays_out__reverts(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    costs: Any,
    balance_of: Any,
    refusal_of: Any,
) -> None:
    fill = sell_weth(hedge)
    pool = {
        FundingSource.UNISWAP_V3_SWAP: costs.v3_pool(USDC.address, WETH.address, SWAP_FEE_PIPS),
        FundingSource.UNISWAP_V2_SWAP: costs.v2_pair(USDC.address, WETH.address),
        FundingSource.UNISWAP_V4_SWAP: UNISWAP_V4_POOL_MANAGER,
    }[hedge.source]
    held = balance_of(WETH.address, pool)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill), target=pool), sender=taker)

    if hedge.needs_hedger:
        assert refusal == ("WrongDelivery", held + fill.making_amount, held)
    else:
        assert refusal == ("BadTarget", pool.lower())


def test_fund_fill__receiver_is_a_lender_that_keeps_no_more__gets_what_was_sold_and_its_loan_back(
    sell_weth: Any, signed: Any, settlement: Any, taker: Any, balances: Any
) -> None:
    fill = sell_weth(FundingSource.MORPHO_BLUE_LOAN)
    before = balances(lender=MORPHO_BLUE)

    settlement.fillOrderFunded(*fill_call(signed(fill), target=MORPHO_BLUE), sender=taker)

    assert moved(before, balances(lender=MORPHO_BLUE)) == {
        ("WETH", "lender"): fill.making_amount,
        ("USDC", "taker"): -fill.taking_amount,
        ("USDC", "settlement"): fill.profit,
    }


@pytest.mark.parametrize("source", [FundingSource.BALANCER_V2_LOAN, FundingSource.UNISWAP_V3_FLASH])
def test_fund_fill__receiver_is_a_lender_that_keeps_a_fee__reverts(
    source: FundingSource,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    taker: Any,
    costs: Any,
    balance_of: Any,
    refusal_of: Any,
) -> None:
    """Balancer takes what was delivered for a fee and sends it to its collector; a pool has its fee on top."""
    fill, lender = sell_weth(source), BALANCER_V2_VAULT
    if source is FundingSource.UNISWAP_V3_FLASH:
        lender = costs.v3_pool(USDC.address, WETH.address, LENDING_FEE_PIPS)
    held = balance_of(WETH.address, lender)

    refusal = refusal_of(settlement.fillOrderFunded, *fill_call(signed(fill), target=lender), sender=taker)

    found = held + fill.making_amount + fill.fee if fill.fee else held
    assert refusal == ("WrongDelivery", held + fill.making_amount, found)


def test_fund_fill__two_fills_in_one_transaction__each_leaves_its_minimum(
    sell_weth: Any, signed: Any, settlement: Any, contract_taker: Any, owner: Any, balances: Any, cost_of: Any
) -> None:
    fill = sell_weth(FLASH_SWAP, profit=20 * 10**6, receiver=contract_taker)
    both = cost_of(USDC.address, WETH.address, 2 * ONE_WETH)
    calls = [settlement.fillOrderFunded.encode_input(*fill_call(signed(fill))) for _ in range(2)]
    before = balances(attacker=contract_taker)

    contract_taker.executeAll([settlement.address] * 2, calls, sender=owner)

    change = moved(before, balances(attacker=contract_taker))
    # Two swaps round up once more, amount and fee.
    assert change.pop(("USDC", "settlement")) - (2 * fill.taking_amount - both) in (-2, -1, 0)
    assert change == {("WETH", "attacker"): 2 * ONE_WETH, ("USDC", "attacker"): -2 * fill.taking_amount}
