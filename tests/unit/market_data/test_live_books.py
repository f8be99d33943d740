"""Order books heard over real sockets: prices that age, venues that go and come back, clean ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from pmm.domain import USDC, WETH
from pmm.execution import BookTop
from pmm.market_data import FeedPatience, LiveBook, LiveBooks
from pmm.pricing import SourceKind
from tests.helpers.exchange import Exchange, exchange

_BOOK = LiveBook(venue="binance", symbol="ETHUSDC", base=WETH, quote=USDC)
_FAST = FeedPatience(open_s=5, quiet_s=60, ping_s=0.01, retry_s=0.01, most_retry_s=0.02)
_DEADLINE_S = 20.0


def _ticker(bid: str = "2999", ask: str = "3001", symbol: str = "ETHUSDC", size: str = "1") -> dict[str, Any]:
    return {"u": 1, "s": symbol, "b": bid, "B": size, "a": ask, "A": "1"}


def _until(true: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + _DEADLINE_S
    while not true():
        assert time.monotonic() < deadline_s, "it did not come to pass"
        time.sleep(0.002)


@contextmanager
def _listening(
    *venues: Exchange, books: tuple[LiveBook, ...] = (_BOOK,), patience: FeedPatience = _FAST, **more: Any
) -> Iterator[LiveBooks]:
    names = sorted({book.venue for book in books})
    addresses = {name: venue.address for name, venue in zip(names, venues, strict=True)}
    found = LiveBooks(books, max_age_s=10, addresses=addresses, patience=patience, **more)
    try:
        found.current()
        for venue in venues:
            assert venue.joined.acquire(timeout=_DEADLINE_S)
            assert venue.spoken_to.acquire(timeout=_DEADLINE_S)
        yield found
    finally:
        found.close()


def test_current__book_is_said__is_a_source_of_the_fair_value() -> None:
    with exchange() as venue, _listening(venue) as books:
        assert venue.heard == [{"method": "SUBSCRIBE", "params": ["ethusdc@bookTicker"], "id": 1}]
        assert books.current().references == ()
        assert books.connected() == {"binance": False}
        venue.say({"result": None, "id": 1})
        venue.say(_ticker())
        _until(lambda: books.current().references)
        (price,) = books.current().references
        assert (price.source, price.kind) == ("binance:ETHUSDC", SourceKind.BOOK)
        assert (price.token, price.unit, price.rate_e36) == (WETH.address, USDC.address, 3_000 * 10**24)
        assert books.connected() == {"binance": True}
        age_ms = books.ages_ms()["binance:ETHUSDC"]
        assert age_ms is not None
        assert age_ms >= 0


def test_current__price_too_old_by_this_machines_clock__is_none() -> None:
    now_ms = 1_800_000_000_000
    with exchange() as venue, _listening(venue, now_ms=lambda: now_ms) as books:
        venue.say(_ticker())
        _until(lambda: books.current().references)
        now_ms += 10_000
        assert books.current().references
        now_ms += 1
        assert books.current().references == ()


@pytest.mark.parametrize("after", [_ticker(size="0"), _ticker(bid="3002")])
def test_current__side_gone_or_crossed__is_none_until_it_is_back(after: dict[str, Any]) -> None:
    with exchange() as venue, _listening(venue) as books:
        venue.say(_ticker())
        _until(lambda: books.current().references)
        venue.say(after)
        _until(lambda: not books.current().references)
        venue.say(_ticker())
        _until(lambda: books.current().references)


def test_books__symbol_that_nobody_asked_for__is_left_alone() -> None:
    with exchange() as venue, _listening(venue) as books:
        venue.say(_ticker(symbol="DOGEUSDC", bid="1", ask="2"))
        venue.say(_ticker())
        _until(lambda: books.current().references)
        assert len(books.current().references) == 1


@pytest.mark.parametrize(
    "last", [None, "{", {"error": {"msg": "sesame"}}, _ticker(bid="1e9"), "x" * (1 << 19)]
)
def test_feed__cut_refused_or_nonsense__comes_back_and_is_logged_once(last: Any) -> None:
    with structlog.testing.capture_logs() as logged, exchange() as venue, _listening(venue) as books:
        venue.say(_ticker())
        _until(lambda: books.connected()["binance"])
        if last is None:
            venue.cut()
        else:
            venue.say(last)
        assert venue.joined.acquire(timeout=_DEADLINE_S)
        assert venue.spoken_to.acquire(timeout=_DEADLINE_S)
        venue.say(_ticker(bid="3099", ask="3101"))
        _until(
            lambda: (
                [one.rate_e36 for one in books.current().references] == [3_100 * 10**24]
                and books.connected()["binance"]
            )
        )
    assert [entry["event"] for entry in logged] == ["book_feed_up", "book_feed_down", "book_feed_up"]
    assert "sesame" not in logged[1]["found"]


def test_feed__nothing_of_a_book_for_long__is_given_up_though_pongs_come() -> None:
    hyperliquid = LiveBook(venue="hyperliquid", symbol="ETH", base=WETH, quote=None)
    patience = FeedPatience(open_s=5, quiet_s=0.3, ping_s=0.01, retry_s=0.01, most_retry_s=0.02)
    with exchange() as venue, _listening(venue, books=(hyperliquid,), patience=patience):
        venue.say({"channel": "pong"})
        assert venue.joined.acquire(timeout=_DEADLINE_S)
    assert {"method": "ping"} in venue.heard


def test_feed__nobody_there__is_told_once_and_waits_for_nobody() -> None:
    with structlog.testing.capture_logs() as logged:
        books = LiveBooks(
            [_BOOK], max_age_s=10, addresses={"binance": "ws://127.0.0.1:9/key-of-ours"}, patience=_FAST
        )
        assert books.current().references == ()
        _until(lambda: logged)
        time.sleep(0.1)
        books.close()
    assert [entry["event"] for entry in logged] == ["book_feed_down"]
    assert "key-of-ours" not in str(logged)


def test_listen__tops__are_told_in_order_on_the_venues_thread() -> None:
    told: list[tuple[str, int, str]] = []

    def on_top(book: LiveBook, top: BookTop) -> None:
        told.append((book.name, top.bid_wad // 10**18, threading.current_thread().name))

    with exchange() as venue, _listening(venue) as books:
        books.listen(on_top)
        for bid in ("2997", "2998", "2999"):
            venue.say(_ticker(bid=bid))
        _until(lambda: len(told) == 3)
    assert told == [("binance:ETHUSDC", bid, "books-binance") for bid in (2_997, 2_998, 2_999)]


def test_venues__one_is_dead__the_other_is_heard() -> None:
    other = LiveBook(venue="coinbase", symbol="ETH-USD", base=WETH, quote=None)
    with exchange() as one, exchange() as two, _listening(one, two, books=(_BOOK, other)) as books:
        one.cut()
        two.say(
            {
                "type": "ticker",
                "product_id": "ETH-USD",
                "best_bid": "2999",
                "best_bid_size": "1",
                "best_ask": "3001",
                "best_ask_size": "1",
                "time": "2099-01-01T00:00:00Z",
            }
        )
        _until(lambda: books.current().references)
        assert [(price.source, price.unit) for price in books.current().references] == [
            ("coinbase:ETH-USD", None)
        ]


def test_close__while_listening__ends_every_thread() -> None:
    with exchange() as venue, _listening(venue):
        assert any(thread.name == "books-binance" for thread in threading.enumerate())
    assert not any(thread.name == "books-binance" for thread in threading.enumerate())


def test_close__venues_that_take_and_say_nothing__is_soon() -> None:
    """Each connection would wait for its answer for a minute."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(8)
        address = f"ws://127.0.0.1:{mute.getsockname()[1]}"
        other = LiveBook(venue="coinbase", symbol="ETH-USD", base=WETH, quote=None)
        books = LiveBooks(
            [_BOOK, other],
            max_age_s=10,
            addresses={"binance": address, "coinbase": address},
            patience=FeedPatience(open_s=60),
        )
        books.current()
        closing = threading.Thread(target=books.close)
        closing.start()
        closing.join(_DEADLINE_S)
        assert not closing.is_alive()


def test_books__none_named__start_no_thread() -> None:
    books = LiveBooks([], max_age_s=10)
    assert books.current().references == ()
    assert (books.connected(), books.ages_ms()) == ({}, {})
    books.close()
