"""The write-ahead log is copied beside the commits, stays short, and loses nothing when that fails."""

import sqlite3
import time
from pathlib import Path

import pytest

from pmm.domain import USDC
from pmm.journal import checkpoints
from pmm.journal.sqlite_store import SqliteStore
from pmm.journal.store import Statement

_INSERT = "INSERT INTO snapshots VALUES (?, ?)"


def _row(number: int) -> Statement:
    return _INSERT, (f"{number:06}", "x" * 20_000)


def _write(store: SqliteStore, count: int) -> None:
    for number in range(count):
        store.begin([])
        store.commit([_row(number)])
        time.sleep(0.001)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same at a small scale: a log of 50 pages is long."""
    monkeypatch.setattr(checkpoints, "_EVERY_S", 0.005)
    monkeypatch.setattr(checkpoints, "_LONG_PAGES", 50)


def test_checkpointer__commits_go_on__keeps_the_log_short(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    store = SqliteStore(path, chain_id=1, maker=USDC.address)
    _write(store, 400)
    written = 400 * 20_000
    log_bytes = path.with_name(path.name + "-wal").stat().st_size
    store.close()
    assert log_bytes < written / 4
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (400,)


def test_checkpointer__checkpoints_fail__commits_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "PASSIVE", "PRAGMA wal_checkpoint(")
    path = tmp_path / "journal.sqlite"
    store = SqliteStore(path, chain_id=1, maker=USDC.address)
    _write(store, 50)
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (50,)
