"""Port of the desk's database, for parts that may not know which one it is. ``pmm.ledger.Ledger`` fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

LedgerRow = tuple[Any, ...]


class LedgerTransaction(Protocol):
    """All of it is durable when its block ends, or nothing of it is."""

    def query(self, sql: str, values: Sequence[object] = ()) -> list[LedgerRow]:
        """Return the rows of a statement, which sees what was written before."""
        ...

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Write."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Write many rows with one text."""
        ...


class DeskLedger(Protocol):
    """SQL with ``?`` that SQLite and PostgreSQL both read; raises SetupError while the database is down."""

    def transaction(self) -> AbstractContextManager[LedgerTransaction]:
        """Begin; commit at the end of the block, or take everything back on an exception."""
        ...

    def read(self, sql: str, values: Sequence[object] = ()) -> list[LedgerRow]:
        """Return the rows of one statement outside of a transaction."""
        ...
