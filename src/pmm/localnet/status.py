"""What stands on a running offline mainnet, read back from the chain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from pmm.chain.rpc import JsonRpc
from pmm.localnet.builder import recorded_placements
from pmm.localnet.feeds import FeedReading
from pmm.localnet.known_code import codehash
from pmm.localnet.node import RunningNode
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pool_prices import PoolPrice
from pmm.localnet.prices import read_prices
from pmm.localnet.registry import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A placed contract and the hash of the code that stands there now."""

    placement: Placement
    codehash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A running offline mainnet.

    Attributes:
        block_timestamp_s: of the latest block, seconds since 1970.
    """

    node: RunningNode
    client: str
    chain_id: int
    block_number: int
    block_timestamp_s: int
    contracts: tuple[Contract, ...]
    feeds: tuple[FeedReading, ...]
    pools: tuple[PoolPrice, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values; prices as decimal strings."""
        return {
            "running": True,
            "url": self.node.url,
            "pid": self.node.pid,
            "client": self.client,
            "chainId": self.chain_id,
            "blockNumber": self.block_number,
            "blockTimestamp": self.block_timestamp_s,
            "genuine": self.node.genuine,
            "stateKey": self.node.state_key,
            "contracts": [asdict(c.placement) | {"codehash": c.codehash} for c in self.contracts],
            "feeds": [
                {"asset": f.asset, "priceUsd": str(f.price_usd), "updatedAt": f.updated_at_s}
                for f in self.feeds
            ],
            "pools": [
                {
                    "name": p.pool.name,
                    "address": p.address,
                    "deviationBps": str(p.deviation_bps.quantize(Decimal("0.0001"))),
                }
                for p in self.pools
            ],
        }


def read_status(node: RunningNode) -> Status:
    """Read the status of a running node.

    Raises:
        ChainError: the node does not answer.
        SetupError: the record of what was built is missing.
    """
    with JsonRpc(node.url) as rpc:
        chain = ChainBuilder(rpc)
        head = rpc.call("eth_getBlockByNumber", "latest", False)
        feeds, pools = read_prices(rpc)
        placements = recorded_placements(node.state_key)
        return Status(
            node=node,
            client=rpc.call("web3_clientVersion"),
            chain_id=int(rpc.call("eth_chainId"), 16),
            block_number=int(head["number"], 16),
            block_timestamp_s=int(head["timestamp"], 16),
            contracts=tuple(Contract(placement=p, codehash=codehash(chain, p.address)) for p in placements),
            feeds=tuple(feeds),
            pools=tuple(pools),
        )
