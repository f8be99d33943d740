"""The write-ahead log is copied beside the commits, stays short, and loses nothing when that fails."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import structlog

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
    monkeypatch.setattr(checkpoints, "_WORTH_ROWS", 5)
    monkeypatch.setattr(checkpoints, "_AT_LEAST_EVERY_S", 0.02)


def test_checkpointer__commits_go_on__keeps_the_log_short(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    store = SqliteStore(path, chain_id=1, maker=USDC.address)
    _write(store, 400)
    written = 400 * 20_000
    log_bytes = path.with_name(path.name + "-wal").stat().st_size
    store.close()
    # Without it the log is all that was written; a busy machine gives the thread less time.
    assert log_bytes < written / 2
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


def _until(done: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if done():
            return
        time.sleep(0.005)
    raise AssertionError("the checkpointer did not come to it")


def test_checkpointer__file_cannot_be_opened__is_said_once_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "not yet" / "journal.sqlite"
    with structlog.testing.capture_logs() as logs:
        checkpointer = checkpoints.Checkpointer(path)
        _until(lambda: bool(logs))
        time.sleep(0.03)
        path.parent.mkdir()
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("PRAGMA journal_mode=WAL")
            writer.execute("CREATE TABLE one (value TEXT)")
            writer.execute("INSERT INTO one VALUES (?)", ("x" * 400_000,))
            _until(checkpointer._log_is_long.is_set)
        checkpointer.close()
    assert not checkpointer._thread.is_alive()
    assert {one["event"] for one in logs} == {"journal_checkpoint_failed"}
    # Said once; that the writer above had the file locked for a moment may be said too.
    assert sum("unable to open" in one["error"] for one in logs) == 1


def test_finish_if_long__checkpoint_fails__the_commit_goes_on_and_the_thread_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(SqliteStore(path, chain_id=1, maker=USDC.address)) as store:
        with monkeypatch.context() as broken:
            broken.setattr(checkpoints, "PASSIVE", "PRAGMA wal_checkpoint(")
            store._checkpointer._log_is_long.set()
            store.begin([])
            store.commit([_row(999)])
            # Left to the thread: it says again when the log is long.
            assert not store._checkpointer._log_is_long.is_set()
        _write(store, 200)
        assert store.query([("SELECT count(*) FROM snapshots", ())]) == [[(201,)]]
