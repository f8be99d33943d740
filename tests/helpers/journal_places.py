"""Where a journal may live: the same tests run on each."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg

from pmm.domain import Address
from pmm.journal import Journal, JournalEntry, PostgresJournal, SqliteJournal, read
from pmm.journal.totals import asset_name, taker_name
from tests.helpers.quoting import MAKER


class Place(Protocol):
    """One empty journal, to be opened any number of times."""

    def open(self, *, lease_ms: int = 15_000, maker: Address = MAKER) -> Journal:
        """Open the journal as another process would."""
        ...

    def read(self) -> list[JournalEntry]:
        """Return its entries."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        ...


@dataclass(frozen=True)
class SqlitePlace:
    """A file."""

    path: Path

    def open(self, *, lease_ms: int = 15_000, maker: Address = MAKER) -> Journal:
        return SqliteJournal(self.path, chain_id=1, maker=maker, lease_ms=lease_ms)

    def read(self) -> list[JournalEntry]:
        return list(read(self.path))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


@dataclass(frozen=True)
class PostgresPlace:
    """A schema of a running server."""

    url: str

    def open(self, *, lease_ms: int = 15_000, maker: Address = MAKER) -> Journal:
        return PostgresJournal(self.url, chain_id=1, maker=maker, lease_ms=lease_ms)

    def read(self) -> list[JournalEntry]:
        return list(read(self.url))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode()).fetchall()


_LIVE = (
    "SELECT maker_asset, allowed_sender, reserved_amount, usd_wad FROM quotes "
    "LEFT JOIN outcomes ON outcomes.order_hash = quotes.order_hash "
    "WHERE quotes.order_hash IS NOT NULL AND outcomes.order_hash IS NULL"
)


def check_totals(place: Place) -> dict[str, int]:
    """Return the totals as the database holds them; fails where they are not the sum of live quotes."""
    live = place.rows(_LIVE)
    found = {name: int(amount) for name, amount in place.rows("SELECT name, amount FROM totals")}
    expected: dict[str, int] = {"count": len(live), "usd": 0}
    for asset, sender, reserved, usd in live:
        expected["usd"] += int(usd)
        for name, amount in ((asset_name(asset), int(reserved)), (taker_name(int(sender)), int(usd))):
            expected[name] = expected.get(name, 0) + amount
    nothing_counts = {name: amount for name, amount in found.items() if amount}
    assert nothing_counts == {name: amount for name, amount in expected.items() if amount}
    return found
