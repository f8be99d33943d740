"""Brings what exchanges say of their books to the desk: jumps that pause a pair, prices to quote around."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pmm.domain import Token
from pmm.errors import InvalidInput
from pmm.execution import BookTop, MarketConditions
from pmm.market_data import LiveBook, LiveBooks
from pmm.pricing import PairPolicy
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36
from pmm.pricing.micro_price import TopOfBook, divergence_e36

_WAD = 10**18
# A book that moves often is passed on this often; a jump at once.
_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class _Part:
    """What a book is to a pair: ``priced`` where both of its tokens are the pair's."""

    pair: PairPolicy
    priced: bool


class BookWatch:
    """Takes tops on the venues' threads and passes them on inside the event loop.

    A book of a pair's own two tokens is what an exchange says of the pair. One of its base in dollars or another
    dollar token is watched for jumps only: its price is part of the fair value, where it is converted.
    """

    def __init__(
        self,
        books: LiveBooks,
        conditions: MarketConditions,
        pairs: Sequence[PairPolicy],
        *,
        jump_bps: int,
        sources_off: Callable[[], frozenset[str]] = frozenset,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._books, self._conditions, self._now_s = books, conditions, now_s
        self._sources_off = sources_off
        self._jump_e36 = jump_bps * SHARE_PER_BPS_E36
        self._parts = {book.name: _parts(book, pairs) for book in books.books}
        self._passed_s: dict[str, float] = {}

    def start(self) -> None:
        """Begin to listen; called inside the event loop."""
        loop = asyncio.get_running_loop()

        def on_top(book: LiveBook, top: BookTop) -> None:
            read = self.pick(book, top)
            # A loop that has ended takes nothing more; the threads end a moment later.
            if read is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self.take, book, read, top.at_ms)

        self._books.listen(on_top)

    def pick(self, book: LiveBook, top: BookTop) -> TopOfBook | None:
        """Return the top as rates if the desk must hear it; None for one that is crossed, or that may be skipped."""
        try:
            read = _rates(book, top)
        except InvalidInput:
            return None
        now_s = self._now_s()
        if divergence_e36(read) <= self._jump_e36 and now_s - self._passed_s.get(book.name, 0.0) < _EVERY_S:
            return None
        self._passed_s[book.name] = now_s
        return read

    def take(self, book: LiveBook, read: TopOfBook, at_ms: int) -> None:
        """Tell the desk, unless an operator has switched the book off; belongs to the event loop."""
        if book.name in self._sources_off():
            return
        for part in self._parts[book.name]:
            if part.priced:
                self._conditions.observe_book(part.pair, book.name, read, said_at_ms=at_ms)
            else:
                self._conditions.observe_jump(part.pair, read)


def _parts(book: LiveBook, pairs: Sequence[PairPolicy]) -> tuple[_Part, ...]:
    return tuple(
        _Part(pair, priced=book.quote is not None and book.quote.address == pair.quote.address)
        for pair in pairs
        if pair.base.address == book.base.address
    )


def _rates(book: LiveBook, top: BookTop) -> TopOfBook:
    """Return quote base units per base base unit; dollars count as a unit of their own. Raises InvalidInput."""
    up = E36 * 10 ** _decimals(book.quote)
    down = _WAD * 10**book.base.decimals
    return TopOfBook(
        bid_e36=top.bid_wad * up // down,
        ask_e36=-(-top.ask_wad * up // down),
        bid_size=top.bid_size_wad,
        ask_size=top.ask_size_wad,
    )


def _decimals(quote: Token | None) -> int:
    return 0 if quote is None else quote.decimals
