"""Takers around the Uniswap V4 manager: what they leave in it, or do inside it, moves nothing but their own fill."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.abi import encode_call
from pmm.chain.addresses import UNISWAP_V4_POOL_MANAGER
from pmm.chain.rpc import RpcError
from pmm.domain import USDC, FundingSource, HedgeLeg
from tests.contracts.hedger.funded_fills import ONE_WETH, decode_error, fill_call, moved
from tests.contracts.hedger.hedges import HEDGES, Hedge

pytestmark = pytest.mark.usefixtures("stocked")


@pytest.fixture(scope="session")
def unlocker(owner: Any) -> Any:
    """A taker that acts inside an unlock of the Uniswap V4 manager."""
    return owner.deploy(ape.project.MockUnlocker, UNISWAP_V4_POOL_MANAGER)


@pytest.mark.parametrize("ether", [True, False])
def test_fund_fill__taker_makes_the_v4_manager_await_a_token__changes_nothing(
    ether: bool,
    sell_usdc: Any,
    signed: Any,
    settlement: Any,
    contract_taker: Any,
    owner: Any,
    balances: Any,
) -> None:
    fill = sell_usdc(Hedge(source=FundingSource.UNISWAP_V4_SWAP, ether=ether), receiver=contract_taker)
    call = settlement.fillOrderFunded.encode_input(*fill_call(signed(fill)))
    steps = (
        [UNISWAP_V4_POOL_MANAGER, settlement.address],
        [encode_call("sync(address)", USDC.address), call],
    )
    before = balances(attacker=contract_taker)

    contract_taker.executeAll(*steps, sender=owner)

    assert moved(before, balances(attacker=contract_taker)) == {
        ("USDC", "attacker"): fill.making_amount,
        ("WETH", "attacker"): -fill.taking_amount,
        ("WETH", "settlement"): fill.profit,
    }


@pytest.mark.parametrize("hedge", [hedge for hedge in HEDGES if hedge.source in (2, 8)], ids=str)
def test_fund_fill__inside_an_unlock_of_the_taker__fills_unless_the_hedge_needs_one(
    hedge: Hedge,
    sell_weth: Any,
    signed: Any,
    settlement: Any,
    owner: Any,
    tokens: Any,
    deal: Any,
    balances: Any,
    error_types: Any,
    unlocker: Any,
) -> None:
    deal(USDC.address, unlocker, 10_000 * 10**6)
    approve = tokens[USDC.address].approve.encode_input(settlement, 2**255)
    unlocker.call(USDC.address, approve, sender=owner)
    fill = sell_weth(hedge, receiver=unlocker)
    call = settlement.fillOrderFunded.encode_input(*fill_call(signed(fill)))
    before = balances(attacker=unlocker)

    unlocker.callInside(settlement, call, sender=owner)

    change = moved(before, balances(attacker=unlocker))
    if hedge.closed_on is HedgeLeg.UNISWAP_V4_POOL:
        assert decode_error(error_types, bytes(unlocker.answer())) == ("AlreadyUnlocked",)
        assert change == {}
    else:
        assert change == {
            ("WETH", "attacker"): fill.making_amount,
            ("USDC", "attacker"): -fill.taking_amount,
            ("USDC", "settlement"): fill.profit,
        }


@pytest.mark.parametrize("sold", ["WETH", "USDC"])
def test_fund_fill__v4_manager_sent_the_hedger_ether__neither_counts_nor_blocks_it(
    sold: str,
    sell: Any,
    signed: Any,
    settlement: Any,
    hedger: Any,
    taker: Any,
    owner: Any,
    balances: Any,
    unlocker: Any,
) -> None:
    unlocker.giveEther(hedger, value=ONE_WETH, sender=owner)
    fill = sell[sold](Hedge(source=FundingSource.UNISWAP_V4_SWAP, ether=True))
    before = balances()

    settlement.fillOrderFunded(*fill_call(signed(fill)), sender=taker)

    paid = "USDC" if sold == "WETH" else "WETH"
    assert moved(before, balances()) == {
        (sold, "taker"): fill.making_amount,
        (paid, "taker"): -fill.taking_amount,
        (paid, "settlement"): fill.profit,
    }
    assert hedger.balance == ONE_WETH


def test_fallback__ether_or_an_unknown_function__is_refused(
    hedger: Any, attacker: Any, rpc: Any, error_types: Any
) -> None:
    for request in ({"value": "0x1"}, {"data": "0x12345678"}, {}):
        with pytest.raises(RpcError) as refused:
            rpc.call("eth_call", {"from": attacker.address, "to": hedger.address} | request, "latest")

        refusal = decode_error(error_types, refused.value.data)
        assert refusal == ("UnexpectedEther", attacker.address.lower())
