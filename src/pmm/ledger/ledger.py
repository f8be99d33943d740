"""Transactions on the ledger, one at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from pmm.errors import InvariantViolated
from pmm.journal.store import BadRecord, Row, Statement, Store, StoreDown
from pmm.ledger.errors import LedgerDown, LedgerRefused


class Transaction:
    """What a ``with ledger.transaction()`` block has. Writes are sent with the next read or the commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writes: list[Statement] = []
        self._open = True

    def query(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a statement; it sees what the transaction wrote before."""
        self._check()
        writes, self._writes = self._writes, []
        try:
            return self._store.query((*writes, (sql, tuple(values))))[-1]
        except (StoreDown, BadRecord):
            # The store has taken it back: whoever goes on would write outside of it, each line for itself.
            self._open = False
            raise

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Write; a refusal of the database is raised by the next ``query`` or the end of the block."""
        self._check()
        self._writes.append((sql, tuple(values)))

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Write many rows with one text."""
        self._check()
        self._writes.extend((sql, tuple(values)) for values in rows)

    def _check(self) -> None:
        if not self._open:
            raise InvariantViolated("ledger: expected an open transaction, found one that has ended")

    def _close(self) -> list[Statement]:
        self._open = False
        return self._writes


class Ledger:
    """The desk's database, for one process; threads wait for each other. Made by ``open_ledger``."""

    def __init__(self, store: Store, location: str) -> None:
        self.location = location
        """Path, or host and database without user and password."""
        self._store = store
        self._turn = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin; commit at the end of the block, durably, or take everything back on an exception.

        Raises:
            LedgerDown: the database is unreachable, locked, read-only or full.
            LedgerRefused: it refuses a value or a statement.
            InvariantViolated: a transaction within a transaction of the same thread, or one that went on after a
                refusal.
        """
        with self._held():
            transaction = Transaction(self._store)
            try:
                with self._translated():
                    self._store.begin(())
                    yield transaction
                    transaction._check()
                    self._store.commit(transaction._close())
            finally:
                transaction._close()
                with self._translated():
                    self._store.rollback()

    def read(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of one statement outside of a transaction; raises as :meth:`transaction`."""
        with self._held(), self._translated():
            return self._store.query(((sql, tuple(values)),))[0]

    def close(self) -> None:
        """Close the database; what was not committed is gone."""
        with self._held():
            self._store.close()

    @contextmanager
    def _held(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me:
            raise InvariantViolated(
                "ledger: expected no transaction of this thread, found one open; use it, or end it first"
            )
        with self._turn:
            self._holder = me
            try:
                yield
            finally:
                self._holder = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (StoreDown, sqlite3.Error) as error:
            raise LedgerDown(
                f"expected to use the ledger {self.location}, found: {error}; free space there or bring the database "
                "back, the desk goes on by itself"
            ) from error
        except BadRecord as error:
            raise LedgerRefused(
                f"ledger {self.location}: expected values that it takes, found: {error}"
            ) from error
