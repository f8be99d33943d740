"""The journal's single writer thread: everything that waits goes into one transaction (group commit)."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pmm.domain import Address, oneinch_domain
from pmm.execution import (
    BookChanges,
    JournalState,
    JournalUnavailable,
    LadderRecord,
    LaneLease,
    QuoteOutcome,
    QuoteRecord,
    Receipt,
    Selection,
)
from pmm.journal.batch import BatchWriter
from pmm.journal.changes import read_changes
from pmm.journal.encoding import ladder_row, lane_space, nonce_space, quote_row, router_space, selection_row
from pmm.journal.entries import Entry, Task
from pmm.journal.gathering import Gathering
from pmm.journal.leases import lease_lanes, release_lanes, take_block
from pmm.journal.recovery import recover
from pmm.journal.schema import INSERT_LADDER, INSERT_QUOTE, INSERT_SELECTION
from pmm.journal.store import BadRecord, Store, StoreDown

_BATCH_LIMIT = 512
_PATIENCE_S = 0.05
_CLOSE_TIMEOUT_S = 1.5
LEASE_MS = 15_000
"""How long a crashed replica's lanes stay unused; three renewals may fail within it."""


class Journal:
    """The journal over a store; implements ``QuoteJournal`` and ``NonceLeases``.

    Appending from any event loop is durable on return, else raises JournalUnavailable. ``lease_ms`` is how long a
    lane stays ours without renewal, ``path`` where the journal is, without secrets.
    """

    def __init__(
        self, store: Store, *, path: Path | str, chain_id: int, maker: Address, lease_ms: int = LEASE_MS
    ) -> None:
        self.path = path
        self._store = store
        self._chain_id, self._maker, self._lease_ms = chain_id, maker, lease_ms
        self.replica = secrets.token_hex(8)
        self._writer = BatchWriter(store, replica=self.replica)
        self._fences: dict[str, int] = {}
        self._queue: SimpleQueue[list[Entry] | Task | None] = SimpleQueue()
        self._gatherings: dict[asyncio.AbstractEventLoop, Gathering] = {}
        self._closed = False
        self._last_error: str | None = None
        # A daemon: a commit that hangs on a dead disk must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def last_error(self) -> str | None:
        """Why the last commit failed, None after one that worked."""
        return self._last_error

    @property
    def shared(self) -> bool:
        """Whether other replicas may write the same journal."""
        return self._store.shared

    def recover(self) -> JournalState:
        """Return what a starting server must know; raises JournalUnavailable."""
        state: JournalState = self._call(recover, writes=False).result()
        return state

    def admit(self, record: QuoteRecord) -> asyncio.Future[Receipt]:
        """Append a request with its decision, if all that replicas have admitted leaves room for it."""
        fence = self._fences.get(nonce_space(record.admitted)) if record.admitted else None
        entry = Entry(asyncio.get_running_loop(), record=record, market=record.market, fence=fence)
        return self._submit(entry)  # type: ignore[return-value]  # an entry with a record has a receipt

    async def append(self, record: QuoteRecord) -> None:
        """Append a request that asks for no admission."""
        statement = (INSERT_QUOTE, quote_row(record, self.replica))
        loop = asyncio.get_running_loop()
        await self._submit(Entry(loop, statements=(statement,), market=record.market))

    async def append_ladder(self, record: LadderRecord) -> None:
        """Append a published ladder, within :data:`_PATIENCE_S` or with the next entry."""
        statement = (INSERT_LADDER, ladder_row(record))
        loop = asyncio.get_running_loop()
        await self._submit(Entry(loop, statements=(statement,), market=record.market, patient=True))

    async def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> None:
        """Append what became of quotes and free what they promised; once is as good as twice."""
        await self._submit(Entry(asyncio.get_running_loop(), outcomes=outcomes))

    async def append_selection(self, selection: Selection) -> None:
        """Append that a relayer chose another maker; frees nothing."""
        statement = (INSERT_SELECTION, selection_row(selection))
        await self._submit(Entry(asyncio.get_running_loop(), statements=(statement,)))

    def lease_lanes(
        self, signer: Address, lanes: tuple[int, ...], *, most: int
    ) -> Future[tuple[LaneLease, ...]]:
        """Renew our leases and take free lanes up to ``most``; the future has every lane that we hold then."""
        spaces = {lane_space(self._chain_id, self._maker, signer, lane): lane for lane in lanes}
        return self._call(
            partial(
                lease_lanes,
                replica=self.replica,
                spaces=spaces,
                adopted=frozenset(self._fences),
                most=most,
                lease_ms=self._lease_ms,
            ),
            writes=True,
        )

    def adopt(self, signer: Address, leases: tuple[LaneLease, ...]) -> None:
        """From now on admit under these leases and no others; called where their nonces are taken over."""
        self._fences = {
            lane_space(self._chain_id, self._maker, signer, lease.lane): lease.fence for lease in leases
        }

    def take_block(self, *, at_least: int) -> Future[range]:
        """Take the next block of 256 nonces of 1inch's contract that begins at ``at_least`` or above."""
        space = router_space(self._chain_id, oneinch_domain(self._chain_id).verifying_contract, self._maker)
        return self._call(
            lambda store: take_block(store, self.replica, space, at_least=at_least), writes=True
        )

    def changes(self, cursor: tuple[int, int], known: Callable[[bytes], bool]) -> Future[BookChanges]:
        """Return what was admitted and ended behind ``cursor``, without live quotes that are ``known``."""
        return self._call(lambda store: read_changes(store, cursor, known), writes=False)

    def close(self) -> None:
        """Write what waits, give the leases back, then close. Appending afterwards raises JournalUnavailable."""
        if self._closed:
            return
        if self._fences:
            self._call(lambda store: release_lanes(store, self.replica), writes=True)
        self._closed = True
        for gathering in self._gatherings.values():
            gathering.flush()
        self._queue.put(None)
        self._thread.join(timeout=_CLOSE_TIMEOUT_S)
        if not self._thread.is_alive():
            self._store.close()

    def _submit(self, entry: Entry) -> asyncio.Future[Receipt | None]:
        if self._closed:
            entry.future.set_exception(JournalUnavailable("the journal is closed: the server is stopping"))
        elif entry.patient:
            self._queue.put([entry])
        else:
            self._gathering(entry.loop).add(entry)
        return entry.future

    def _gathering(self, loop: asyncio.AbstractEventLoop) -> Gathering:
        found = self._gatherings.get(loop)
        if found is None:
            # What a loop left behind that is closed, nobody waits for.
            self._gatherings = {one: kept for one, kept in self._gatherings.items() if not one.is_closed()}
            found = self._gatherings[loop] = Gathering(loop, self._queue.put)
        return found

    def _call(self, run: Callable[[Store], Any], *, writes: bool) -> Future[Any]:
        task = Task(run, writes=writes)
        if self._closed:
            task.future.set_exception(JournalUnavailable("the journal is closed: the server is stopping"))
        else:
            self._queue.put(task)
        return task.future

    def _run(self) -> None:
        item = self._queue.get()
        while item is not None:
            if isinstance(item, Task):
                self._perform(item)
                item = self._queue.get()
                continue
            batch = item
            until_s = time.monotonic() + _PATIENCE_S if all(entry.patient for entry in batch) else 0.0
            item = None
            while len(batch) < _BATCH_LIMIT:
                try:
                    following = self._next(until_s)
                except Empty:
                    item = self._commit_and_get(batch)
                    break
                if not isinstance(following, list):
                    self._commit(batch)
                    item = following
                    break
                batch += following
                if not all(entry.patient for entry in following):
                    until_s = 0.0
            else:
                item = self._commit_and_get(batch)

    def _next(self, until_s: float) -> list[Entry] | Task | None:
        """Return what comes next, by the time ``until_s`` at the latest; raises Empty."""
        wait_s = until_s - time.monotonic() if until_s else 0.0
        return self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()

    def _commit_and_get(self, batch: list[Entry]) -> list[Entry] | Task | None:
        self._commit(batch)
        return self._queue.get()

    def _perform(self, task: Task) -> None:
        try:
            result = task.run(self._store)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a task does
            self._store_rollback()
            if isinstance(error, StoreDown | BadRecord):
                self._last_error = f"the journal could not be used: {error}"
                task.future.set_exception(JournalUnavailable(self._last_error))
            else:
                task.future.set_exception(error)
        else:
            if task.writes:
                self._last_error = None
            task.future.set_result(result)

    def _store_rollback(self) -> None:
        try:
            self._store.rollback()
        except Exception as error:  # noqa: BLE001 - the next begin tries it again, and says why it cannot
            self._last_error = f"the journal could not be used: {error}"

    def _commit(self, batch: list[Entry]) -> None:
        try:
            self._writer.write(batch)
        except BadRecord as error:
            if len(batch) == 1:
                self._answer(batch, f"the journal refused the record: {error}")
                return
            # One bad record must not take its neighbours down.
            for entry in batch:
                self._commit([entry])
        except StoreDown as error:
            self._answer(batch, f"the journal could not be written: {error}")
        except Exception as error:  # noqa: BLE001 - the thread must outlive a row that nobody thought of
            self._answer(batch, f"the journal could not be written, which is a bug: {type(error).__name__}")
        else:
            self._answer(batch, None)

    def _answer(self, batch: list[Entry], error: str | None) -> None:
        self._last_error = error
        by_loop: dict[asyncio.AbstractEventLoop, list[Entry]] = {}
        for entry in batch:
            by_loop.setdefault(entry.loop, []).append(entry)
        for loop, entries in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._resolve, loop, entries, error)
            except RuntimeError:
                # The loop is closed: the server stopped and nobody waits for the answer any more.
                continue

    def _resolve(self, loop: asyncio.AbstractEventLoop, entries: list[Entry], error: str | None) -> None:
        handed = sum(not entry.patient for entry in entries)
        if handed:
            self._gathering(loop).answered(handed)
        for entry in entries:
            if entry.future.done():
                continue
            if error is None:
                entry.future.set_result(entry.receipt)
            else:
                entry.future.set_exception(JournalUnavailable(error))
