"""The journal: what waits goes into one transaction (group commit), in the event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pmm.domain import Address, oneinch_domain
from pmm.execution import (
    BookChanges,
    JournalState,
    JournalUnavailable,
    JournalUncertain,
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
from pmm.journal.entries import Entry, Task, Unsynced
from pmm.journal.gathering import Gathering
from pmm.journal.leases import lease_lanes, release_lanes, take_block
from pmm.journal.loop_commits import LoopCommits
from pmm.journal.recovery import recover
from pmm.journal.schema import INSERT_LADDER, INSERT_QUOTE, INSERT_SELECTION
from pmm.journal.store import BadRecord, Store, StoreDown, UnsyncedStore

_CLOSE_TIMEOUT_S = 1.5
LEASE_MS = 15_000
"""How long a crashed replica's lanes stay unused; three renewals may fail within it."""


class Journal:
    """The journal over a store; implements ``QuoteJournal`` and ``NonceLeases``.

    Appending from any event loop is durable on return, else raises JournalUnavailable. ``lease_ms`` is how long a
    lane stays ours without renewal, ``path`` where the journal is, without secrets.
    """

    def __init__(
        self,
        store: Store,
        *,
        path: Path | str,
        chain_id: int,
        maker: Address,
        lease_ms: int = LEASE_MS,
        unsynced: UnsyncedStore | None = None,
    ) -> None:
        self.path = path
        self._store = store
        self._unsynced = unsynced
        self._chain_id, self._maker, self._lease_ms = chain_id, maker, lease_ms
        self.replica = secrets.token_hex(8)
        self._writer = BatchWriter(store, replica=self.replica, unsynced=unsynced)
        self._fences: dict[str, int] = {}
        # Held by whoever has a transaction.
        self._turn = threading.Lock()
        self._queue: SimpleQueue[list[Entry] | Unsynced | Task | None] = SimpleQueue()
        self._gatherings: dict[asyncio.AbstractEventLoop, Gathering] = {}
        self._loops: dict[asyncio.AbstractEventLoop, LoopCommits] = {}
        self._closed = False
        self._last_error: str | None = None
        self._unsafe: str | None = None
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
        """Append a published ladder, within :data:`PATIENCE_S` or with the next entry."""
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
        for commits in self._loops.values():
            commits.close()
        self._queue.put(None)
        self._thread.join(timeout=_CLOSE_TIMEOUT_S)
        if not self._thread.is_alive() and self._unsafe is None:
            self._store.close()

    def _submit(self, entry: Entry) -> asyncio.Future[Receipt | None]:
        refused = self._refused()
        if refused is None:
            self._gathering(entry.loop).add(entry)
        else:
            entry.future.set_exception(refused)
        return entry.future

    def _refused(self) -> JournalUnavailable | None:
        if self._closed:
            return JournalUnavailable("the journal is closed: the server is stopping")
        return None if self._unsafe is None else JournalUnavailable(self._unsafe)

    def _gathering(self, loop: asyncio.AbstractEventLoop) -> Gathering:
        found = self._gatherings.get(loop)
        if found is None:
            # What a loop left behind that is closed, nobody waits for.
            self._gatherings = {one: kept for one, kept in self._gatherings.items() if not one.is_closed()}
            self._loops = {one: kept for one, kept in self._loops.items() if not one.is_closed()}
            found = self._gatherings[loop] = Gathering(loop, self._hand_over(loop))
        return found

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> Callable[[list[Entry]], None]:
        put = self._queue.put
        if self._unsynced is None:
            return put
        commits = LoopCommits(
            loop, self._unsynced, self._writer, turn=self._turn, answer=self._synced, by_thread=put
        )
        self._loops[loop] = commits
        return commits.take

    def _call(self, run: Callable[[Store], Any], *, writes: bool) -> Future[Any]:
        task = Task(run, writes=writes)
        refused = self._refused()
        if refused is None:
            self._queue.put(task)
        else:
            task.future.set_exception(refused)
        return task.future

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Unsynced):
                self._sync(item.batch)
            elif isinstance(item, Task):
                self._perform(item)
            else:
                self._commit(item)

    def _sync(self, batch: list[Entry]) -> None:
        assert self._unsynced is not None
        try:
            self._unsynced.sync()
        except StoreDown as error:
            self._answer(batch, self._distrust(str(error)))
        else:
            self._answer(batch, None)

    def _perform(self, task: Task) -> None:
        if self._unsafe is not None:
            task.future.set_exception(JournalUnavailable(self._unsafe))
            return
        with self._turn:
            failed = task.perform(self._store)
        if failed is not None:
            self._last_error = failed
        elif task.writes:
            self._last_error = None
        # Whoever hears of it finds the state of the journal as it is now.
        task.tell()

    def _commit(self, batch: list[Entry]) -> None:
        try:
            with self._turn:
                self._writer.write(batch)
        except BadRecord as error:
            if len(batch) == 1:
                self._answer(batch, JournalUnavailable(f"the journal refused the record: {error}"))
                return
            # One bad record must not take its neighbours down.
            for entry in batch:
                self._commit([entry])
        except StoreDown as error:
            self._answer(batch, JournalUnavailable(f"the journal could not be written: {error}"))
        except Exception as error:  # noqa: BLE001 - the thread must outlive a row that nobody thought of
            what = f"the journal could not be written, which is a bug: {type(error).__name__}"
            self._answer(batch, JournalUnavailable(what))
        else:
            self._answer(batch, None)

    def _answer(self, batch: list[Entry], error: JournalUnavailable | None) -> None:
        loop = batch[0].loop
        try:
            loop.call_soon_threadsafe(self._resolve, loop, batch, error)
        except RuntimeError:
            # The loop is closed: the server stopped and nobody waits for the answer any more.
            return

    def _synced(self, batch: list[Entry], error: str | None) -> None:
        self._resolve(batch[0].loop, batch, None if error is None else self._distrust(error))

    def _resolve(
        self, loop: asyncio.AbstractEventLoop, batch: list[Entry], error: JournalUnavailable | None
    ) -> None:
        self._last_error = None if error is None else str(error)
        self._gathering(loop).answered(len(batch))
        for entry in batch:
            if entry.future.done():
                continue
            if error is None:
                entry.future.set_result(entry.receipt)
            else:
                entry.future.set_exception(type(error)(str(error)))

    def _distrust(self, error: str) -> JournalUncertain:
        """Write no more: what the system could not sync once, it does not try again, and says nothing of it."""
        assert self._unsynced is not None
        self._unsafe = (
            f"the disk did not take the journal's log: {error}; what was not answered may not be on it. Mend the "
            "disk and restart the server"
        )
        self._writer.stop(self._unsafe)
        self._unsynced.abandon()
        return JournalUncertain(self._unsafe)
