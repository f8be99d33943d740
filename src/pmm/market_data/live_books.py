"""Order books as exchanges tell them over WebSocket: one thread per venue, never waited for."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from pmm.domain import Token
from pmm.errors import InvalidInput
from pmm.execution import BookTop, Outside
from pmm.market_data.book_venues import BOOK_VENUES, BookVenue
from pmm.market_data.books import book_reference
from pmm.pricing import ReferencePrice

_LOG = structlog.get_logger()
_SILENT = logging.getLogger("pmm.websocket.silent")
_SILENT.disabled = True
_MOST_BYTES = 1 << 18
# How soon a stop is heard.
_SLICE_S = 0.2
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveBook:
    """A book that is heard: ``symbol`` as the venue writes it, ``quote`` None for US dollars."""

    venue: str
    symbol: str
    base: Token
    quote: Token | None

    @property
    def name(self) -> str:
        """Name under which its price is told."""
        return f"{self.venue}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPatience:
    """Seconds: to open a connection, of silence before it is given up, between pings, between attempts."""

    open_s: float = 5.0
    quiet_s: float = 30.0
    ping_s: float = 15.0
    retry_s: float = 1.0
    most_retry_s: float = 60.0


Listener = Callable[[LiveBook, BookTop], None]


class LiveBooks:
    """Implements ``OutsideMarket`` over the books of exchanges; the first question starts to listen.

    A price counts for ``max_age_s`` after it was said; a book that has lost a side has none.
    """

    def __init__(
        self,
        books: Sequence[LiveBook],
        *,
        max_age_s: int,
        addresses: Mapping[str, str] | None = None,
        patience: FeedPatience | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._books = tuple(books)
        self._max_age_s = max_age_s
        self._now_ms = now_ms
        self._tops: dict[str, BookTop] = {}
        self._listener: Listener | None = None
        self._stopped = threading.Event()
        by_venue = sorted(self._books, key=lambda book: book.venue)
        self._feeds = [
            _VenueFeed(
                BOOK_VENUES[name],
                (addresses or {}).get(name, BOOK_VENUES[name].address),
                {book.symbol: book for book in books_there},
                patience or FeedPatience(),
                self._stopped,
                self._heard,
                now_ms,
            )
            for name, books_there in groupby(by_venue, key=lambda book: book.venue)
        ]

    @property
    def books(self) -> tuple[LiveBook, ...]:
        """What is heard."""
        return self._books

    def listen(self, listener: Listener) -> None:
        """Tell each new top to ``listener``, on the venue's thread, and begin to hear them."""
        self._listener = listener
        self._start()

    def current(self) -> Outside:
        """Return the micro-price of each book that is young enough, at once."""
        self._start()
        found = (self._reference(book) for book in self._books)
        return Outside(references=tuple(one for one in found if one is not None))

    def ages_ms(self) -> dict[str, int | None]:
        """Return by book how long ago its top was said, None where there is none."""
        now_ms, tops = self._now_ms(), dict(self._tops)
        return {
            book.name: now_ms - tops[book.name].at_ms if book.name in tops else None for book in self._books
        }

    def connected(self) -> dict[str, bool]:
        """Return by venue whether its books are being heard."""
        return {feed.venue: feed.connected for feed in self._feeds}

    def close(self) -> None:
        """Stop listening; returns once every thread has ended, or after two seconds: one may be opening still."""
        self._stopped.set()
        until_s = time.monotonic() + _CLOSE_S
        for feed in self._feeds:
            feed.join(max(until_s - time.monotonic(), 0.0))

    def _start(self) -> None:
        for feed in self._feeds:
            feed.start()

    def _heard(self, book: LiveBook, top: BookTop | None) -> None:
        if top is None:
            self._tops.pop(book.name, None)
            return
        self._tops[book.name] = top
        if self._listener is not None:
            self._listener(book, top)

    def _reference(self, book: LiveBook) -> ReferencePrice | None:
        top = self._tops.get(book.name)
        # By this machine's clock: the chain's, by which pricing judges, stands still between blocks.
        if top is None or self._now_ms() - top.at_ms > self._max_age_s * 1_000:
            return None
        try:
            return book_reference(
                top, source=book.name, base=book.base, quote=book.quote, max_age_s=self._max_age_s
            )
        except InvalidInput:
            # Crossed while the venue changes it.
            return None


@dataclass
class _VenueFeed:
    """The connection to one venue, made anew for as long as it takes."""

    _venue: BookVenue
    _address: str
    _books: Mapping[str, LiveBook]
    _patience: FeedPatience
    _stopped: threading.Event
    _heard: Callable[[LiveBook, BookTop | None], None]
    _now_ms: Callable[[], int]
    connected: bool = False
    _thread: threading.Thread | None = None
    # Apart from keys and money: that many clients of a venue do not come back in the same moment.
    _random: random.Random = field(default_factory=random.Random)

    @property
    def venue(self) -> str:
        return self._venue.name

    def start(self) -> None:
        if self._thread is None and not self._stopped.is_set():
            self._thread = threading.Thread(target=self._run, name=f"books-{self.venue}", daemon=True)
            self._thread.start()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s, told = self._patience.retry_s, False
        while not self._stopped.is_set():
            found = self._follow()
            if self.connected:
                self.connected, told, pause_s = False, False, self._patience.retry_s
            if self._stopped.is_set():
                return
            if not told:
                # Once per outage: a venue may be away for days.
                _LOG.warning("book_feed_down", venue=self.venue, found=found)
                told = True
            self._stopped.wait(pause_s * self._random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, self._patience.most_retry_s)

    def _follow(self) -> str:
        """Hear the venue until the connection ends; return why it did."""
        try:
            with connect(
                self._address,
                open_timeout=self._patience.open_s,
                close_timeout=1,
                max_size=_MOST_BYTES,
                logger=_SILENT,
                proxy=None,
            ) as connection:
                for text in self._venue.subscriptions(tuple(self._books)):
                    connection.send(text)
                return self._hear(connection)
        except (WebSocketException, OSError, EOFError, ValueError) as error:
            # Of a message of ours the words; of a library's error, which may repeat what a venue said, the kind.
            return str(error) if isinstance(error, InvalidInput) else type(error).__name__

    def _hear(self, connection: Connection) -> str:
        read, begun_s = self._venue.reader(), time.monotonic()
        heard_s, pinged_s = begun_s, begun_s
        while not self._stopped.is_set():
            now_s = time.monotonic()
            if now_s - heard_s > self._patience.quiet_s:
                return f"nothing of any book for {self._patience.quiet_s:.0f} s"
            if self._venue.ping is not None and now_s - pinged_s > self._patience.ping_s:
                connection.send(self._venue.ping)
                pinged_s = now_s
            try:
                message = connection.recv(timeout=_SLICE_S, decode=False)
            except TimeoutError:
                continue
            said = read(message, self._now_ms())
            # A pong or a confirmation is no sign of a book.
            if said is None or (book := self._books.get(said.symbol)) is None:
                continue
            heard_s = time.monotonic()
            self._heard(book, said.top)
            if not self.connected:
                self.connected = True
                _LOG.info("book_feed_up", venue=self.venue)
        return "stopped"
