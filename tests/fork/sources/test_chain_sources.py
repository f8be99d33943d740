"""The sources that read the chain, on the offline mainnet: genuine feeds, and one that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from pmm.chain.rpc import JsonRpc
from pmm.chain.web3_node import Web3Node
from pmm.domain import USDC, WBTC, WETH
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.node import start
from pmm.localnet.prices import refresh_feeds, set_price
from pmm.monitoring.desk import DeskEvents
from pmm.sources import EACH_BLOCK, ChainlinkPrices, FirstOf, Guarded, PoolPrices, SystemClock


@pytest.fixture(scope="module")
def localnet() -> Iterator[AnvilNode]:
    node = start()
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture
def rpc(localnet: AnvilNode) -> Iterator[JsonRpc]:
    with localnet.rpc() as client:
        snapshot = client.call("evm_snapshot")
        yield client
        client.call("evm_revert", snapshot)


def test_chainlink__genuine_feeds__give_the_prices_that_were_set(rpc: JsonRpc) -> None:
    set_price(rpc, "ETH", Decimal("3150.25"))
    set_price(rpc, "BTC", Decimal("61234.5"))
    node = Web3Node(rpc.url, timeout_s=10)
    found = {one.token: one for one in _chainlink(node, rpc).ask()}
    assert found[WETH.address].rate_e36 == 315_025 * 10**16
    assert found[WBTC.address].rate_e36 == 612_345 * 10**27
    assert found.keys() == {WETH.address, WBTC.address, USDC.address}
    node.close()


def test_valuation__feed_that_stands_still__falls_back_to_the_pools_and_returns(rpc: JsonRpc) -> None:
    node, events = Web3Node(rpc.url, timeout_s=10), DeskEvents()
    set_price(rpc, "ETH", Decimal("3150.25"))
    chainlink = Guarded(_chainlink(node, rpc), policy=EACH_BLOCK, watch=events.sources, clock=SystemClock())
    pools = PoolPrices(node, (WETH, WBTC, USDC), chain_now_s=lambda: 7)
    role = FirstOf("valuation", (chainlink, pools), watch=events.sources)
    answered = role.ask()
    assert answered is not None
    assert answered.source == "chainlink"
    rpc.call("evm_increaseTime", 2 * 86_400)
    rpc.call("evm_mine")
    answered = role.ask()
    assert answered is not None
    assert answered.source == "uniswap_v3"
    found = {one.token: one for one in answered.value}
    assert found.keys() == {WETH.address, WBTC.address}
    weth = found[WETH.address]
    assert (weth.unit, weth.observed_at_s) == (None, 7)
    # The pools were set to the price of the feed; a dollar token counts as a dollar.
    assert abs(weth.rate_e36 - 315_025 * 10**16) < 315_025 * 10**16 // 200
    assert events.registry.get_sample_value("pmm_source_healthy", {"source": "chainlink"}) == 0
    refresh_feeds(rpc)
    answered = role.ask()
    assert answered is not None
    assert answered.source == "chainlink"
    node.close()


def _chainlink(node: Web3Node, rpc: JsonRpc) -> ChainlinkPrices:
    def chain_now_s() -> int:
        return int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    return ChainlinkPrices(node, (WETH, WBTC, USDC), chain_now_s=chain_now_s)
