"""The desk's book: what it holds and owes on chain, held against the chain, and the exposure that follows.

How it is joined, by the composition root:

1. ``InventoryBook(scope)``; the first ``reconcile(book, reading)`` opens it from the chain.
2. Every ``ChainChange`` goes to ``book.apply``, in the indexer's order. Events at or below the opening block are
   ignored, so that a consumer of the indexer may start anywhere before it.
3. Once a block, when no event waits any more: ``reading = BookReader.read(block)`` (``pmm.venues.book_reader``) and
   ``reconcile(book, reading)``; each ``BookDifference`` is an alert, ``interest`` is for PnL.
4. ``exposures(book, ...)`` with perp positions, live quotes, targets and reservations, whenever asked.
"""

from pmm.execution.book.exposure import Exposure, PendingQuote, PerpHolding, exposures, pending_delta
from pmm.execution.book.inventory_book import BookScope, InventoryBook
from pmm.execution.book.positions import (
    NO_AMOUNT,
    AccountKind,
    BalanceKey,
    ChainReading,
    IndexedAmount,
    LendingKey,
    LendingMark,
    LendingPosition,
    Origin,
    PerpKey,
)
from pmm.execution.book.reconciliation import (
    BookDifference,
    Cause,
    InterestBooked,
    Reconciliation,
    Side,
    reconcile,
)

__all__ = [
    "NO_AMOUNT",
    "AccountKind",
    "BalanceKey",
    "BookDifference",
    "BookScope",
    "Cause",
    "ChainReading",
    "Exposure",
    "IndexedAmount",
    "InterestBooked",
    "InventoryBook",
    "LendingKey",
    "LendingMark",
    "LendingPosition",
    "Origin",
    "PendingQuote",
    "PerpHolding",
    "PerpKey",
    "Reconciliation",
    "Side",
    "exposures",
    "pending_delta",
    "reconcile",
]
