"""What waits for the writer: rows, outcomes and admissions, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pmm.execution import JournalUnavailable, QuoteOutcome, QuoteRecord, Receipt
from pmm.journal.store import BadRecord, Statement, Store, StoreDown
from pmm.pricing import MarketSnapshot

_UNUSABLE = (StoreDown, BadRecord)


class Entry:
    """What stands or falls together. Kinds are told apart by which part is there.

    Attributes:
        statements: rows that need no decision.
        market: snapshot that they name.
        record: a request to be admitted; ``fence`` is the lease under which its nonce was issued.
        outcomes: ends of quotes.
        patient: waits a moment for an entry that must be on disk at once, to share its commit.
        future: resolved in ``loop``, in one call for all entries of a batch.
    """

    __slots__ = (
        "fence",
        "future",
        "loop",
        "market",
        "outcomes",
        "patient",
        "receipt",
        "record",
        "statements",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        statements: tuple[Statement, ...] = (),
        market: MarketSnapshot | None = None,
        record: QuoteRecord | None = None,
        fence: int | None = None,
        outcomes: tuple[QuoteOutcome, ...] = (),
        patient: bool = False,
    ) -> None:
        self.loop = loop
        self.statements = statements
        self.market = market
        self.record = record
        self.fence = fence
        self.outcomes = outcomes
        self.patient = patient
        self.receipt: Receipt | None = None
        self.future: asyncio.Future[Receipt | None] = loop.create_future()


class Unsynced:
    """A batch that is committed and not durable yet: the writer's thread syncs it where the kernel does not do so
    by itself."""

    __slots__ = ("batch",)

    def __init__(self, batch: list[Entry]) -> None:
        self.batch = batch


class Task:
    """A transaction of its own that the writer's thread runs between two batches: leases, blocks, changes.

    One that ``writes`` and succeeds shows that the journal can be written again.
    """

    __slots__ = ("_error", "_result", "future", "run", "writes")

    def __init__(self, run: Callable[[Store], Any], *, writes: bool) -> None:
        self.run = run
        self.writes = writes
        self._result: Any = None
        self._error: Exception | None = None
        self.future: Future[Any] = Future()

    def perform(self, store: Store) -> str | None:
        """Run over a store that nobody else has now; return why it cannot be used, if so. :meth:`tell` comes next."""
        try:
            self._result = self.run(store)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a task does
            unusable = f"the journal could not be used: {error}" if isinstance(error, _UNUSABLE) else None
            self._error = error if unusable is None else JournalUnavailable(unusable)
            return _rolled_back(store) or unusable
        return None

    def tell(self) -> None:
        """Tell whoever waits what came of it."""
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)


def _rolled_back(store: Store) -> str | None:
    try:
        store.rollback()
    except Exception as error:  # noqa: BLE001 - the next begin tries it again, and says why it cannot
        return f"the journal could not be used: {error}"
    return None
