"""Reading a journal beside the server that writes it: one look at a time, never a change."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import psycopg

from pmm.domain import Address
from pmm.errors import InvalidInput, SetupError
from pmm.journal.database import connect_for_reading
from pmm.journal.postgres_store import connect, one_line, shown_location
from pmm.journal.schema import JOURNAL
from pmm.journal.store import Row

_META = "SELECT key, value FROM meta"


class LiveJournal:
    """One journal, never written. ``where`` is a file or a ``postgresql://`` URL.

    A file is opened anew for each look: a server that starts with another file in its place is seen. A database is
    connected to anew after a failure. Used by one thread.
    """

    def __init__(self, where: Path | str, *, chain_id: int, maker: Address) -> None:
        self._url = where if isinstance(where, str) else None
        self._path = None if isinstance(where, str) else where
        self.location = shown_location(where) if isinstance(where, str) else str(where)
        self._facts = {**JOURNAL.versions, "maker": f"{chain_id}:{maker}"}
        self._connection: psycopg.Connection[Row] | None = None

    def look(self, statement: str, values: Row) -> list[Row]:
        """Return the rows of a statement, its places written as question marks.

        Raises:
            SetupError: the journal is not there yet or cannot be read now.
            InvalidInput: it is something else, of another version, or another settlement contract's.
        """
        try:
            return self._rows(statement, values)
        except psycopg.errors.UndefinedTable:
            self.close()
            raise self._absent("no tables of one") from None
        except (sqlite3.Error, psycopg.Error) as error:
            self.close()
            raise SetupError(
                f"expected to read the journal {self.location}, found: {one_line(error)}; bring it back"
            ) from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, statement: str, values: Row) -> list[Row]:
        if self._path is not None:
            if not self._path.is_file():
                raise self._absent("no file")
            connection = connect_for_reading(self._path)
            try:
                self._check(connection.execute(_META).fetchall())
                return [tuple(row) for row in connection.execute(statement, values)]
            finally:
                connection.close()
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self._connect()
        return self._connection.execute(statement.replace("?", "%s").encode(), values).fetchall()

    def _connect(self) -> psycopg.Connection[Row]:
        assert self._url is not None
        connection = connect(self._url)
        try:
            connection.execute("SET default_transaction_read_only = on")
            self._check(connection.execute(_META).fetchall())
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, rows: Sequence[Row]) -> None:
        found: dict[str, str] = dict(rows)
        for key, wanted in self._facts.items():
            if found.get(key) != wanted:
                what = "the journal of settlement" if key == "maker" else key.replace("_", " ")
                raise InvalidInput(
                    f"journal {self.location}: expected {what} {wanted}, found {found.get(key, 'none')}; give "
                    "PMM_JOURNAL or PMM_DATABASE_URL the journal that `pmm serve` writes for this deployment"
                )

    def _absent(self, found: str) -> SetupError:
        return SetupError(
            f"expected a journal at {self.location}, found {found}; `pmm serve` makes it: start it, or set "
            "PMM_DESK_RESERVATIONS=false where nothing is quoted"
        )
