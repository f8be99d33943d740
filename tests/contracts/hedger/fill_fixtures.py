"""Descriptions of funded fills for every hedge, at what pools and lenders ask now."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import ape
import pytest

from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, FundingSource, HedgeLeg, SigningKey
from pmm.localnet.addresses import UNISWAP_V3_SWAP_ROUTER
from pmm.localnet.placement import ChainBuilder
from tests.contracts.hedger.costs import Costs, V4Pool, place_v4_routers, seed_v4_pool
from tests.contracts.hedger.funded_fills import ONE_WETH, FundedFill
from tests.contracts.hedger.hedges import ETHER_POOL, FLASH_SWAP, SWAP_FEE_PIPS, WETH_POOL, Hedge
from tests.contracts.hedger.second_orders import MAKING_EXTRA, MAKING_MULTIPLE, OrderMaker, cost_of

_DEPTH_USD = 100_000_000


@pytest.fixture(scope="session")
def now_s(rpc: JsonRpc) -> Callable[[], int]:
    """The time of the chain's newest block."""
    return lambda: int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture(scope="session")
def costs(rpc: JsonRpc) -> Costs:
    return Costs(rpc)


@pytest.fixture(scope="session")
def v4_pools(rpc: JsonRpc) -> dict[bool, V4Pool]:
    """The Uniswap V4 pools of ether and of WETH against USDC, by whether they trade ether."""
    pools = {
        ether: V4Pool(fee_pips=pool[0], tick_spacing=pool[1], ether=ether)
        for ether, pool in ((True, ETHER_POOL), (False, WETH_POOL))
    }
    with ChainBuilder(rpc) as chain:
        place_v4_routers(chain)
        seed_v4_pool(chain, pools[False], depth_usd=_DEPTH_USD)
    return pools


@pytest.fixture
def contract_taker(owner: Any, settlement: Any, tokens: Any, deal: Any) -> Any:
    """A taker that does several things in one transaction, with both assets."""
    taker = owner.deploy(ape.project.MockTaker)
    deal(USDC.address, taker, 1_000_000 * 10**6)
    deal(WETH.address, taker, 10 * ONE_WETH)
    for token in tokens.values():
        for spender in (settlement.address, UNISWAP_V3_SWAP_ROUTER):
            taker.execute(token, token.approve.encode_input(spender, 2**255), sender=owner)
    return taker


@pytest.fixture(scope="session")
def order_maker(rpc: JsonRpc, now_s: Callable[[], int]) -> OrderMaker:
    """Somebody else who quotes on 1inch's contract."""
    key = SigningKey(secrets.token_bytes(32))
    return OrderMaker.place(rpc, key, ape.chain.chain_id, now_s)


@pytest.fixture
def describe_fill(
    taker: Any, costs: Costs, mock_lender: Any, v4_pools: dict[bool, V4Pool], order_maker: OrderMaker
) -> Callable[..., FundedFill]:
    """Describe a funded fill that leaves ``profit``, from what pool, pair, manager or second order ask now."""

    def _describe(
        hedge: Hedge,
        maker_asset: str,
        taker_asset: str,
        making_amount: int,
        *,
        profit: int,
        min_profit: int,
        receiver: Any = None,
        lender: str = "",
    ) -> FundedFill:
        fee = costs.lending_fee(hedge.source, making_amount)
        sale = (taker_asset, maker_asset, making_amount + fee)
        order = None
        if hedge.closed_on is HedgeLeg.UNISWAP_V3_POOL:
            cost = costs.on_v3(*sale, hedge.swap_fee_pips)
        elif hedge.closed_on is HedgeLeg.UNISWAP_V3_PATH:
            cost = costs.on_path(*sale, hedge.path(maker_asset))
        elif hedge.closed_on is HedgeLeg.UNISWAP_V2_PAIR:
            cost = costs.on_v2(*sale)
        elif hedge.closed_on is HedgeLeg.UNISWAP_V4_POOL:
            cost = costs.on_v4(*sale, v4_pools[hedge.ether])
        else:
            price = costs.on_v3(*sale, SWAP_FEE_PIPS)
            amounts = (MAKING_MULTIPLE * sale[2] + MAKING_EXTRA, MAKING_MULTIPLE * price)
            order = order_maker.order(maker_asset, taker_asset, *amounts)
            cost = cost_of(order, sale[2])
        return FundedFill(
            taker=str(taker.address),
            receiver=str((receiver or taker).address),
            maker_asset=maker_asset,
            taker_asset=taker_asset,
            making_amount=making_amount,
            taking_amount=cost + profit,
            plan=hedge.plan(min_profit=min_profit).encode(),
            route=hedge.route(
                maker_asset, lender or mock_lender.address, lambda: order_maker.route(order) if order else b""
            ),
            cost=cost,
            fee=fee,
        )

    return _describe


@pytest.fixture
def sell_weth(describe_fill: Any) -> Callable[..., FundedFill]:
    """Describe a sale of 1 WETH for USDC that leaves 10 USDC and asks for 4."""

    def _sell(hedge: Hedge | FundingSource = FLASH_SWAP, **changes: Any) -> FundedFill:
        terms = {"profit": 10 * 10**6, "min_profit": 4 * 10**6} | changes
        fill: FundedFill = describe_fill(_hedge(hedge), WETH.address, USDC.address, ONE_WETH, **terms)
        return fill

    return _sell


@pytest.fixture
def sell_usdc(describe_fill: Any) -> Callable[..., FundedFill]:
    """Describe a sale of 2,000 USDC for WETH that leaves 0.004 WETH and asks for 0.001."""

    def _sell(hedge: Hedge | FundingSource = FLASH_SWAP, **changes: Any) -> FundedFill:
        terms = {"profit": 4 * 10**15, "min_profit": 10**15} | changes
        fill: FundedFill = describe_fill(_hedge(hedge), USDC.address, WETH.address, 2_000 * 10**6, **terms)
        return fill

    return _sell


@pytest.fixture
def sell(sell_weth: Any, sell_usdc: Any) -> dict[str, Callable[..., FundedFill]]:
    """Both of them, by what is sold."""
    return {"WETH": sell_weth, "USDC": sell_usdc}


def _hedge(hedge: Hedge | FundingSource) -> Hedge:
    return hedge if isinstance(hedge, Hedge) else Hedge(source=hedge)
