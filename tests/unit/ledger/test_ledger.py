"""The ledger keeps whole transactions or nothing of them, for one desk, one contract and one version."""

import contextlib
import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.errors import InvalidInput, InvariantViolated, SetupError
from pmm.journal import SqliteJournal
from pmm.journal.sqlite_store import SqliteStore
from pmm.journal.store import BadRecord, StoreDown
from pmm.ledger import Ledger, LedgerDown, LedgerRefused, SchemaModule, open_ledger, read_ledger
from pmm.ledger.schemas import ALL
from tests.helpers.postgres import postgres_server
from tests.helpers.quoting import MAKER, TAKER

_NOTES = SchemaModule(
    name="note",
    version=1,
    tables="""
CREATE TABLE IF NOT EXISTS note_lines (
    seq INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
""",
)
_ADD = "INSERT INTO note_lines (text) VALUES (?)"
_ALL = "SELECT text FROM note_lines ORDER BY seq"


def opened(where: Path | str, version: int = 1) -> Ledger:
    notes = SchemaModule(name="note", version=version, tables=_NOTES.tables)
    return open_ledger(where, chain_id=1, maker=MAKER, modules=(*ALL, notes))


@pytest.fixture
def ledger(where: Path | str) -> Iterator[Ledger]:
    found = opened(where)
    yield found
    found.close()


def test_transaction__ends__is_there_after_opening_again(where: Path | str) -> None:
    ledger = opened(where)
    with ledger.transaction() as t:
        t.execute(_ADD, ("a",))
        t.executemany(_ADD, [("b",), ("c",)])
    ledger.close()
    again = opened(where)
    assert again.read(_ALL) == [("a",), ("b",), ("c",)]
    again.close()


def test_transaction__exception__leaves_nothing(ledger: Ledger) -> None:
    def fails() -> None:
        with ledger.transaction() as t:
            t.execute(_ADD, ("a",))
            assert t.query(_ALL) == [("a",)]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert ledger.read(_ALL) == []


def test_transaction__refused_value__leaves_nothing_and_the_ledger_works_on(ledger: Ledger) -> None:
    with pytest.raises(LedgerRefused, match="expected values that it takes"), ledger.transaction() as t:
        t.executemany(_ADD, [("a",), ("a",)])
    assert ledger.read(_ALL) == []
    with ledger.transaction() as t:
        t.execute(_ADD, ("b",))
    assert ledger.read(_ALL) == [("b",)]


def test_transaction__goes_on_after_a_refusal__is_refused_and_leaves_nothing(ledger: Ledger) -> None:
    def goes_on() -> None:
        with ledger.transaction() as t:
            t.execute(_ADD, ("before",))
            with contextlib.suppress(BadRecord, StoreDown):
                t.query("SELECT nothing FROM nowhere")
            t.execute(_ADD, ("after",))
            t.query(_ALL)

    with pytest.raises(InvariantViolated, match="found one that has ended"):
        goes_on()
    assert ledger.read(_ALL) == []


def test_transaction__refusal_swallowed_before_the_end__is_refused(ledger: Ledger) -> None:
    def swallows() -> None:
        with ledger.transaction() as t:
            t.execute(_ADD, ("before",))
            with contextlib.suppress(BadRecord, StoreDown):
                t.query("SELECT nothing FROM nowhere")

    with pytest.raises(InvariantViolated, match="found one that has ended"):
        swallows()
    assert ledger.read(_ALL) == []


def test_transaction__disk_refuses_to_take_it_back__is_the_ledger_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = opened(tmp_path / "ledger.sqlite")

    def refuse(_store: SqliteStore) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def fails() -> None:
        with ledger.transaction() as t:
            t.execute(_ADD, ("a",))
            monkeypatch.setattr(SqliteStore, "rollback", refuse)
            raise ZeroDivisionError

    with pytest.raises(LedgerDown, match="disk I/O error"):
        fails()
    monkeypatch.undo()
    with ledger.transaction() as t:
        t.execute(_ADD, ("b",))
    assert ledger.read(_ALL) == [("b",)]
    ledger.close()


def test_transaction__used_after_its_end__is_refused(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        pass
    with pytest.raises(InvariantViolated, match="found one that has ended"):
        t.execute(_ADD, ("a",))


def test_transaction__within_a_transaction__is_refused(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        t.execute(_ADD, ("a",))
        with pytest.raises(InvariantViolated, match="no transaction of this thread"):
            ledger.read(_ALL)
    assert ledger.read(_ALL) == [("a",)]


def test_transaction__many_threads__each_is_whole(ledger: Ledger) -> None:
    def write(name: str) -> None:
        for number in range(10):
            with ledger.transaction() as t:
                before = t.query("SELECT count(*) FROM note_lines")[0][0]
                t.execute(_ADD, (f"{name} {number} after {before}",))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = [text for (text,) in ledger.read(_ALL)]
    assert [int(text.rpartition(" ")[2]) for text in rows] == list(range(30))


def test_open__second_desk__is_refused_until_the_first_ends(where: Path | str) -> None:
    first = opened(where)
    with pytest.raises(SetupError, match=r"only server on ledger|another desk uses the ledger"):
        opened(where)
    first.close()
    opened(where).close()


def test_open__of_another_contract__is_refused(where: Path | str) -> None:
    opened(where).close()
    with pytest.raises(InvalidInput, match="ledger of settlement"):
        open_ledger(where, chain_id=1, maker=TAKER)
    opened(where).close()


def test_open__module_of_another_version__is_refused(where: Path | str) -> None:
    opened(where).close()
    with pytest.raises(InvalidInput, match="note schema 2, found 1"):
        opened(where, version=2)
    opened(where).close()


def test_open__new_module__is_made_beside_the_old_ones(where: Path | str) -> None:
    open_ledger(where, chain_id=1, maker=MAKER).close()
    ledger = opened(where)
    assert ledger.read(_ALL) == []
    ledger.close()


def test_open__file__is_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.sqlite"
    ledger = opened(path)
    with ledger.transaction() as t:
        t.execute(_ADD, ("a",))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    ledger.close()


def test_open__file_of_a_journal__holds_both(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqliteJournal(path, chain_id=1, maker=MAKER).close()
    # A journal's file may hold a ledger's tables, as one PostgreSQL database holds both.
    opened(path).close()
    SqliteJournal(path, chain_id=1, maker=MAKER).close()


def test_open__something_else__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database, " * 100)
    with pytest.raises(InvalidInput, match=r"expected a pmm ledger at .* give --ledger another path"):
        opened(path)


def test_schema_module__table_without_its_name__is_refused() -> None:
    with pytest.raises(InvariantViolated, match="expected CREATE TABLE or INDEX IF NOT EXISTS other_"):
        SchemaModule(name="other", version=1, tables=_NOTES.tables)
    with pytest.raises(InvariantViolated, match="rename"):
        SchemaModule(name="note", version=1, tables="CREATE TABLE note_lines (seq INTEGER) STRICT;")


def test_read_ledger__beside_the_desk__sees_commits_and_cannot_write(where: Path | str) -> None:
    ledger = opened(where)
    with ledger.transaction() as t:
        t.execute(_ADD, ("100 %",))
    with read_ledger(where) as reader:
        assert reader.read(
            "SELECT text FROM note_lines WHERE text LIKE '%\\%' ESCAPE '\\' AND seq > ?", (0,)
        ) == [("100 %",)]
        with pytest.raises(LedgerDown, match="expected to read the ledger"):
            reader.read("INSERT INTO note_lines (text) VALUES ('b')")
    ledger.close()


def test_read_ledger__on_postgresql__is_not_held_to_the_times_of_the_desk(tmp_path: Path) -> None:
    with postgres_server() as server:
        url = server.new_schema()
        ledger = opened(url)
        assert ledger.read("SHOW statement_timeout") == [("2s",)]
        with read_ledger(url) as reader:
            assert reader.read("SHOW statement_timeout") == [("1min",)]
        ledger.close()


def test_read_ledger__nothing_there__says_what_writes_one(where: Path | str) -> None:
    with pytest.raises(InvalidInput, match="`pmm desk` writes one"):
        read_ledger(where)


def test_transaction__full_disk__says_so_and_works_again_with_space(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = os.fork()
    if code == 0:
        os._exit(_fill_the_disk(path))
    assert os.waitstatus_to_exitcode(os.waitpid(code, 0)[1]) == 0
    ledger = opened(path)
    assert ledger.read(_ALL) == [("before",), ("after",)]
    ledger.close()


def _fill_the_disk(path: Path) -> int:
    """Write beyond a limit of the file's size, which SQLite meets as a full disk; 0 where all is as it must be."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ledger = opened(path)
    with ledger.transaction() as t:
        t.execute(_ADD, ("before",))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with ledger.transaction() as t:
            t.execute(_ADD, ("x" * 3_000_000,))
        return 1
    except LedgerDown as error:
        if "free space there" not in str(error) or str(path) not in str(error):
            return 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    with ledger.transaction() as t:
        t.execute(_ADD, ("after",))
    ledger.close()
    return 0
