"""Reading a ledger beside the desk that writes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from types import TracebackType

import psycopg

from pmm.journal.postgres_store import one_line
from pmm.journal.store import Row
from pmm.ledger.errors import LedgerDown

_Connection = sqlite3.Connection | psycopg.Connection[Row]


class LedgerReader:
    """A connection that cannot write. Use as a context manager; made by ``read_ledger``."""

    def __init__(self, connection: _Connection, location: str) -> None:
        self._connection = connection
        self.location = location

    def read(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of one statement; raises LedgerDown where the database does not answer."""
        try:
            if isinstance(self._connection, sqlite3.Connection):
                return [tuple(row) for row in self._connection.execute(sql, tuple(values))]
            text = sql.replace("%", "%%").replace("?", "%s").encode()
            return self._connection.execute(text, tuple(values)).fetchall()
        except (sqlite3.Error, psycopg.Error) as error:
            raise LedgerDown(
                f"expected to read the ledger {self.location}, found: {one_line(error)}; bring the database back"
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> LedgerReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
