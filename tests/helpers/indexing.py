"""An indexer over nodes made up in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pmm.chain.indexer import ChainFeed, EventDecoder, Indexer, IndexPolicy, IndexStore, WatchList
from pmm.chain.indexer.router_fills import OrderLookup
from pmm.chain.node_pool import NodePool, PoolPolicy
from pmm.domain import ChainChange, ChainEvent, OrderFilled
from pmm.ledger import Ledger
from tests.helpers.fake_chain import WATCH, FakeChain, FakeNode

SMALL = IndexPolicy(finality_blocks=8, least_depth=4, history_blocks=10, live_blocks=6, rollback_after_s=0)


def hashes(events: Iterable[ChainEvent]) -> list[int]:
    """Orders of the fills among events, as numbers."""
    return [int.from_bytes(event.order_hash, "big") for event in events if isinstance(event, OrderFilled)]


@dataclass
class Clock:
    """Stands still unless moved."""

    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Site:
    """Nodes, the pool over them and the indexer."""

    ledger: Ledger
    nodes: Sequence[FakeNode]
    pool: NodePool
    indexer: Indexer
    clock: Clock
    feed: ChainFeed = field(default_factory=ChainFeed)

    def catch_up(self) -> list[ChainChange]:
        """Step until there is nothing new."""
        changes: list[ChainChange] = []
        while (change := self.indexer.step()) is not None:
            changes.append(change)
        return changes

    def read_on(self, consumer: str = "test") -> ChainChange:
        """Read what changed for a consumer and move it on."""
        with self.ledger.transaction() as t:
            delivery = self.feed.pending(t, consumer)
            assert delivery is not None
            self.feed.acknowledge(t, consumer, delivery)
        return delivery.change

    def canonical(self) -> list[ChainEvent]:
        """All events of the chain as a new consumer gets them."""
        with self.ledger.transaction() as t:
            delivery = self.feed.pending(t, "nobody yet")
        assert delivery is not None
        assert not delivery.change.removed
        return list(delivery.change.added)


def open_site(
    ledger: Ledger,
    *chains: FakeChain,
    policy: IndexPolicy = SMALL,
    watch: WatchList = WATCH,
    pool_policy: PoolPolicy | None = None,
    lookup: OrderLookup = lambda _order_hash: None,
) -> Site:
    """Open an indexer over a node for each chain."""
    clock = Clock()
    nodes = [FakeNode(chain) for chain in chains]
    pool = NodePool(
        [f"http://node{number}.test/v3/SECRETKEY{number}" for number in range(len(nodes))],
        clock=clock,
        policy=pool_policy,
        transports=nodes,
    )
    indexer = Indexer(
        nodes=pool,
        store=IndexStore(ledger),
        watch=watch,
        decoder=EventDecoder(watch, lookup),
        policy=policy,
        clock=clock,
    )
    return Site(ledger=ledger, nodes=nodes, pool=pool, indexer=indexer, clock=clock)
