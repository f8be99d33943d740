"""The journal's transactions on SQLite: one file, one process, one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pmm.domain import Address
from pmm.journal.database import JournalLock, bind_maker, connect_for_writing, prepare_folder
from pmm.journal.schema import JOURNAL, DatabaseKind
from pmm.journal.store import BadRecord, Row, Statement, StoreDown

_BAD = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, TypeError, UnicodeError)


class SqliteStore:
    """Implements ``Store``; holds the file's lock until it is closed. Raises as ``SqliteJournal`` says."""

    shared = False
    now_ms = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

    def __init__(self, path: Path, *, chain_id: int, maker: Address, kind: DatabaseKind = JOURNAL) -> None:
        prepare_folder(path, kind)
        self._lock = JournalLock(path, kind)
        try:
            self._connection = connect_for_writing(path, kind)
            bind_maker(self._connection, chain_id=chain_id, maker=maker, path=path, kind=kind)
        except BaseException:
            self._lock.release()
            raise

    def begin(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Begin, waiting a quarter of a second at most for a lock of somebody else."""
        try:
            # A transaction may be left over from a rollback that the disk refused.
            self.rollback()
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise StoreDown(str(error)) from error
        return self.query(reads)

    def query(self, reads: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each read."""
        return self._guarded(reads)

    def commit(self, writes: Sequence[Statement]) -> None:
        """Write and commit; on disk on return (synchronous FULL)."""
        self._guarded((*writes, ("COMMIT", ())))

    def rollback(self) -> None:
        """End the transaction, if there is one."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file and give its lock back."""
        self._connection.close()
        self._lock.release()

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
