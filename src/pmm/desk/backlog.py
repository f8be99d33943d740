"""What happened on the chain since the desk last looked, taken into the book and the hedger's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pmm.chain.indexer import ChainFeed, Delivery
from pmm.domain import ChainChange
from pmm.execution.book import InventoryBook
from pmm.execution.hedging import HedgeMarket, Hedger
from pmm.execution.ledger import LedgerTransaction
from pmm.ledger import Ledger

CONSUMER = "hedger"
"""Name under which the hedger's place on the chain stands in the ledger."""


class Backlog:
    """Takes all of it in before anything is decided: half of it is a position that the desk no longer has."""

    def __init__(
        self, ledger: Ledger, book: InventoryBook, hedger: Hedger, feed: ChainFeed | None = None
    ) -> None:
        self._ledger, self._book, self._hedger = ledger, book, hedger
        self._feed = feed or ChainFeed()

    def begin(self) -> None:
        """On a ledger without a hedger, begin behind what happened until now."""
        with self._ledger.transaction() as transaction:
            known = transaction.query("SELECT 1 FROM chain_consumers WHERE name = ?", (CONSUMER,))
            if not known:
                self._feed.skip_to_now(transaction, CONSUMER)

    def take_in(self, market: HedgeMarket | None, now_ms: int, *, followed: bool) -> list[ChainChange]:
        """Return what was taken in; ``followed``: the chain moved on, also where nothing of it concerns us.

        Raises SetupError while the ledger is down: the rest comes again.
        """
        changes: list[ChainChange] = []
        for delivery in self._deliveries():
            change = delivery.change
            # Steps that undo each other bring nothing, but what waits behind them is only read once they are.
            if not (followed or change.added or change.removed or delivery.more):
                continue
            # What comes again after a failure of the hedger changes the book no more.
            self._book.apply(change)
            self._hedger.take_in(
                change, now_ms=now_ms, market=market, acknowledge=partial(self._acknowledge, delivery)
            )
            changes.append(change)
        return changes

    def _deliveries(self) -> Iterator[Delivery]:
        more = True
        while more:
            with self._ledger.transaction() as transaction:
                delivery = self._feed.pending(transaction, CONSUMER)
            if delivery is None:
                return
            yield delivery
            more = delivery.more

    def _acknowledge(self, delivery: Delivery, transaction: LedgerTransaction) -> None:
        self._feed.acknowledge(transaction, CONSUMER, delivery)
