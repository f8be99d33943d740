"""Events of the chain side: indexer, nodes, transactions."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BLOCKS = (0, 1, 2, 3, 5, 10, 25)


class ChainWatch:
    """Counts blocks, reorganisations, node scores, transactions."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._block = Gauge("pmm_indexer_block", "Newest block in the books.", registry=registry)
        self._lag_blocks = Gauge("pmm_indexer_lag_blocks", "Blocks behind the best node.", registry=registry)
        self._lag_s = Gauge("pmm_indexer_lag_seconds", "Age of that block when read.", registry=registry)
        self._reorgs = Counter("pmm_indexer_reorgs", "Reorganisations healed.", registry=registry)
        self._depth = Gauge(
            "pmm_indexer_last_reorg_depth", "Blocks that the last one undid.", registry=registry
        )
        self._score = Gauge("pmm_node_score", "Health, 0 to 1.", ("node", "part"), registry=registry)
        self._active = Gauge("pmm_node_active", "1 for the node in use.", ("node",), registry=registry)
        self._switches = Counter("pmm_node_switches", "Changes of the node in use.", registry=registry)
        self._gas_price = Gauge("pmm_gas_price_gwei", "Gas price, gwei.", registry=registry)
        self._transactions = Counter(
            "pmm_transactions", "Transactions by outcome.", ("purpose", "outcome"), registry=registry
        )
        self._gas_usd = Counter(
            "pmm_transaction_gas_usd", "Gas paid, US dollars.", ("purpose",), registry=registry
        )
        self._inclusion = Histogram(
            "pmm_transaction_inclusion_blocks",
            "Blocks from submission to inclusion.",
            buckets=_BLOCKS,
            registry=registry,
        )

    def block_followed(self, *, number: int, lag_blocks: int, lag_s: float) -> None:
        """A block is in the books."""
        self._block.set(number)
        self._lag_blocks.set(lag_blocks)
        self._lag_s.set(lag_s)
        self._log.debug("block_followed", number=number, lag_blocks=lag_blocks)

    def reorg_healed(self, *, depth: int, events_removed: int) -> None:
        """Blocks were taken out of the books."""
        self._reorgs.inc()
        self._depth.set(depth)
        self._log.warning("reorg_healed", depth=depth, events_removed=events_removed)

    def node_scored(self, *, node: str, sync: float, response: float, score: float) -> None:
        """A node was judged; ``node`` is a name or a shown address, never one with a key."""
        for part, value in (("sync", sync), ("response", response), ("total", score)):
            self._score.labels(node, part).set(value)
        self._log.debug("node_scored", node=node, score=score)

    def node_switched(self, *, before: str, after: str, why: str) -> None:
        """Another node is in use; ``before`` is empty for the first one."""
        if before:
            self._active.labels(before).set(0)
            self._switches.inc()
        self._active.labels(after).set(1)
        log = self._log.warning if before else self._log.info
        log("node_switched" if before else "node_chosen", before=before, after=after, why=why)

    def gas_price_read(self, *, gwei: float) -> None:
        """The gas price of a block."""
        self._gas_price.set(gwei)
        self._log.debug("gas_price_read", gwei=gwei)

    def transaction_sent(self, *, purpose: str, transaction_hash: str) -> None:
        """A transaction left."""
        self._transactions.labels(purpose, "sent").inc()
        self._log.info("transaction_sent", purpose=purpose, transaction_hash=transaction_hash)

    def transaction_replaced(self, *, purpose: str, transaction_hash: str) -> None:
        """The same nonce was sent again, dearer."""
        self._transactions.labels(purpose, "replaced").inc()
        self._log.warning("transaction_replaced", purpose=purpose, transaction_hash=transaction_hash)

    def transaction_included(
        self, *, purpose: str, transaction_hash: str, succeeded: bool, blocks: int, gas_usd: float
    ) -> None:
        """A transaction is in a block, ``blocks`` after it was sent."""
        outcome = "succeeded" if succeeded else "reverted"
        self._transactions.labels(purpose, outcome).inc()
        self._gas_usd.labels(purpose).inc(gas_usd)
        self._inclusion.observe(blocks)
        log = self._log.info if succeeded else self._log.error
        log("transaction_included", purpose=purpose, transaction_hash=transaction_hash, outcome=outcome)
