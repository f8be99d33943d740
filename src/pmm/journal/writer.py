"""The journal's single writer thread: everything that waits goes into one transaction (group commit)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

from pmm.domain import Address
from pmm.execution import JournalState, JournalUnavailable, LadderRecord, QuoteOutcome, QuoteRecord
from pmm.journal.database import JournalLock, bind_maker, connect_for_writing, prepare_folder
from pmm.journal.encoding import Row, ladder_row, outcome_row, quote_row, snapshot_row
from pmm.journal.recovery import recover
from pmm.journal.schema import INSERT_LADDER, INSERT_OUTCOME, INSERT_QUOTE, INSERT_SNAPSHOT
from pmm.pricing import MarketSnapshot

_BATCH_LIMIT = 512
# Snapshots follow each other: remembering a few spares their serialisation for every quote.
_SNAPSHOTS_KNOWN = 64


class _Entry:
    """Rows that stand or fall together, and who waits for them."""

    __slots__ = ("future", "loop", "market", "rows", "statement")

    def __init__(
        self,
        statement: str,
        rows: Sequence[Row],
        market: MarketSnapshot | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.statement = statement
        self.rows = rows
        self.market = market
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()


class SqliteJournal:
    """The journal in an SQLite file; implements ``QuoteJournal``.

    Raises SetupError when the file cannot be written or another server holds it, InvalidInput when it is
    something else or belongs to another maker.
    """

    def __init__(self, path: Path, *, chain_id: int, maker: Address) -> None:
        self.path = path
        prepare_folder(path)
        self._lock = JournalLock(path)
        try:
            self._connection = connect_for_writing(path)
            bind_maker(self._connection, chain_id=chain_id, maker=maker, path=path)
        except BaseException:
            self._lock.release()
            raise
        self._snapshots_known: dict[str, None] = {}
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._closed = False
        self._last_error: str | None = None
        # A daemon: a commit that hangs on a dead disk must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def last_error(self) -> str | None:
        """Why the last commit failed, None after one that worked."""
        return self._last_error

    def recover(self) -> JournalState:
        """Return what a starting server must know; call it before the first append."""
        return recover(self.path)

    async def append(self, record: QuoteRecord) -> None:
        """Append a request with its decision; durable on return, else raises JournalUnavailable."""
        await self._submit(INSERT_QUOTE, (quote_row(record),), record.market)

    async def append_ladder(self, record: LadderRecord) -> None:
        """Append a published ladder; as :meth:`append`."""
        await self._submit(INSERT_LADDER, (ladder_row(record),), record.market)

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        """Append what became of quotes; as :meth:`append`."""
        await self._submit(INSERT_OUTCOME, tuple(outcome_row(outcome) for outcome in outcomes), None)

    def close(self) -> None:
        """Write what waits, then close. Appending afterwards raises JournalUnavailable."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=1.5)
        if not self._thread.is_alive():
            self._connection.close()
            self._lock.release()

    def _submit(
        self, statement: str, rows: Sequence[Row], market: MarketSnapshot | None
    ) -> asyncio.Future[None]:
        entry = _Entry(statement, rows, market, asyncio.get_running_loop())
        if self._closed:
            entry.future.set_exception(JournalUnavailable("the journal is closed: the server is stopping"))
        else:
            self._queue.put(entry)
        return entry.future

    def _run(self) -> None:
        while True:
            entry = self._queue.get()
            batch: list[_Entry] = []
            while entry is not None:
                batch.append(entry)
                if len(batch) == _BATCH_LIMIT or self._queue.empty():
                    break
                entry = self._queue.get()
            if batch:
                self._commit(batch)
            if entry is None:
                return

    def _commit(self, batch: list[_Entry]) -> None:
        try:
            self._write(batch)
        except (sqlite3.IntegrityError, OverflowError, TypeError) as error:
            if len(batch) == 1:
                self._answer(batch, f"the journal refused the record: {error}")
                return
            # One bad record must not take its neighbours down.
            for entry in batch:
                self._commit([entry])
        except sqlite3.Error as error:
            self._answer(batch, f"the journal could not be written: {error}")
        else:
            self._answer(batch, None)

    def _write(self, batch: list[_Entry]) -> None:
        connection = self._connection
        fresh: dict[str, None] = {}
        if connection.in_transaction:
            # Left over from a rollback that the disk refused.
            connection.execute("ROLLBACK")
        try:
            connection.execute("BEGIN IMMEDIATE")
            for entry in batch:
                market = entry.market
                if market is not None and market.snapshot_id not in self._snapshots_known:
                    connection.execute(INSERT_SNAPSHOT, snapshot_row(market))
                    fresh[market.snapshot_id] = None
                connection.executemany(entry.statement, entry.rows)
            connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError, TypeError):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._remember(fresh)

    def _remember(self, fresh: dict[str, None]) -> None:
        self._snapshots_known.update(fresh)
        while len(self._snapshots_known) > _SNAPSHOTS_KNOWN:
            del self._snapshots_known[next(iter(self._snapshots_known))]

    def _answer(self, batch: list[_Entry], error: str | None) -> None:
        self._last_error = error
        by_loop: dict[asyncio.AbstractEventLoop, list[_Entry]] = {}
        for entry in batch:
            by_loop.setdefault(entry.loop, []).append(entry)
        for loop, entries in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, entries, error)
            except RuntimeError:
                # The loop is closed: the server stopped and nobody waits for the answer any more.
                continue


def _resolve(entries: list[_Entry], error: str | None) -> None:
    for entry in entries:
        if entry.future.done():
            continue
        if error is None:
            entry.future.set_result(None)
        else:
            entry.future.set_exception(JournalUnavailable(error))
