"""Nothing is changed on a node that is not anvil."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import pytest

from pmm.chain.rpc import JsonRpc
from pmm.errors import ChainError
from pmm.localnet.addresses import BUILDER, USDC, WETH
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.placement import ChainBuilder, require_anvil
from pmm.localnet.prices import refresh_feeds, set_price


class LiveNode:
    """A client that is not anvil; records what it was asked."""

    url = "http://live.example"

    def __init__(self, client: str = "Geth/v1.16.4-stable/linux-amd64/go1.25") -> None:
        self.client = client
        self.asked: list[str] = []

    def call(self, method: str, *params: Any) -> Any:
        self.asked.append(method)
        return {"web3_clientVersion": self.client, "eth_call": "0x" + "00" * 32}[method]


@pytest.mark.parametrize("client", ["Geth/v1.16", "reth/v1.8", "", "not-anvil/v1"])
def test_require_anvil__another_client__names_it(client: str) -> None:
    with pytest.raises(ChainError, match=r"expected an anvil node at http://live\.example"):
        require_anvil(cast(JsonRpc, LiveNode(client)))


def test_require_anvil__anvil__passes() -> None:
    require_anvil(cast(JsonRpc, LiveNode("anvil/v1.7.1")))


@pytest.mark.parametrize("token", [NATIVE, "ETH", USDC, WETH])
def test_deal__live_node__changes_nothing(token: str) -> None:
    node = LiveNode()
    with pytest.raises(ChainError, match="found 'Geth"):
        deal(cast(JsonRpc, node), token, BUILDER, 1)
    assert set(node.asked) <= {"web3_clientVersion", "eth_call"}


def test_send__live_node__sends_nothing() -> None:
    node = LiveNode()
    with pytest.raises(ChainError, match="found 'Geth"):
        ChainBuilder(cast(JsonRpc, node)).send(None, b"", sender=BUILDER)
    assert node.asked == ["web3_clientVersion"]


def test_set_price__live_node__submits_nothing() -> None:
    node = LiveNode()
    with pytest.raises(ChainError, match="found 'Geth"):
        set_price(cast(JsonRpc, node), "ETH", Decimal(3_000))
    with pytest.raises(ChainError, match="found 'Geth"):
        refresh_feeds(cast(JsonRpc, node))
    assert set(node.asked) == {"web3_clientVersion"}
