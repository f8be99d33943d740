"""The journal's stores, as the ledger uses them."""

from __future__ import annotations

import psycopg

from pmm.errors import SetupError
from pmm.journal.postgres_store import PostgresStore, connect
from pmm.journal.store import Row

# Held for as long as the connection lives: one desk on one ledger.
_DESK = int.from_bytes(b"pmm.1dsk", "big") >> 1


class OneDeskOnly(psycopg.OperationalError):
    """Another desk holds the ledger."""


class LedgerServer(PostgresStore):
    """PostgreSQL with one desk at a time, as the file's lock holds it for SQLite."""

    shared = False

    def _connect(self) -> psycopg.Connection[Row]:
        connection = connect(self._url)
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock_key(connection),)).fetchone()
        if row is None or not row[0]:
            connection.close()
            # While its server has not noticed that our last connection is dead, the other desk may be ourselves.
            raise OneDeskOnly(
                "another desk uses the ledger, or the server has not let go of our last connection"
            )
        return connection

    @staticmethod
    def _lock_key(connection: psycopg.Connection[Row]) -> int:
        # Ledgers in several schemas of one database are several ledgers.
        row = connection.execute("SELECT hashtext(current_schema())").fetchone()
        if row is None or row[0] is None:
            raise SetupError(
                "PMM_DATABASE_URL: expected a schema to create tables in, found none; set search_path"
            )
        return _DESK ^ int(row[0])
