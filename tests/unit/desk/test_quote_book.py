"""Quotes of a joined journal reach risk once each, on both databases, and again after a restart of the desk."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import structlog

from pmm.desk.edges import expected_edge_usd_e6
from pmm.desk.quote_book import QuoteBook
from pmm.domain import USDC, WETH
from pmm.execution import AdmittedQuote
from pmm.journal import Journal
from pmm.journal.given_quotes import GivenQuotes
from pmm.journal.live_journal import LiveJournal
from pmm.risk.events import QuoteExecuted, QuoteGiven
from tests.helpers.journal_desks import leased_desk, quoted, refusal, request, with_journal
from tests.helpers.journal_places import Place, PostgresPlace, SqlitePlace
from tests.helpers.quoting import MAKER, TAKER

_DAY_MS = 86_400_000
_PAIRS = {frozenset((WETH.address, USDC.address)): "WETH/USDC"}


def written(place: Place, *numbers: int) -> list[AdmittedQuote]:
    """Let a server give quotes, and refuse a request before each."""
    found: list[AdmittedQuote] = []

    async def body(journal: Journal) -> None:
        desk = await leased_desk(journal)
        for number in numbers:
            await journal.append(refusal(100 + number, received_at_ms=desk.clock.wall_ms()))
            found.append((await quoted(desk, request(number))).admitted)

    with_journal(place, body)
    return found


def quotes_of(place: Place) -> GivenQuotes:
    assert isinstance(place, SqlitePlace | PostgresPlace)
    where = place.path if isinstance(place, SqlitePlace) else place.url
    return GivenQuotes(LiveJournal(where, chain_id=1, maker=MAKER))


def book_of(place: Place) -> QuoteBook:
    return QuoteBook(quotes_of(place), pairs=_PAIRS, symbols={})


def given_ms(place: Place) -> int:
    return max(entry.received_at_ms for entry in place.read())


def test_given__quotes_among_refusals__are_told_once_each(place: Place) -> None:
    first = written(place, 1, 2)
    now_ms, book = given_ms(place), book_of(place)
    told = book.given(now_ms)
    assert [one.value_usd_e6 for one in told] == [one.usd_wad // 10**12 for one in first]
    taker = f"0x..{int(TAKER, 16) % 2**80:020x}"
    assert told[0] == QuoteGiven(now_ms, "1inch", "WETH/USDC", taker, told[0].value_usd_e6)
    assert book.given(now_ms) == []
    written(place, 3)
    assert len(book.given(now_ms)) == 1
    # Another process of the desk: its windows are empty.
    assert len(book_of(place).given(now_ms)) == 3


def test_given__of_before_yesterday__is_left_out(place: Place) -> None:
    written(place, 1)
    then_ms = given_ms(place)
    assert len(book_of(place).given(then_ms + _DAY_MS)) == 1
    assert book_of(place).given(then_ms + _DAY_MS + 1) == []


def test_behind__more_than_is_read_at_once__comes_in_parts(place: Place) -> None:
    written(place, 1, 2, 3)
    quotes = quotes_of(place)
    at, found = quotes.before(0), 0
    for _ in range(3):
        at, some = quotes.behind(at, most=2)
        found += len(some)
        assert len(some) == 1
    assert found == 3
    assert quotes.behind(at, most=2) == (at, [])


def test_behind__another_file_in_its_place__is_read_from_its_start(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    written(place, 1, 2)
    quotes = quotes_of(place)
    at, _ = quotes.behind(0, most=100)
    for one in tmp_path.iterdir():
        one.unlink()
    written(place, 9)
    assert len(quotes.behind(at, most=100)[1]) == 1


def test_find__signed_quote__has_its_price_and_counts_for_what_was_given(place: Place) -> None:
    (quote,) = written(place, 1)
    book = book_of(place)
    asked, found = book.find(quote.order_hash)
    assert asked
    assert found is not None
    assert book.find(bytes(32)) == (True, None)
    (given,) = book.given(found.given_ms)
    assert book.executed(found, 5) == QuoteExecuted(
        5, given.relayer, given.pair, given.taker, given.value_usd_e6
    )
    parts = {part.name.value: part.bps for part in quote.offer.priced.breakdown.components}
    total = sum(parts.values(), Decimal(0)) / 10_000
    kept = total - (parts["gas"] + parts.get("funding", Decimal(0))) / 10_000
    fair = Decimal(quote.usd_wad) / 10**12 / (1 - total)
    assert abs(expected_edge_usd_e6(found) - fair * kept) < 1
    assert expected_edge_usd_e6(found) > 0


def test_journal__not_there__is_said_once_and_found_later(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "journal.sqlite")
    book = book_of(place)
    with structlog.testing.capture_logs() as said:
        assert [book.given(1), book.given(1)] == [[], []]
        assert book.find(bytes(32)) == (False, None)
    assert [one["event"] for one in said] == ["quotes_not_read"]
    written(place, 1)
    assert len(book.given(given_ms(place))) == 1


def test_no_journal__knows_no_quote() -> None:
    book = QuoteBook(None, pairs={}, symbols={})
    assert book.given(1) == []
    assert book.find(bytes(32)) == (True, None)
