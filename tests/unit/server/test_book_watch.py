"""What of the exchanges' books reaches the desk: jumps at once, prices ten times a second, of the right pairs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pmm.domain import USDC, USDT, WBTC, WETH, Token
from pmm.execution import BookTop, MarketConditions
from pmm.market_data import LiveBook, LiveBooks
from pmm.pricing import PairPolicy
from pmm.server.book_watch import BookWatch
from tests.helpers.exchange import exchange
from tests.helpers.quoting import ManualClock

_WAD = 10**18
_PAIRS = tuple(
    PairPolicy(base=base, quote=quote, gas_asset=WETH)
    for base, quote in ((WETH, USDC), (WETH, USDT), (WBTC, USDC))
)
_USDC, _USDT, _WBTC = _PAIRS


def _book(quote: Token | None = USDC, *, symbol: str = "ETHUSDC") -> LiveBook:
    return LiveBook(venue="binance", symbol=symbol, base=WETH, quote=quote)


def _top(bid: int = 2_999, ask: int = 3_001, *, bid_size: int = 1, at_ms: int = 0) -> BookTop:
    return BookTop(
        bid_wad=bid * _WAD,
        bid_size_wad=bid_size * _WAD,
        ask_wad=ask * _WAD,
        ask_size_wad=_WAD,
        at_ms=at_ms,
    )


# A hundred times more on the bid: the micro-price is next to the ask, 2 % from the mid.
_JUMPED = _top(2_940, 3_060, bid_size=100)


class _Desk:
    def __init__(self, *books: LiveBook, **more: Any) -> None:
        self.clock = ManualClock()
        self.conditions = MarketConditions(clock=self.clock, pairs=_PAIRS)
        self.now_s = 100.0
        self.watch = BookWatch(
            LiveBooks(books, max_age_s=10),
            self.conditions,
            _PAIRS,
            jump_bps=50,
            now_s=lambda: self.now_s,
            **more,
        )

    def hear(self, book: LiveBook, top: BookTop) -> bool:
        read = self.watch.pick(book, top)
        if read is not None:
            self.watch.take(book, read, top.at_ms)
        return read is not None

    def halted(self) -> list[bool]:
        return [self.conditions.state(pair).halted is not None for pair in _PAIRS]


def test_book__of_a_pairs_own_tokens__is_what_the_exchange_says_of_it() -> None:
    desk = _Desk(_book())
    assert desk.hear(_book(), _top(at_ms=desk.clock.wall_ms() - 300))
    exchange_price = desk.conditions.state(_USDC).exchange
    assert exchange_price is not None
    assert (exchange_price.venue, exchange_price.rate_e36, exchange_price.age_ms) == (
        "binance:ETHUSDC",
        3_000 * 10**24,
        300,
    )
    assert desk.conditions.state(_USDT).exchange is None
    assert desk.conditions.state(_WBTC).exchange is None
    assert desk.halted() == [False] * 3


@pytest.mark.parametrize("quote", [None, USDC])
def test_jump__of_any_book_of_the_base__pauses_its_pairs_and_no_other(quote: Token | None) -> None:
    desk = _Desk(_book(quote))
    assert desk.hear(_book(quote), _JUMPED)
    assert desk.halted() == [True, True, False]
    desk.clock.now_s += 5
    assert desk.halted() == [False] * 3


def test_book__in_dollars__prices_no_pair() -> None:
    desk = _Desk(_book(None))
    assert desk.hear(_book(None), _top())
    assert [desk.conditions.state(pair).exchange for pair in _PAIRS] == [None] * 3


def test_book__that_moves_often__is_passed_on_ten_times_a_second_and_a_jump_at_once() -> None:
    desk = _Desk(_book())
    assert desk.hear(_book(), _top())
    desk.now_s += 0.05
    assert not desk.hear(_book(), _top(2_998))
    assert desk.hear(_book(), _JUMPED)
    desk.now_s += 0.11
    assert desk.hear(_book(), _top(2_998))


def test_book__crossed__is_left_out() -> None:
    desk = _Desk(_book())
    assert not desk.hear(_book(), _top(3_002, 3_001))


def test_book__switched_off_by_an_operator__is_not_heard() -> None:
    off: set[str] = {"binance:ETHUSDC"}
    desk = _Desk(_book(), sources_off=lambda: frozenset(off))
    desk.hear(_book(), _JUMPED)
    assert desk.halted() == [False] * 3
    assert desk.conditions.state(_USDC).exchange is None
    off.clear()
    desk.hear(_book(), _JUMPED)
    assert desk.halted() == [True, True, False]


def test_books__of_two_venues__the_one_that_spoke_last_speaks_for_the_pair() -> None:
    other = LiveBook(venue="coinbase", symbol="ETH-USDC", base=WETH, quote=USDC)
    desk = _Desk(_book(), other)
    now_ms = desk.clock.wall_ms()
    desk.hear(_book(), _top(at_ms=now_ms))
    desk.hear(other, _top(2_899, 2_901, at_ms=now_ms - 1))
    late = desk.conditions.state(_USDC).exchange
    assert late is not None
    assert late.venue == "binance:ETHUSDC"
    desk.now_s += 1
    desk.hear(other, _top(2_899, 2_901, at_ms=now_ms))
    last = desk.conditions.state(_USDC).exchange
    assert last is not None
    assert last.venue == "coinbase:ETH-USDC"


def test_watch__started__takes_what_a_real_socket_says_inside_the_loop() -> None:
    async def run() -> None:
        with exchange() as venue:
            conditions = MarketConditions(clock=ManualClock(), pairs=_PAIRS)
            books = LiveBooks([_book()], max_age_s=10, addresses={"binance": venue.address})
            BookWatch(books, conditions, _PAIRS, jump_bps=50).start()
            assert await asyncio.to_thread(venue.spoken_to.acquire, timeout=20)
            venue.say({"u": 1, "s": "ETHUSDC", "b": "2999", "B": "1", "a": "3001", "A": "1"})
            for _ in range(2_000):
                if conditions.state(_USDC).exchange is not None:
                    break
                await asyncio.sleep(0.005)
            books.close()
            found = conditions.state(_USDC).exchange
            assert found is not None
            assert found.rate_e36 == 3_000 * 10**24

    asyncio.run(run())
