"""Full disk and database down: nothing leaves, the refusal says why, and it works again without a restart."""

import asyncio
import contextlib
import time

import psycopg
import pytest

from pmm.domain import Decision, RefusalReason
from pmm.errors import InvalidInput, SetupError
from pmm.execution import AnsweredQuote, JournalUnavailable
from pmm.journal import Journal, PostgresJournal, read
from pmm.journal.postgres_store import shown_location
from pmm.relayers.refusals import wire_refusal
from tests.helpers.journal_desks import leased_desk, quoted, refusal, request, with_journal
from tests.helpers.journal_places import PostgresPlace, check_totals
from tests.helpers.postgres import Postgres, postgres_server
from tests.helpers.quoting import MAKER, Desk, chain_view


@pytest.fixture
def shared(postgres: Postgres) -> PostgresPlace:
    return PostgresPlace(postgres.new_schema())


def change(place: PostgresPlace, sql: str) -> None:
    with psycopg.connect(place.url) as connection:
        connection.execute(sql.encode())


async def refused(desk: Desk, number: int) -> Decision:
    before = len(desk.book)
    found = await desk.desk.firm_quote(request(number))
    assert isinstance(found, Decision), found
    assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE
    assert len(desk.book) == before
    refusal = wire_refusal(found)
    assert (refusal.status, refusal.retry_after_s) == (503, 1)
    return found


async def back(desk: Desk, number: int, *, within_s: float = 10.0) -> AnsweredQuote:
    """Ask until it is quoted again."""
    deadline = time.monotonic() + within_s
    while True:
        found = await desk.desk.firm_quote(request(number))
        if isinstance(found, AnsweredQuote):
            return found
        assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE, found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)
        number += 1_000


_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON quotes FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


def test_firm_quote__disk_of_the_database_full__is_refused_and_back_when_there_is_space(
    shared: PostgresPlace,
) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        await quoted(desk, request(1))
        change(shared, _FULL)
        found = await refused(desk, 2)
        assert "No space left on device" in found.detail
        assert journal.last_error is not None
        change(shared, "DROP TRIGGER full_disk ON quotes")
        await quoted(desk, request(3))
        assert journal.last_error is None
        assert len(desk.book) == 2

    with_journal(shared, body)
    assert check_totals(shared)["count"] == 2


async def leased_again(journal: Journal, desk: Desk) -> None:
    """Renew the leases; a connection is tried again only a moment after one that failed."""
    for _ in range(200):
        with contextlib.suppress(JournalUnavailable):
            await asyncio.wrap_future(journal.lease_lanes(desk.signer.address, (0, 1), most=2))
            return
        await asyncio.sleep(0.02)
    raise AssertionError("expected the journal back within four seconds")


def test_firm_quote__server_stopped__is_refused_at_once_and_back_when_it_runs() -> None:
    with postgres_server() as server:
        place = PostgresPlace(server.new_schema())

        async def body(journal: Journal) -> None:
            desk = await leased_desk(journal)
            first = await quoted(desk, request(1))
            server.stop()
            for number in range(2, 6):
                await refused(desk, number)
            # What ends meanwhile is not lost either.
            with pytest.raises(JournalUnavailable):
                await desk.desk.settle(chain_view(spent=frozenset({first.admitted.nonce})))
            with pytest.raises(JournalUnavailable):
                journal.recover()
            server.start()
            assert journal.last_error is not None
            await leased_again(journal, desk)
            assert journal.last_error is None
            await back(desk, 10)
            await desk.desk.settle(chain_view())

        with_journal(place, body)
        quoted_, *others = [entry for entry in place.read() if entry.quoted]
        assert (quoted_.outcome, len(others)) == ("spent", 1)
        check_totals(place)


def test_firm_quote__connection_killed__loses_one_answer_at_most(shared: PostgresPlace) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        await quoted(desk, request(1))
        change(
            shared,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pmm' "
            "AND pid <> pg_backend_pid()",
        )
        await back(desk, 2)

    with_journal(shared, body)
    check_totals(shared)


def test_firm_quote__book_locked_by_somebody__is_refused_in_time(shared: PostgresPlace) -> None:
    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        with psycopg.connect(shared.url) as blocker:
            blocker.execute("LOCK TABLE totals IN ACCESS EXCLUSIVE MODE")
            found = await desk.desk.firm_quote(request(1))
            assert isinstance(found, Decision)
            assert found.reason is RefusalReason.JOURNAL_UNAVAILABLE
            blocker.rollback()
        await back(desk, 2)
        # The one that was given up may have been written after all; it is reserved then, and only then.
        state = journal.recover()
        assert {quote.order_hash for quote in desk.book} == {quote.order_hash for quote in state.live}

    with_journal(shared, body)
    check_totals(shared)


def test_append__row_that_nobody_thought_of__is_refused_and_the_writer_lives(
    shared: PostgresPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(journal: Journal) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("pmm.journal.batch.quote_row", lambda record, replica: 1 // 0)
            with pytest.raises(JournalUnavailable, match="a bug: ZeroDivisionError"):
                await journal.admit(refusal(1))
        await journal.admit(refusal(1))

    with_journal(shared, body)


@pytest.mark.parametrize(
    "call", [lambda url: PostgresJournal(url, chain_id=1, maker=MAKER), lambda url: list(read(url))]
)
def test_open__no_server_there__says_so_without_the_password(call: object) -> None:
    url = "postgresql://user:secret@127.0.0.1:1/quotes"
    with pytest.raises(SetupError, match=r"postgresql://127\.0\.0\.1/quotes") as caught:
        call(url)  # type: ignore[operator]
    assert "secret" not in str(caught.value)


def test_open__url_that_is_none__says_so_without_repeating_it() -> None:
    with pytest.raises(InvalidInput, match="database_url") as caught:
        shown_location("postgresql://user:secret@[::1/quotes")
    assert "secret" not in str(caught.value)


def test_read__database_without_a_journal__raises(shared: PostgresPlace) -> None:
    with pytest.raises(InvalidInput, match="expected a journal"):
        list(read(shared.url))
