"""What waits for the writer: rows, outcomes and admissions, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from pmm.execution import QuoteOutcome, QuoteRecord, Receipt
from pmm.journal.store import Statement, Store
from pmm.pricing import MarketSnapshot


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


class Task:
    """A transaction of its own that the writer's thread runs between two batches: leases, blocks, changes.

    One that ``writes`` and succeeds shows that the journal can be written again.
    """

    __slots__ = ("future", "run", "writes")

    def __init__(self, run: Callable[[Store], Any], *, writes: bool) -> None:
        self.run = run
        self.writes = writes
        self.future: Future[Any] = Future()
