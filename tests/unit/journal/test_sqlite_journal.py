"""The journal keeps what it confirmed, refuses clearly what it cannot keep, and comes back by itself."""

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH, Decision, QuoteRequest, RefusalReason
from pmm.errors import InvalidInput, SetupError
from pmm.execution import (
    AnsweredQuote,
    FirmQuoteRequest,
    JournalUnavailable,
    QuoteRecord,
    Settlement,
)
from pmm.journal import JournalEntry, SqliteJournal, read
from pmm.journal.database import bind_maker, connect_for_writing
from pmm.journal.schema import JOURNAL, DatabaseKind
from pmm.ledger.schema_module import ledger_kind
from pmm.ledger.schemas import ALL
from pmm.replay.journal_days import recorded_quotes
from tests.helpers.quoting import MAKER, TAKER, market, open_test_desk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "journal.sqlite"


def open_journal(path: Path) -> SqliteJournal:
    return SqliteJournal(path, chain_id=1, maker=MAKER)


def refusal(number: int = 1) -> QuoteRecord:
    return QuoteRecord(
        quote_id=f"q{number}",
        received_at_ms=1,
        relayer="1inch",
        body=b"{}",
        decision=Decision.refuse(RefusalReason.PAUSED, "paused"),
        market=market(),
    )


def request(number: int, settlement: Settlement = Settlement.PMM) -> FirmQuoteRequest:
    quote = QuoteRequest(
        request_id=f"q{number}",
        chain_id=1,
        maker_asset=USDC,
        taker_asset=WETH,
        taking_amount=10**16,
        taker=TAKER,
    )
    return FirmQuoteRequest(quote=quote, settlement=settlement, body=b'{"amount":"1"}')


def quote_once(path: Path, settlement: Settlement = Settlement.PMM) -> tuple[AnsweredQuote, JournalEntry]:
    async def run() -> AnsweredQuote:
        journal = open_journal(path)
        try:
            found = await open_test_desk(journal=journal).desk.firm_quote(request(1, settlement))  # type: ignore[arg-type]
        finally:
            journal.close()
        assert isinstance(found, AnsweredQuote)
        return found

    answered = asyncio.run(run())
    (entry,) = read(path)
    return answered, entry


def test_read__quote_still_alive__holds_no_signature(path: Path) -> None:
    answered, entry = quote_once(path)
    assert entry.outcome is None
    assert entry.signature is None
    signature = answered.firm.signed_order.signature
    raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert signature.r_bytes not in raw
    assert signature.r_bytes.hex().encode() not in raw


def test_append__database_locked__is_refused_and_works_again_later(path: Path) -> None:
    async def run() -> None:
        journal = open_journal(path)
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable, match="locked"):
            await journal.append(refusal(1))
        assert journal.last_error is not None
        blocker.execute("ROLLBACK")
        blocker.close()
        await journal.append(refusal(2))
        assert journal.last_error is None
        journal.close()

    asyncio.run(run())
    assert [entry.quote_id for entry in read(path)] == ["q2"]


def test_open__second_server__is_refused(path: Path) -> None:
    journal = open_journal(path)
    try:
        with pytest.raises(SetupError, match="only server on journal"):
            open_journal(path)
    finally:
        journal.close()
    open_journal(path).close()


def test_open__journal_of_another_settlement__is_refused(path: Path) -> None:
    open_journal(path).close()
    with pytest.raises(InvalidInput, match="--journal another path"):
        SqliteJournal(path, chain_id=1, maker=TAKER)
    # The refusal leaves no lock behind.
    open_journal(path).close()


def test_open__file_that_is_no_journal__is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("these are not the rows you are looking for" * 100)
    with pytest.raises(InvalidInput, match="expected a pmm journal"):
        open_journal(path)


def test_open__newer_schema__is_refused(path: Path) -> None:
    open_journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        connection.execute("DROP TABLE leases")
    with pytest.raises(InvalidInput, match="schema version 2, found 99"):
        open_journal(path)
    # Nothing was added to it.
    with sqlite3.connect(path) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'leases'").fetchone()


def test_open__folder_that_cannot_be_written__is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="--journal another path"):
        open_journal(tmp_path / "file" / "journal.sqlite")


def test_open__new_journal__is_readable_by_its_owner_only(path: Path) -> None:
    journal = open_journal(path)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    journal.close()
    assert set(modes.values()) == {0o600}
    assert len(modes) >= 3


def test_read__no_journal__raises(path: Path) -> None:
    with pytest.raises(InvalidInput, match="found no file"):
        list(read(path))


@pytest.mark.parametrize("kind", ["text", "another database", "a ledger"])
@pytest.mark.parametrize("opens", [read, recorded_quotes])
def test_read__something_else_than_a_journal__says_so(
    kind: str, opens: Callable[[Path], Iterator[object]], tmp_path: Path
) -> None:
    path = tmp_path / "other.sqlite"
    if kind == "text":
        path.write_text("no database, " * 100)
    else:
        table = "ledger_meta" if kind == "a ledger" else "quote"
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"CREATE TABLE {table} (key, value)")
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match=r"found something else .* give --journal another path"):
        list(opens(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", [JOURNAL, ledger_kind(ALL)], ids=["journal", "ledger"])
def test_connect_for_writing__database_of_another_program__is_left_as_it_is(
    kind: DatabaseKind, tmp_path: Path
) -> None:
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE orders (id)")
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match=rf"expected a pmm {kind.name} .*\(tables of another program"):
        connect_for_writing(path, kind)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.sqlite"]


def test_bind_maker__first_time__is_remembered(path: Path) -> None:
    path.parent.mkdir()
    connection = connect_for_writing(path)
    bind_maker(connection, chain_id=1, maker=MAKER, path=path)
    bind_maker(connection, chain_id=1, maker=MAKER, path=path)
    connection.close()


_FULL_DISK = """
import asyncio, resource, sys
from collections.abc import Callable, Iterator
from pathlib import Path
from pmm.execution import AnsweredQuote
from tests.helpers.quoting import TAKER, open_test_desk
from tests.unit.journal.test_sqlite_journal import open_journal, request

async def run() -> None:
    journal = open_journal(Path(sys.argv[1]))
    desk = open_test_desk(journal=journal)
    asked = signed = 0
    while True:
        found = await desk.desk.firm_quote(request(asked))
        asked += 1
        if not isinstance(found, AnsweredQuote):
            break
        signed += 1
        if signed == 5:
            # From here on no file grows: what a full disk looks like to SQLite.
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    live = desk.book.open_quotes(TAKER).count
    print(signed, live, found.reason.value, "|", found.detail)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    back = await desk.desk.firm_quote(request(asked))
    print(isinstance(back, AnsweredQuote))
    journal.close()

asyncio.run(run())
"""


def test_append__disk_full__is_refused_nothing_signed_and_back_when_there_is_space(path: Path) -> None:
    script = textwrap.dedent(_FULL_DISK)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(200 * 1024)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(Path.cwd()), "src"))},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    head, detail = first.split(" | ")
    signed, live, reason = head.split()
    assert reason == "journal_unavailable"
    assert "could not be written" in detail
    # One reservation per signature, none for the refused request.
    assert signed == live
    assert second == "True"
    quoted = [entry for entry in read(path) if entry.quoted]
    assert len(quoted) == int(signed) + 1
