"""The indexer on the one node there is, and one consumer of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pmm.chain.indexer import ChainFeed, Delivery, Indexer
from pmm.chain.indexer.block_source import BlockSource
from pmm.execution.hedging.hedge_ledger import Acknowledge
from pmm.ledger import Ledger


@dataclass
class OneNode:
    """A single node, always asked."""

    node: BlockSource

    @property
    def count(self) -> int:
        """One."""
        return 1

    def in_order(self) -> tuple[BlockSource, ...]:
        """Return it."""
        return (self.node,)

    def distrust(self, node: BlockSource, why: str) -> None:
        """Fail: there is no other."""
        raise AssertionError(why)


@dataclass
class Follower:
    """The indexer and one consumer of it."""

    ledger: Ledger
    indexer: Indexer
    consumer: str = "hedger"
    feed: ChainFeed = field(default_factory=ChainFeed)

    def deliveries(self) -> Iterator[Delivery]:
        """Follow the chain to its head, and yield what is new to the consumer, who acknowledges each."""
        while self.indexer.step() is not None:
            pass
        more = True
        while more:
            with self.ledger.transaction() as transaction:
                delivery = self.feed.pending(transaction, self.consumer)
            if delivery is None:
                return
            yield delivery
            more = delivery.more

    def acknowledge(self, delivery: Delivery) -> Acknowledge:
        """Return what moves the consumer on, for the transaction that books a delivery."""
        return lambda transaction: self.feed.acknowledge(transaction, self.consumer, delivery)
