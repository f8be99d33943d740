"""The two journals: a file of this process, or a PostgreSQL database that replicas share."""

from __future__ import annotations

from pathlib import Path

from pmm.domain import Address
from pmm.journal.postgres_store import PostgresStore
from pmm.journal.sqlite_store import SqliteStore
from pmm.journal.writer import LEASE_MS, Journal


class SqliteJournal(Journal):
    """The journal in an SQLite file, which no other process may have open.

    Raises SetupError when the file cannot be written or another server holds it, InvalidInput when it is
    something else or belongs to another maker.
    """

    def __init__(self, path: Path, *, chain_id: int, maker: Address, lease_ms: int = LEASE_MS) -> None:
        store = SqliteStore(path, chain_id=chain_id, maker=maker)
        super().__init__(store, unsynced=store, path=path, chain_id=chain_id, maker=maker, lease_ms=lease_ms)


class PostgresJournal(Journal):
    """The journal in a PostgreSQL database, for one maker and any number of replicas.

    Raises SetupError when the server cannot be reached or used, InvalidInput when the database holds the journal
    of another maker or version. ``path`` is its host and name, without user or password.
    """

    def __init__(self, url: str, *, chain_id: int, maker: Address, lease_ms: int = LEASE_MS) -> None:
        store = PostgresStore(url, chain_id=chain_id, maker=maker)
        super().__init__(store, path=store.location, chain_id=chain_id, maker=maker, lease_ms=lease_ms)
