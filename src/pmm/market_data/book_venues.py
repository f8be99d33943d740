"""What each venue's public WebSocket wants to hear and says of the top of its books.

Binance: ``SYMBOL@bookTicker`` of the spot stream API. Bybit: ``orderbook.1.SYMBOL`` of the v5 public stream.
Coinbase: ``ticker`` of the Exchange feed. Hyperliquid: ``bbo`` of its subscriptions. None needs a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from pmm.errors import InvalidInput
from pmm.execution import BookTop

# At most what fits: a price with an exponent would be a number of any length.
_NUMBER = re.compile(r"[0-9]{1,24}(\.[0-9]{1,24})?")
_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class SymbolTop:
    """What a message says of one book; ``top`` None says that a side of it is empty."""

    symbol: str
    top: BookTop | None


class BookReader(Protocol):
    """Reads the messages of one connection; ``now_ms`` is unix time of this machine."""

    def __call__(self, message: bytes, now_ms: int, /) -> SymbolTop | None:
        """Return what is said of a book, None for anything else; raises InvalidInput for a refusal or nonsense."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BookVenue:
    """A venue: ``subscriptions`` are the texts to send for symbols, ``ping`` what keeps the connection open."""

    name: str
    address: str
    subscriptions: Callable[[Sequence[str]], tuple[str, ...]]
    reader: Callable[[], BookReader]
    ping: str | None = None


def _reading(read: Callable[[Any, int], SymbolTop | None]) -> BookReader:
    """Return a reader of JSON objects that names what it could not read, without repeating it."""

    def reader(message: bytes, now_ms: int) -> SymbolTop | None:
        try:
            said = msgspec.json.decode(message)
            return read(said, now_ms) if isinstance(said, dict) else None
        except (
            msgspec.MsgspecError,
            AttributeError,
            IndexError,
            KeyError,
            OverflowError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise InvalidInput(f"expected a message with a book, found {type(error).__name__}") from error

    return reader


def _wad(text: Any) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError("expected a number")
    whole, _, fraction = text.partition(".")
    return int(whole + fraction[:_DECIMALS].ljust(_DECIMALS, "0"))


def _top(bid: Sequence[Any] | None, ask: Sequence[Any] | None, at_ms: int) -> BookTop | None:
    """Return the top from price and size of each side; None where a side has nothing."""
    if not bid or not ask:
        return None
    sides = [_wad(number) for number in (bid[0], bid[1], ask[0], ask[1])]
    if not all(sides):
        return None
    bid_wad, bid_size_wad, ask_wad, ask_size_wad = sides
    return BookTop(
        bid_wad=bid_wad, bid_size_wad=bid_size_wad, ask_wad=ask_wad, ask_size_wad=ask_size_wad, at_ms=at_ms
    )


def _earlier(said_ms: Any, now_ms: int) -> int:
    """Return the venue's time unless its clock is ahead of ours: a delayed book is old."""
    if not isinstance(said_ms, int) or said_ms < 0:
        raise ValueError("expected a time in milliseconds")
    return min(said_ms, now_ms)


def _binance(said: dict[str, Any], now_ms: int) -> SymbolTop | None:
    if "error" in said or "code" in said:
        raise ValueError("refused")
    if "u" not in said or "b" not in said:
        return None
    # The spot ticker carries no time.
    return SymbolTop(_name(said["s"]), _top((said["b"], said["B"]), (said["a"], said["A"]), now_ms))


def _coinbase(said: dict[str, Any], now_ms: int) -> SymbolTop | None:
    if said.get("type") == "error":
        raise ValueError("refused")
    if said.get("type") != "ticker":
        return None
    at = datetime.fromisoformat(said["time"])
    if at.tzinfo is None:
        raise ValueError("expected a time with its zone")
    at_ms = _earlier(int(at.timestamp() * 1000), now_ms)
    bid, ask = (said["best_bid"], said["best_bid_size"]), (said["best_ask"], said["best_ask_size"])
    return SymbolTop(_name(said["product_id"]), _top(bid, ask, at_ms))


def _hyperliquid(said: dict[str, Any], now_ms: int) -> SymbolTop | None:
    if said.get("channel") == "error":
        raise ValueError("refused")
    if said.get("channel") != "bbo":
        return None
    data = said["data"]
    bid, ask = ((side["px"], side["sz"]) if side is not None else None for side in data["bbo"])
    return SymbolTop(_name(data["coin"]), _top(bid, ask, _earlier(data["time"], now_ms)))


def _bybit() -> BookReader:
    # A delta may bring one side only; each connection begins with snapshots.
    sides: dict[str, tuple[Sequence[Any] | None, Sequence[Any] | None]] = {}

    def read(said: dict[str, Any], now_ms: int) -> SymbolTop | None:
        if said.get("success") is False:
            raise ValueError("refused")
        topic = said.get("topic", "")
        if not topic.startswith("orderbook.1."):
            return None
        symbol, data = _name(topic.removeprefix("orderbook.1.")), said["data"]
        bid, ask = (_first_level(data[side]) for side in ("b", "a"))
        if said["type"] == "delta":
            before = sides.get(symbol, (None, None))
            bid, ask = bid or before[0], ask or before[1]
        sides[symbol] = bid, ask
        return SymbolTop(symbol, _top(bid, ask, _earlier(said["ts"], now_ms)))

    return _reading(read)


def _first_level(levels: list[Any]) -> Sequence[Any] | None:
    """Return the level that is there: a delta may first take the old one away with a size of zero."""
    standing = [level for level in levels if _wad(level[1])]
    return standing[-1] if standing else (levels[-1] if levels else None)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a name")
    return value


BINANCE: Final = BookVenue(
    name="binance",
    address="wss://stream.binance.com:9443/ws",
    subscriptions=lambda symbols: (
        json.dumps(
            {"method": "SUBSCRIBE", "params": [f"{one.lower()}@bookTicker" for one in symbols], "id": 1}
        ),
    ),
    reader=lambda: _reading(_binance),
)
BYBIT: Final = BookVenue(
    name="bybit",
    address="wss://stream.bybit.com/v5/public/spot",
    subscriptions=lambda symbols: (
        json.dumps({"op": "subscribe", "args": [f"orderbook.1.{one}" for one in symbols]}),
    ),
    reader=_bybit,
    ping=json.dumps({"op": "ping"}),
)
COINBASE: Final = BookVenue(
    name="coinbase",
    address="wss://ws-feed.exchange.coinbase.com",
    subscriptions=lambda symbols: (
        json.dumps({"type": "subscribe", "product_ids": list(symbols), "channels": ["ticker"]}),
    ),
    reader=lambda: _reading(_coinbase),
)
HYPERLIQUID: Final = BookVenue(
    name="hyperliquid",
    address="wss://api.hyperliquid.xyz/ws",
    subscriptions=lambda symbols: tuple(
        json.dumps({"method": "subscribe", "subscription": {"type": "bbo", "coin": one}}) for one in symbols
    ),
    reader=lambda: _reading(_hyperliquid),
    ping=json.dumps({"method": "ping"}),
)
BOOK_VENUES: Final[Mapping[str, BookVenue]] = {
    venue.name: venue for venue in (BINANCE, BYBIT, COINBASE, HYPERLIQUID)
}
"""The venues whose books can be heard, by name."""
