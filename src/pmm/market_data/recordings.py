"""Order books out of recorded files; each implements ``BookFeed``.

Binance: lines ``<local ns> <json>`` as its websocket sent them, of which the ``bookTicker`` messages are read.
Hyperliquid: CSV with one row per book, ``bid_price_0``, ``bid_size_0``, ``ask_price_0``, ``ask_size_0``.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path

import msgspec

from pmm.errors import InvalidInput
from pmm.execution import BookTop

_EXACT = Context(prec=60)
_BOOK_TICKER = b"@bookTicker"


class _Ticker(msgspec.Struct):
    b: str
    B: str
    a: str
    A: str


class _Message(msgspec.Struct):
    data: _Ticker


_DECODER = msgspec.json.Decoder(_Message)


class BinanceRecording:
    """The best prices of a recorded Binance stream; times are those of the recorder's clock."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tops(self) -> Iterator[BookTop]:
        """Yield the best prices each time they change; raises InvalidInput naming file and line."""
        with _open(self._path) as lines:
            for number, line in enumerate(lines, start=1):
                if _BOOK_TICKER not in line:
                    continue
                try:
                    at_ns, _, message = line.partition(b" ")
                    ticker = _DECODER.decode(message).data
                    yield BookTop(
                        bid_wad=_wad(ticker.b),
                        bid_size_wad=_wad(ticker.B),
                        ask_wad=_wad(ticker.a),
                        ask_size_wad=_wad(ticker.A),
                        at_ms=int(at_ns) // 1_000_000,
                    )
                except (msgspec.MsgspecError, ValueError, InvalidOperation) as error:
                    raise _broken(self._path, number, error) from error


class HyperliquidRecording:
    """The best prices of recorded Hyperliquid books; times are the exchange's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tops(self) -> Iterator[BookTop]:
        """Yield the best prices of each book; raises InvalidInput naming file and line."""
        with _open(self._path) as lines:
            rows = csv.DictReader(line.decode() for line in lines)
            for number, row in enumerate(rows, start=2):
                try:
                    yield BookTop(
                        bid_wad=_wad(row["bid_price_0"]),
                        bid_size_wad=_wad(row["bid_size_0"]),
                        ask_wad=_wad(row["ask_price_0"]),
                        ask_size_wad=_wad(row["ask_size_0"]),
                        at_ms=int(row["exchange_timestamp"]),
                    )
                except (KeyError, TypeError, ValueError, InvalidOperation) as error:
                    raise _broken(self._path, number, error) from error


def _open(path: Path) -> gzip.GzipFile:
    try:
        return gzip.open(path, "rb")
    except OSError as error:
        raise InvalidInput(f"recording: expected a gzip file at {path}, found: {error.strerror}") from error


def _wad(text: str) -> int:
    value = _EXACT.scaleb(Decimal(text), 18)
    if not value.is_finite() or value < 0:
        raise ValueError(f"expected a number of at least 0, found {text!r}")
    return int(value)


def _broken(path: Path, number: int, error: Exception) -> InvalidInput:
    return InvalidInput(f"recording {path}, line {number}: expected a book, found {error!r}")
