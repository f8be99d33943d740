"""The journal keeps what it confirmed, refuses clearly what it cannot keep, and comes back by itself."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH, ZERO_ADDRESS, Decision, QuoteRequest, RefusalReason
from pmm.errors import InvalidInput, SetupError
from pmm.execution import (
    AnsweredQuote,
    FirmQuoteRequest,
    JournalUnavailable,
    OutcomeKind,
    QuoteOutcome,
    QuoteRecord,
    Settlement,
)
from pmm.journal import JournalEntry, SqliteJournal, read
from pmm.journal.database import bind_maker, connect_for_writing
from tests.helpers.quoting import MAKER, TAKER, chain_view, market, open_test_desk


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


@pytest.mark.parametrize("settlement", list(Settlement))
def test_read__accepted_quote__comes_back_whole(path: Path, settlement: Settlement) -> None:
    answered, entry = quote_once(path, settlement)
    admitted = answered.admitted
    assert entry.quoted
    assert entry.order == admitted.order
    assert entry.order_hash == admitted.order_hash
    assert (entry.settlement, entry.settled_by) == (settlement.value, admitted.settled_by)
    assert (entry.nonce, entry.expiration_s) == (admitted.nonce.nonce, admitted.expiration_s)
    assert entry.request == b'{"amount":"1"}'
    assert entry.funding == "inventory"
    breakdown = admitted.offer.priced.breakdown
    assert entry.fair_rate_e36 == breakdown.fair_rate_e36
    assert entry.components_bps == {part.name.value: part.bps for part in breakdown.components}
    assert entry.total_bps == breakdown.total_bps
    assert entry.market is not None
    assert entry.market["blockNumber"] == 100


def test_read__quote_still_alive__holds_no_signature(path: Path) -> None:
    answered, entry = quote_once(path)
    assert entry.outcome is None
    assert entry.signature is None
    signature = answered.firm.signed_order.signature
    raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert signature.r_bytes not in raw
    assert signature.r_bytes.hex().encode() not in raw


def test_read__components__add_up_exactly(path: Path) -> None:
    _, entry = quote_once(path)
    assert sum(entry.components_bps.values(), Decimal(0)) == entry.total_bps


def test_read__outcome__carries_the_signature(path: Path) -> None:
    async def run() -> bytes:
        journal = open_journal(path)
        found = await open_test_desk(journal=journal).desk.firm_quote(request(1))  # type: ignore[arg-type]
        assert isinstance(found, AnsweredQuote)
        outcome = QuoteOutcome(
            order_hash=found.admitted.order_hash,
            kind=OutcomeKind.EXPIRED,
            at_ms=5,
            block_number=7,
            signature=b"\x01" * 65,
        )
        # Twice: a retry after a lost confirmation must not fail.
        await journal.append_outcomes((outcome,))
        await journal.append_outcomes((outcome,))
        journal.close()
        return found.admitted.order_hash

    asyncio.run(run())
    (entry,) = read(path)
    assert (entry.outcome, entry.ended_in_block, entry.signature) == ("expired", 7, b"\x01" * 65)


def test_append__same_quote_id_twice__fails_alone(path: Path) -> None:
    async def run() -> list[object]:
        journal = open_journal(path)
        records = [refusal(1), refusal(1), refusal(2)]
        results = await asyncio.gather(*(journal.append(r) for r in records), return_exceptions=True)
        journal.close()
        return list(results)

    results = asyncio.run(run())
    assert [isinstance(result, JournalUnavailable) for result in results] == [False, True, False]
    assert [entry.quote_id for entry in read(path)] == ["q1", "q2"]


def test_append__number_that_does_not_fit__fails_alone_and_the_writer_lives(path: Path) -> None:
    async def run() -> None:
        journal = open_journal(path)
        with pytest.raises(JournalUnavailable, match="refused the record"):
            await journal.append(replace(refusal(1), received_at_ms=2**70))
        await journal.append(refusal(2))
        journal.close()

    asyncio.run(run())
    assert [entry.quote_id for entry in read(path)] == ["q2"]


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


def test_append__closed_journal__is_refused(path: Path) -> None:
    async def run() -> None:
        journal = open_journal(path)
        journal.close()
        journal.close()
        with pytest.raises(JournalUnavailable, match="stopping"):
            await journal.append(refusal(1))

    asyncio.run(run())


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
    with pytest.raises(InvalidInput, match="schema version 2, found 99"):
        open_journal(path)


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


def test_read__beside_a_running_server__works(path: Path) -> None:
    async def run() -> int:
        journal = open_journal(path)
        await journal.append(refusal(1))
        count = len(list(read(path)))
        journal.close()
        return count

    assert asyncio.run(run()) == 1


def test_bind_maker__first_time__is_remembered(path: Path) -> None:
    path.parent.mkdir()
    connection = connect_for_writing(path)
    bind_maker(connection, chain_id=1, maker=MAKER, path=path)
    bind_maker(connection, chain_id=1, maker=MAKER, path=path)
    connection.close()


def test_recover__restart__knows_live_quotes_and_used_nonces(path: Path) -> None:
    async def run() -> None:
        journal = open_journal(path)
        desk = open_test_desk(journal=journal)  # type: ignore[arg-type]
        for number in range(6):
            venue = Settlement.PMM if number % 2 else Settlement.ONEINCH
            found = await desk.desk.firm_quote(request(number, venue))
            assert isinstance(found, AnsweredQuote)
        view = chain_view(spent=frozenset(desk.desk.watched()[:1]))
        await desk.settle(view)
        journal.close()

    asyncio.run(run())
    journal = open_journal(path)
    state = journal.recover()
    journal.close()
    assert len(state.live) == 5
    assert sum(quote.reserved_amount for quote in state.live) > 0
    assert state.next_nonces[ZERO_ADDRESS, Settlement.ONEINCH, 0] == 3
    signer = open_test_desk().signer.address
    assert {key[2]: value for key, value in state.next_nonces.items() if key[0] == signer} == {0: 2, 1: 1}


_FULL_DISK = """
import asyncio, resource, sys
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


def _quote_until_killed(path: Path, report: int) -> None:
    """Quote for ever and report every signature that left; runs in a forked child."""

    async def run() -> None:
        journal = open_journal(path)
        state = journal.recover()
        desk = open_test_desk(journal=journal, resume=state)  # type: ignore[arg-type]
        number = 0
        while True:
            batch = [request_of(os.getpid(), number + i) for i in range(4)]
            number += 4
            for found in await asyncio.gather(*(desk.desk.firm_quote(one) for one in batch)):
                if isinstance(found, AnsweredQuote):
                    nonce = found.admitted.nonce
                    line = (
                        f"{found.admitted.order_hash.hex()} {nonce.settlement} {nonce.lane} {nonce.nonce}\n"
                    )
                    os.write(report, line.encode())
            spent = frozenset(desk.desk.watched()[:3])
            await desk.settle(chain_view(spent=spent))

    asyncio.run(run())


def request_of(process: int, number: int) -> FirmQuoteRequest:
    venue = Settlement.PMM if number % 2 else Settlement.ONEINCH
    asked = request(0, venue)
    return replace(asked, quote=replace(asked.quote, request_id=f"{process}-{number}"))


@pytest.mark.parametrize("seed", range(3))
def test_firm_quote__killed_at_any_point__leaves_no_signature_without_record(path: Path, seed: int) -> None:
    left: list[str] = []
    for round_ in range(12):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                _quote_until_killed(path, writer)
            finally:
                os._exit(1)
        os.close(writer)
        first = os.read(reader, 65_536)
        # Spread the blow over the steps of admission: the child is in the middle of one whenever it falls.
        delay_s = ((seed * 12 + round_) * 7 % 40) / 2_000
        time.sleep(delay_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        data = first
        while chunk := os.read(reader, 65_536):
            data += chunk
        os.close(reader)
        left += data.decode().splitlines()
    entries = {entry.order_hash.hex(): entry for entry in read(path) if entry.order_hash}
    assert len(left) > 50
    nonces = [tuple(line.split()[1:]) for line in left]
    assert len(set(nonces)) == len(nonces)
    for line in left:
        order_hash, settlement, lane, nonce = line.split()
        entry = entries[order_hash]
        assert entry.reserved_amount > 0
        assert (entry.settlement, entry.lane, entry.nonce) == (settlement, int(lane), int(nonce))
