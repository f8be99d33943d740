"""What a transaction earned at fair prices, and what the ledger keeps of it."""

from __future__ import annotations

from pmm.execution.hedging.records import SeenTransaction
from pmm.execution.hedging.routes import HedgeMarket
from pmm.execution.hedging.transaction_deltas import TransactionDelta


def edge_usd_wad(one: TransactionDelta, market: HedgeMarket) -> int:
    """Return what a fill's transaction changed our wealth by, US dollars in wad; 0 without all prices."""
    if any(token not in market.usd_per_unit_e36 for token in one.deltas):
        return 0
    return sum(market.value_down(token, amount) for token, amount in one.deltas.items())


def seen_transaction(one: TransactionDelta) -> SeenTransaction:
    """Return what the ledger keeps of a transaction."""
    return SeenTransaction(
        block_number=one.place.block.number,
        block_hash=one.place.block.hash,
        transaction_hash=one.place.transaction_hash,
        deltas=tuple(sorted(one.deltas.items())),
    )
