"""Where a ledger lives: a path, or a PostgreSQL URL, the journal's database included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg

from pmm.domain import Address
from pmm.errors import InvalidInput, SetupError
from pmm.journal.database import connect_for_reading
from pmm.journal.postgres_store import connect, one_line, shown_location
from pmm.journal.sqlite_store import SqliteStore
from pmm.journal.store import Store
from pmm.ledger.ledger import Ledger
from pmm.ledger.reader import LedgerReader
from pmm.ledger.schema_module import SchemaModule, ledger_kind
from pmm.ledger.schemas import ALL
from pmm.ledger.stores import LedgerServer

_READ_TIMEOUT_MS = 60_000
_SCHEMES = ("postgresql://", "postgres://")


def open_ledger(
    where: Path | str, *, chain_id: int, maker: Address, modules: Sequence[SchemaModule] = ALL
) -> Ledger:
    """Open or create the ledger of one settlement contract, for this process alone.

    Args:
        where: a file, readable by its owner only (WAL, synchronous FULL), or ``postgresql://...``, where the tables
            stand beside those of the journal.
        chain_id: the chain it is about.
        maker: our settlement contract; a ledger of another one is refused.
        modules: tables to make, all by default.

    Raises:
        SetupError: it cannot be written, or another desk has it open.
        InvalidInput: it is something else, of another version or of another contract.
    """
    kind = ledger_kind(modules)
    if _is_url(where):
        server = LedgerServer(str(where), chain_id=chain_id, maker=maker, kind=kind)
        return Ledger(server, server.location)
    file: Store = SqliteStore(Path(where), chain_id=chain_id, maker=maker, kind=kind)
    return Ledger(file, str(where))


def read_ledger(where: Path | str) -> LedgerReader:
    """Open a ledger for reading, beside the desk; raises InvalidInput where there is none, SetupError as above."""
    kind = ledger_kind(ALL)
    if not _is_url(where):
        return LedgerReader(connect_for_reading(Path(where), kind), str(where))
    location = shown_location(str(where))
    try:
        connection = connect(str(where))
        connection.execute("SET default_transaction_read_only = on")
        # A day of a long record is not read within the two seconds that the desk gives a statement.
        connection.execute(f"SET statement_timeout = {_READ_TIMEOUT_MS}".encode())
        found = connection.execute(f"SELECT to_regclass('{kind.meta}')".encode()).fetchone()
    except psycopg.Error as error:
        raise SetupError(
            f"expected to read the PostgreSQL database {location}, found: {one_line(error)}; start it, or correct "
            "PMM_DATABASE_URL"
        ) from None
    if found is None or found[0] is None:
        connection.close()
        raise InvalidInput(f"expected a ledger in {location}, found none; `pmm desk` writes one")
    return LedgerReader(connection, location)


def _is_url(where: Path | str) -> bool:
    return isinstance(where, str) and where.startswith(_SCHEMES)
