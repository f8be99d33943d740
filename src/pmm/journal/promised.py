"""What live quotes promise of the settlement contract's inventory, read beside the server that writes the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import psycopg

from pmm.domain import Address
from pmm.errors import InvalidInput, SetupError
from pmm.execution import CONTRACT_VENUES
from pmm.journal.database import connect_for_reading
from pmm.journal.postgres_store import connect, one_line, shown_location
from pmm.journal.schema import JOURNAL
from pmm.journal.store import Row
from pmm.journal.totals import asset_name

_MOST_LATE = 512
_VENUES = ", ".join(f"'{one.value}'" for one in CONTRACT_VENUES)
# One statement sees one state: a quote that ends meanwhile is in the totals or among the late ones. Both parts go by
# primary key: a row per asset, and the newest ends.
_PROMISED = f"""
SELECT name, amount FROM totals WHERE name IN ({{}})
UNION ALL
SELECT CASE WHEN quotes.settlement IN ({_VENUES}) THEN quotes.maker_asset ELSE '' END, quotes.reserved_amount
FROM (SELECT order_hash, block_number FROM outcomes ORDER BY seq DESC LIMIT {_MOST_LATE}) AS late
JOIN quotes ON quotes.order_hash = late.order_hash WHERE late.block_number > ?
"""  # noqa: S608 - constants
_META = "SELECT key, value FROM meta"
_Connection = sqlite3.Connection | psycopg.Connection[Row]


class PromisedInventory:
    """Reads one journal, never writes. ``where`` is a file or a ``postgresql://`` URL.

    A file is opened anew for each look: a server that starts with another file in its place is seen. A database is
    connected to anew after a failure. Used by one thread.
    """

    def __init__(self, where: Path | str, *, chain_id: int, maker: Address) -> None:
        self._url = where if isinstance(where, str) else None
        self._path = None if isinstance(where, str) else where
        self.location = shown_location(where) if isinstance(where, str) else str(where)
        self._facts = {**JOURNAL.versions, "maker": f"{chain_id}:{maker}"}
        self._connection: psycopg.Connection[Row] | None = None

    def reserved(self, assets: Sequence[Address], *, block_number: int) -> dict[Address, int]:
        """Return base units per maker asset that must stay in the settlement contract.

        They are of every quote without an end, and of those that ended above ``block_number``, at which the caller
        knows the balances: what a fill took above it is still in them.

        Raises:
            SetupError: the journal is not there yet or cannot be read now; or the caller is too far behind.
            InvalidInput: it is something else, of another version, or another settlement contract's.
        """
        names = {asset_name(asset): asset for asset in assets}
        try:
            rows = self._rows((*names, block_number), len(names))
        except psycopg.errors.UndefinedTable:
            self.close()
            raise self._absent("no tables of one") from None
        except (sqlite3.Error, psycopg.Error) as error:
            self.close()
            raise SetupError(
                f"expected to read the journal {self.location}, found: {one_line(error)}; bring it back"
            ) from error
        found = dict.fromkeys(assets, 0)
        late = 0
        for name, amount in rows:
            late += name not in names
            asset = names.get(name, name)
            if asset in found:
                found[asset] += int(amount)
        if late >= _MOST_LATE:
            raise SetupError(
                f"expected fewer than {_MOST_LATE} quotes that ended above block {block_number}, found more in "
                f"{self.location}; wait until the desk has caught up"
            )
        return found

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, values: Row, count: int) -> list[Row]:
        statement = _PROMISED.format(", ".join("?" * count))
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
