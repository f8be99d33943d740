"""A disk that is full between fill and hedge: SQLite's own refusal, and each fill hedged once when there is room."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from pmm.desk import Desk
from pmm.domain import WETH
from pmm.execution.hedging import HedgeLedger
from pmm.journal.sqlite_store import SqliteStore
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import ETHER, assert_books_equal_the_chain, nonce, running, until_quiet
from tests.fork.server.site import Deployed, Server, fill

_MOST_FILLS, _TURNS = 8, 4
_NO_LIMIT = 2**30


def _connection(desk: Desk) -> sqlite3.Connection:
    store = desk.ledger._store
    assert isinstance(store, SqliteStore)
    return store._connection


def _fill_up(desk: Desk) -> None:
    """Let the file grow no more, and use up its free pages; rows still fit where a page has room."""
    connection = _connection(desk)
    connection.execute("CREATE TABLE test_ballast (data BLOB)")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with suppress(sqlite3.OperationalError):
        while True:
            connection.execute("INSERT INTO test_ballast VALUES (zeroblob(4000))")


def test_disk_full_between_fill_and_hedge__is_said__and_every_fill_is_hedged_once(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    with running(deployed, tmp_path / "ledger.sqlite") as desk:
        until_quiet(desk)
        _fill_up(desk)
        fills, failed = 0, False
        while not failed and fills < _MOST_FILLS:
            fill(chain, server.quote())
            fills += 1
            failed = any(desk.turn() is None for _ in range(_TURNS))
        assert failed, "the disk was never full"
        assert "database or disk is full; free space there" in desk.trouble
        sent = nonce(desk, deployed)
        for _ in range(_TURNS):
            desk.turn()
        assert nonce(desk, deployed) == sent, "a hedge went out that no ledger knows of"
        connection = _connection(desk)
        connection.execute(f"PRAGMA max_page_count = {_NO_LIMIT}")
        connection.execute("DROP TABLE test_ballast")
        until_quiet(desk)
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)
        assert sum(one.trade for one in HedgeLedger(desk.ledger).intents(most=_MOST_FILLS)) == -fills * ETHER
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before
