"""Commits in the event loop: durable before anybody is answered, by the kernel or the thread, and never waiting."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from pmm.domain import Decision, RefusalReason
from pmm.execution import JournalUnavailable, JournalUncertain
from pmm.journal import Journal, log_sync, read
from pmm.journal.checkpoints import FALLBACK_PAGES
from pmm.journal.log_sync import LogSync
from pmm.journal.sqlite_store import SqliteStore
from pmm.journal.store import StoreDown
from tests.helpers.journal_desks import leased_desk, quoted, refusal, request, run_journal
from tests.helpers.journal_places import SqlitePlace, check_totals
from tests.helpers.quoting import MAKER, chain_view


@pytest.fixture(params=["kernel", "thread"])
def syncs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return who has synced, in the way named; on a system that knows both."""
    found: list[str] = []
    start, sync = LogSync.start, SqliteStore.sync

    def started(self: LogSync, done: Callable[[str | None], None]) -> None:
        found.append("kernel")
        start(self, done)

    def synced(self: SqliteStore) -> None:
        assert threading.current_thread().name == "journal-writer"
        found.append("thread")
        sync(self)

    monkeypatch.setattr(LogSync, "start", started)
    monkeypatch.setattr(SqliteStore, "sync", synced)
    if request.param == "thread":
        monkeypatch.setattr(log_sync, "Context", None)
    return found


Syncs = list[Callable[[str | None], None]]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    """Return the syncs that were begun; each ends when the test calls it."""
    found: Syncs = []
    monkeypatch.setattr(LogSync, "start", lambda self, done: found.append(done))
    return found


def test_admit__one_after_the_other__each_is_synced_before_its_answer(
    tmp_path: Path, syncs: list[str], request: pytest.FixtureRequest
) -> None:
    who = request.node.callspec.params["syncs"]

    async def body(journal: Journal) -> None:
        for number in range(5):
            await journal.admit(refusal(number))
            assert syncs == [who] * (number + 1)

    run_journal(tmp_path / "journal.sqlite", body)


def test_admit__kernel_does_not_sync__is_said_once_and_the_thread_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sync, "Context", None)

    async def body(journal: Journal) -> None:
        for number in range(3):
            await journal.admit(refusal(number))

    with structlog.testing.capture_logs() as logs:
        run_journal(tmp_path / "journal.sqlite", body)
    assert [one["event"] for one in logs] == ["journal_synced_by_thread"]


def test_admit__sync_under_way__is_not_answered_and_what_follows_waits_for_it(
    tmp_path: Path, held: Syncs, batches: list[int]
) -> None:
    async def body(journal: Journal) -> None:
        first = journal.admit(refusal(1))
        await asyncio.sleep(0.02)
        following = [journal.admit(refusal(2)), journal.admit(refusal(3))]
        await asyncio.sleep(0.02)
        # A disk that hangs is written to no more.
        assert (len(held), batches, first.done()) == (1, [1], False)
        held[0](None)
        await first
        await asyncio.sleep(0.02)
        assert (len(held), batches) == (2, [1, 2])
        held[1](None)
        await asyncio.gather(*following)

    run_journal(tmp_path / "journal.sqlite", body)


def test_admit__thread_is_in_a_transaction__is_left_to_it(tmp_path: Path, syncs: list[str]) -> None:
    async def body(journal: Journal) -> None:
        await journal.admit(refusal(0))
        syncs.clear()
        with journal._turn:
            pending = journal.admit(refusal(1))
            await asyncio.sleep(0.02)
            assert not pending.done()
        await pending
        # SQLite synced that commit by itself.
        assert syncs == []

    run_journal(tmp_path / "journal.sqlite", body)


def test_admit__somebody_else_has_the_lock__loop_does_not_wait_for_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    async def body(journal: Journal) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began_s = asyncio.get_running_loop().time()
            pending = journal.admit(refusal(1))
            await asyncio.sleep(0)
            assert asyncio.get_running_loop().time() - began_s < 0.2
            other.execute("ROLLBACK")
        await pending

    run_journal(path, body)


def test_begin_unsynced__log_begins_anew__is_left_to_a_commit_that_waits(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "journal.sqlite", chain_id=1, maker=MAKER)) as store:
        store._checkpointer.stop()
        store.begin_unsynced([])
        store.commit([])
        store._checkpointer._begins_anew.set()
        with pytest.raises(StoreDown, match="begin anew"):
            store.begin_unsynced([])
        store.begin([])
        store.commit([])
        store.begin_unsynced([])
        store.commit([])


def test_begin_unsynced__and_begin__wait_for_the_disk_as_they_say(tmp_path: Path) -> None:
    normal, full = 1, 2
    with closing(SqliteStore(tmp_path / "journal.sqlite", chain_id=1, maker=MAKER)) as store:
        store._checkpointer.stop()
        asked = [(f"PRAGMA {name}", ()) for name in ("synchronous", "busy_timeout", "wal_autocheckpoint")]
        unsynced = [[(normal,)], [(0,)], [(0,)]]
        waiting = [[(full,)], [(250,)], [(FALLBACK_PAGES,)]]
        for begin, expected in ((store.begin_unsynced, unsynced), (store.begin, waiting)) * 2:
            begin([])
            assert store.query(asked) == expected
            store.commit([])


def test_begin_unsynced__log_was_copied_to_its_end__waits_for_the_next_commit_that_may_sync(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    with (
        closing(SqliteStore(path, chain_id=1, maker=MAKER)) as store,
        closing(sqlite3.connect(path)) as copier,
    ):
        checkpointer = store._checkpointer
        checkpointer.close()
        checkpointer._begins_anew.clear()
        assert checkpointer.leaves_log()
        checkpointer._copy(copier)
        assert not checkpointer.leaves_log()
        store.begin([])
        store.commit([])
        assert checkpointer.leaves_log()


def test_begin_unsynced__nothing_copies_the_log__is_left_to_commits_that_do(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "journal.sqlite", chain_id=1, maker=MAKER)) as store:
        store._checkpointer.close()
        store._checkpointer._begins_anew.clear()
        store._checkpointer.committed(4_999)
        store.begin_unsynced([])
        store.commit([])
        store._checkpointer.committed(1)
        with pytest.raises(StoreDown):
            store.begin_unsynced([])


def test_admit__waits_while_the_sync_fails__is_refused_and_not_written(
    tmp_path: Path, held: Syncs, batches: list[int]
) -> None:
    async def body(journal: Journal) -> None:
        first = journal.admit(refusal(1))
        following = [journal.admit(refusal(2)), journal.admit(refusal(3))]
        held[0]("Input/output error")
        with pytest.raises(JournalUncertain):
            await first
        for pending in following:
            with pytest.raises(JournalUnavailable) as caught:
                await pending
            # Whoever waits knows that nothing of it is there.
            assert not isinstance(caught.value, JournalUncertain)
        assert batches == [1]
        # Nothing copies the log any more either.
        assert journal._store._checkpointer._stop.is_set()  # type: ignore[attr-defined]

    run_journal(tmp_path / "journal.sqlite", body)


def test_admit__row_that_nobody_thought_of__is_refused_by_the_thread_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(journal: Journal) -> None:
        await journal.admit(refusal(1))
        with monkeypatch.context() as patch:
            patch.setattr("pmm.journal.batch.quote_row", lambda record, replica: 1 // 0)
            with pytest.raises(JournalUnavailable, match="a bug: ZeroDivisionError"):
                await journal.admit(refusal(2))
        await journal.admit(refusal(3))

    run_journal(tmp_path / "journal.sqlite", body)
    assert [entry.quote_id for entry in read(tmp_path / "journal.sqlite")] == ["q1", "q3"]


def test_firm_quote__transaction_fails_half_way__totals_stay_those_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    commit = SqliteStore.commit

    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        await quoted(desk, request(1))
        with monkeypatch.context() as patch:

            def full(self: SqliteStore, writes: object) -> None:
                raise StoreDown("database or disk is full")

            patch.setattr(SqliteStore, "commit", full)
            found = await desk.desk.firm_quote(request(2))
            assert isinstance(found, Decision)
            assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE
        assert SqliteStore.commit is commit
        await quoted(desk, request(3))

    run_journal(place.path, body)
    assert check_totals(place)["count"] == 2


@pytest.mark.parametrize("way", ["kernel", "thread"])
def test_firm_quote__disk_does_not_sync__nothing_leaves_until_a_restart_reads_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")

    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        first = await quoted(desk, request(1))
        with monkeypatch.context() as patch:
            said = os.strerror(errno.EIO)
            if way == "kernel":
                patch.setattr(LogSync, "start", lambda self, done: done(said))
            else:

                def fails(_: int) -> None:
                    raise OSError(errno.EIO, said)

                def refuses(self: LogSync, done: object) -> None:
                    raise OSError(errno.EAGAIN, "no room")

                patch.setattr(LogSync, "start", refuses)
                patch.setattr(os, "fdatasync", fails)
            found = await desk.desk.firm_quote(request(2))
        assert isinstance(found, Decision)
        assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE
        assert "restart the server" in found.detail
        # It may be on the disk: it stays reserved, and nobody has its signature.
        assert len(desk.book) == 2
        # The disk works again, and is not believed.
        for _ in range(2):
            found = await desk.desk.firm_quote(request(3))
            assert isinstance(found, Decision)
            assert "restart the server" in found.detail
        assert len(desk.book) == 2
        with pytest.raises(JournalUnavailable, match="restart the server"):
            journal.recover()
        with pytest.raises(JournalUnavailable, match="restart the server"):
            await desk.desk.settle(chain_view(spent=frozenset({first.admitted.nonce})))
        assert journal.last_error is not None

    run_journal(place.path, body)
    # Another process would find the lock free; here the first one still holds it.
    quotes = [entry.quote_id for entry in place.read()]
    assert quotes[0] == "q1"
    assert set(quotes) <= {"q1", "q2"}
