"""The reader's depth from tick maps is the quoter's, to the unit; V2 pairs are read from their reserves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.feeds import feeds_of
from pmm.chain.market_reader import MarketReader
from pmm.chain.pool_reader import TickRules
from pmm.chain.quoter import find_pairs, find_pools
from pmm.chain.view_calls import ReaderPlan
from pmm.chain.web3_node import Web3Node
from pmm.domain import USDC, USDT, WBTC, WETH, Address, parse_address
from pmm.localnet.addresses import UNISWAP_V2_ROUTER
from pmm.pricing import PoolKind
from tests.fork.server.site import TAKER, Deployed

_PAIRS = [(WETH, USDC), (WETH, USDT), (WBTC, USDC)]
_USD = tuple(Decimal(usd) for usd in (100, 1_000, 10_000, 50_000, 150_000, 300_000, 600_000))


@pytest.fixture
def node(deployed: Deployed) -> Web3Node:
    return Web3Node(deployed.rpc.url, timeout_s=30)


@pytest.fixture
def plan(deployed: Deployed, node: Web3Node) -> ReaderPlan:
    tokens = (WETH, USDC, USDT, WBTC)
    return ReaderPlan(
        settlement=parse_address(deployed.settlement),
        signer=Address(TAKER),
        lanes=0,
        tokens=tokens,
        feeds=feeds_of(tokens),
        pools=find_pools(node, _PAIRS),
        ladder_usd=_USD,
    )


@pytest.mark.parametrize(
    "rules", [TickRules(), TickRules(words=40, most_ticks=1_000), TickRules(most_ticks=1)]
)
def test_market_reader__tick_maps__give_what_the_quoter_gives(
    node: Web3Node, plan: ReaderPlan, rules: TickRules
) -> None:
    by_quoter = MarketReader(node, plan).read(()).market
    by_ticks = MarketReader(node, replace(plan, ticks=rules)).read(()).market
    assert by_ticks.pools == by_quoter.pools
    assert sum(len(pools) for pools in by_ticks.pools.values()) >= 6


def test_market_reader__v2_pair__pays_what_the_router_says(
    deployed: Deployed, node: Web3Node, plan: ReaderPlan
) -> None:
    pairs = find_pairs(node, _PAIRS)
    assert pairs
    market = MarketReader(node, replace(plan, pools=pairs)).read(()).market
    reading = market.pools[WETH.address, USDC.address][0]
    assert reading.kind is PoolKind.UNISWAP_V2
    for amount_in, amount_out in reading.depth.knots:
        assert amount_out == _router_out(node, amount_in)


def _router_out(node: Web3Node, amount: int) -> int:
    data = encode_call("getAmountsOut(uint256,address[])", amount, [WETH.address, USDC.address])
    (amounts,) = decode_result(("uint256[]",), node.call(UNISWAP_V2_ROUTER, data))
    return int(amounts[-1])
