"""The journal's transactions on SQLite: one file, one process, one connection."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

from pmm.domain import Address
from pmm.journal.checkpoints import FALLBACK_PAGES, Checkpointer
from pmm.journal.database import BUSY_TIMEOUT_S, JournalLock, bind_maker, connect_for_writing, prepare_folder
from pmm.journal.schema import JOURNAL, DatabaseKind
from pmm.journal.store import BadRecord, Row, Statement, StoreDown

_BAD = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, TypeError, UnicodeError)


# Below SQLite's 32,766 parameters for the widest table, and few enough forms to keep each prepared.
_ROWS_AT_ONCE = 32
_VALUES = " VALUES "
_SQL_OF = itemgetter(0)
_COMMIT: Statement = ("COMMIT", ())


class SqliteStore:
    """Implements ``Store``; holds the file's lock until it is closed. Raises as ``SqliteJournal`` says."""

    shared = False
    now_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

    def __init__(self, path: Path, *, chain_id: int, maker: Address, kind: DatabaseKind = JOURNAL) -> None:
        prepare_folder(path, kind)
        self._lock = JournalLock(path, kind)
        try:
            self._connection = connect_for_writing(path, kind)
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {FALLBACK_PAGES}")
            bind_maker(self._connection, chain_id=chain_id, maker=maker, path=path, kind=kind)
        except BaseException:
            self._lock.release()
            raise
        # The transaction above has made it, and it stays the same file until the last connection is closed.
        self._log = os.open(path.with_name(path.name + "-wal"), os.O_RDWR)
        self._waits = True
        self._checkpointer = Checkpointer(path)

    def begin(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Begin, waiting a quarter of a second at most for a lock of somebody else."""
        try:
            # A transaction may be left over from a rollback that the disk refused.
            self.rollback()
            self._checkpointer.finish_if_long(self._connection)
            self._wait(True)
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreDown(str(error)) from error
        return self.query(reads)

    def begin_unsynced(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Begin a transaction whose commit only adds to the log, in the memory of the operating system."""
        if self._connection.in_transaction or not self._checkpointer.leaves_log():
            raise StoreDown("expected nothing to be done before this transaction, found a log to begin anew")
        try:
            self._wait(False)
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreDown(str(error)) from error
        return self.query(reads) if reads else []

    @property
    def log_descriptor(self) -> int:
        """The write-ahead log."""
        return self._log

    def sync(self) -> None:
        """Do what SQLite does at the end of a commit with synchronous FULL."""
        try:
            os.fdatasync(self._log)
        except OSError as error:
            raise StoreDown(str(error)) from error

    def query(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each read."""
        return self._guarded(reads)

    def commit(self, writes: Sequence[Statement]) -> None:
        """Write and commit; on disk on return (synchronous FULL), but for what was begun unsynced."""
        self._guarded([*_joined(writes), _COMMIT])
        self._checkpointer.committed(len(writes))

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file and give its lock back."""
        self._checkpointer.close()
        self._connection.close()
        os.close(self._log)
        self._lock.release()

    def abandon(self) -> None:
        """Stop copying the log, and never close the connection, which would copy it too.

        After a failed sync the system may drop pages of the log that it could not write: a copy would take what it
        finds in their place. Whoever opens the file next reads as much of the log as its checksums vouch for.
        """
        self._checkpointer.stop()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def _wait(self, waits: bool) -> None:
        """Let commits wait for the disk and copy a log that is too long, and transactions for locks; or neither."""
        if waits is not self._waits:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if waits else 'NORMAL'}")
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1_000) if waits else 0}")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {FALLBACK_PAGES if waits else 0}")
            self._waits = waits

    def _guarded(self, statements: Sequence[Statement]) -> list[list[Row]]:
        execute = self._connection.execute
        try:
            return [execute(sql, values).fetchall() for sql, values in statements]
        except (sqlite3.Error, *_BAD) as error:
            kind = BadRecord if isinstance(error, _BAD) else StoreDown
            try:
                self.rollback()
            except sqlite3.Error as second:
                # The next begin tries it again.
                raise StoreDown(str(second)) from error
            raise kind(str(error)) from error


def _joined(writes: Sequence[Statement]) -> list[Statement]:
    """Return the same writes, with rows that go into one table one after the other in one statement.

    Every statement gives the interpreter lock away and must wait to get it back: a batch did so once for each quote.
    """
    joined: list[Statement] = []
    for sql, group in groupby(writes, key=_SQL_OF):
        rows = [values for _, values in group]
        most = _ROWS_AT_ONCE if sql.startswith("INSERT") else 1
        while rows:
            size = min(1 << (len(rows).bit_length() - 1), most)
            if size == 1:
                joined.append((sql, rows.pop(0)))
                continue
            joined.append((_of_rows(sql, size), tuple(chain.from_iterable(rows[:size]))))
            del rows[:size]
    return joined


@lru_cache(maxsize=128)
def _of_rows(sql: str, count: int) -> str:
    """Return an insertion of one row as one of ``count`` rows."""
    before, _, after = sql.partition(_VALUES)
    marks, closing, rest = after.partition(")")
    return before + _VALUES + ", ".join([marks + closing] * count) + rest
