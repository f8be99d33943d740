"""Commits made in the event loop itself, which never waits for the disk.

The transaction runs where the quote was decided and ends in the memory of the operating system (synchronous NORMAL);
a sync of SQLite's log, which the kernel does meanwhile, makes it durable, and only then is anybody answered. That is
what a commit with synchronous FULL does, in the same order: pages of the log, then its sync.

What could wait is left to the journal's thread: a lock of somebody else, a log that begins anew (SQLite syncs then by
itself), a batch that failed. While a sync is under way nothing is written here: of a disk that hangs, the loop sees
that an answer does not come, and refuses in time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import structlog

from pmm.journal.batch import BatchWriter
from pmm.journal.entries import Entry, Unsynced
from pmm.journal.log_sync import LogSync
from pmm.journal.store import BadRecord, StoreDown, UnsyncedStore

_LOG = structlog.get_logger()


class LoopCommits:
    """Takes the batches of one event loop.

    Args:
        turn: held by whoever has a transaction, here or in the journal's thread.
        answer: told in the loop that a batch is durable, or why it is not known to be.
        by_thread: takes what is to be written, or synced, by the journal's thread.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        store: UnsyncedStore,
        writer: BatchWriter,
        *,
        turn: threading.Lock,
        answer: Callable[[list[Entry], str | None], None],
        by_thread: Callable[[list[Entry] | Unsynced], None],
    ) -> None:
        self._writer = writer
        self._turn = turn
        self._answer = answer
        self._by_thread = by_thread
        self._sync: LogSync | None = None
        try:
            self._sync = LogSync(store.log_descriptor, loop)
        except OSError as error:
            self._leave_syncs(error)

    def take(self, batch: list[Entry]) -> None:
        """Commit a batch and have it synced, or leave it to the thread."""
        if not self._committed(batch):
            self._by_thread(batch)
            return
        if self._sync is not None:
            try:
                self._sync.start(partial(self._answer, batch))
            except OSError as error:
                self.close()
                self._leave_syncs(error)
            else:
                return
        self._by_thread(Unsynced(batch))

    def close(self) -> None:
        """Leave every sync to the thread from now on."""
        if self._sync is not None:
            self._sync.close()
            self._sync = None

    @staticmethod
    def _leave_syncs(error: OSError) -> None:
        # It costs more and promises the same.
        _LOG.warning("journal_synced_by_thread", error=str(error))

    def _committed(self, batch: list[Entry]) -> bool:
        if not self._turn.acquire(blocking=False):
            return False
        try:
            self._writer.write(batch, unsynced=True)
        except (StoreDown, BadRecord):
            # The thread may wait for what is in the way, and tells good records from bad ones.
            return False
        except Exception as error:  # noqa: BLE001 - the thread tries it again, and refuses what it cannot write
            _LOG.warning("journal_batch_left_to_thread", error=type(error).__name__, records=len(batch))
            return False
        finally:
            self._turn.release()
        return True
