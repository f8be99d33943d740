"""What venues say of the top of a book, in their own words, and whatever else they may say."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.execution import BookTop
from pmm.market_data import BOOK_VENUES, BinanceRecording
from pmm.market_data.book_venues import SymbolTop

_WAD = 10**18
_NOW_MS = 1_800_000_000_000
# As each venue's documentation shows them.
_BINANCE: dict[str, Any] = {
    "u": 400900217,
    "s": "ETHUSDC",
    "b": "2722.51",
    "B": "31.21",
    "a": "2722.52",
    "A": "40.66",
}
_BYBIT: dict[str, Any] = {
    "topic": "orderbook.1.ETHUSDC",
    "type": "snapshot",
    "ts": _NOW_MS - 40,
    "data": {"s": "ETHUSDC", "b": [["2722.51", "31.21"]], "a": [["2722.52", "40.66"]], "u": 1, "seq": 2},
}
_COINBASE: dict[str, Any] = {
    "type": "ticker",
    "product_id": "ETH-USD",
    "best_bid": "2722.51",
    "best_bid_size": "31.21",
    "best_ask": "2722.52",
    "best_ask_size": "40.66",
    "time": "2027-01-15T07:59:59.960000Z",
}
_HYPERLIQUID: dict[str, Any] = {
    "channel": "bbo",
    "data": {
        "coin": "ETH",
        "time": _NOW_MS - 40,
        "bbo": [{"px": "2722.51", "sz": "31.21", "n": 3}, {"px": "2722.52", "sz": "40.66", "n": 5}],
    },
}
_MESSAGES: dict[str, dict[str, Any]] = {
    "binance": _BINANCE,
    "bybit": _BYBIT,
    "coinbase": _COINBASE,
    "hyperliquid": _HYPERLIQUID,
}
_SYMBOLS = {"binance": "ETHUSDC", "bybit": "ETHUSDC", "coinbase": "ETH-USD", "hyperliquid": "ETH"}
_OTHERS = {
    "binance": {"result": None, "id": 1},
    "bybit": {"success": True, "ret_msg": "", "op": "subscribe"},
    "coinbase": {"type": "subscriptions", "channels": []},
    "hyperliquid": {"channel": "pong"},
}
_REFUSALS = {
    "binance": {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    "bybit": {"success": False, "ret_msg": "error:handler not found", "op": "subscribe"},
    "coinbase": {"type": "error", "message": "Failed to subscribe"},
    "hyperliquid": {"channel": "error", "data": "Invalid subscription"},
}


def _read(venue: str, *messages: Any, now_ms: int = _NOW_MS) -> SymbolTop | None:
    reader, said = BOOK_VENUES[venue].reader(), None
    for message in messages:
        said = reader(json.dumps(message).encode(), now_ms)
    return said


@pytest.mark.parametrize("venue", BOOK_VENUES)
def test_reader__top_of_a_book__is_told_in_wad(venue: str) -> None:
    said = _read(venue, _MESSAGES[venue])
    assert said == SymbolTop(
        _SYMBOLS[venue],
        BookTop(
            bid_wad=272_251 * 10**16,
            bid_size_wad=3_121 * 10**16,
            ask_wad=272_252 * 10**16,
            ask_size_wad=4_066 * 10**16,
            # Binance's spot ticker has no time of its own.
            at_ms=_NOW_MS if venue == "binance" else _NOW_MS - 40,
        ),
    )


@pytest.mark.parametrize("venue", ["bybit", "coinbase", "hyperliquid"])
def test_reader__clock_of_the_venue_ahead__the_top_is_of_now(venue: str) -> None:
    said = _read(venue, _MESSAGES[venue], now_ms=_NOW_MS - 5_000)
    assert said is not None
    assert said.top is not None
    assert said.top.at_ms == _NOW_MS - 5_000


@pytest.mark.parametrize("venue", BOOK_VENUES)
def test_reader__confirmation_or_pong__says_nothing_of_a_book(venue: str) -> None:
    assert _read(venue, _OTHERS[venue]) is None


@pytest.mark.parametrize("venue", BOOK_VENUES)
def test_reader__refusal__is_an_error_that_does_not_repeat_it(venue: str) -> None:
    with pytest.raises(InvalidInput, match="expected a message with a book, found ValueError"):
        _read(venue, _REFUSALS[venue])


def test_bybit__delta_of_one_side__keeps_the_other() -> None:
    delta = {**_BYBIT, "type": "delta", "data": {"s": "ETHUSDC", "b": [], "a": [["2722.60", "7"]]}}
    said = _read("bybit", _BYBIT, delta)
    assert said is not None
    assert said.top is not None
    assert (said.top.bid_wad, said.top.ask_wad) == (272_251 * 10**16, 272_260 * 10**16)


def test_bybit__delta_that_takes_a_level_away_and_brings_one__is_the_new_one() -> None:
    data = {"s": "ETHUSDC", "b": [["2722.51", "0"], ["2722.40", "5"]], "a": []}
    said = _read("bybit", _BYBIT, {**_BYBIT, "type": "delta", "data": data})
    assert said is not None
    assert said.top is not None
    assert (said.top.bid_wad, said.top.bid_size_wad) == (272_240 * 10**16, 5 * _WAD)


@pytest.mark.parametrize(
    ("venue", "message"),
    [
        (
            "hyperliquid",
            {**_HYPERLIQUID, "data": {**_HYPERLIQUID["data"], "bbo": [None, {"px": "1", "sz": "1"}]}},
        ),
        ("bybit", {**_BYBIT, "data": {"s": "ETHUSDC", "b": [], "a": [["1", "1"]]}}),
        ("bybit", {**_BYBIT, "data": {"s": "ETHUSDC", "b": [["1", "0"]], "a": [["1", "1"]]}}),
        ("binance", {**_BINANCE, "B": "0.00000000"}),
    ],
)
def test_reader__empty_side__is_no_top(venue: str, message: Any) -> None:
    assert _read(venue, message) == SymbolTop(_SYMBOLS[venue], None)


@pytest.mark.parametrize(
    "number", ["1e999999", "-1", "nan", "0x10", "", " 1", "1.", "9" * 25, 1, None, "\u0661"]
)
def test_reader__number_that_is_none__is_refused(number: Any) -> None:
    with pytest.raises(InvalidInput):
        _read("binance", {**_BINANCE, "b": number})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(BOOK_VENUES)), st.data())
def test_reader__anything__is_a_top_nothing_or_invalid_input(venue: str, data: st.DataObject) -> None:
    """Any JSON, and the venue's own message with any part of it replaced."""
    message: Any = dict(_MESSAGES[venue])
    for key in data.draw(st.sets(st.sampled_from(sorted(message)))):
        message[key] = data.draw(_JSON)
    if data.draw(st.booleans()):
        message = data.draw(_JSON)
    reader = BOOK_VENUES[venue].reader()
    try:
        said = reader(json.dumps(message).encode(), _NOW_MS)
    except InvalidInput:
        return
    if said is not None and said.top is not None:
        assert min(said.top.bid_wad, said.top.ask_wad, said.top.bid_size_wad, said.top.ask_size_wad) > 0
        assert 0 <= said.top.at_ms <= _NOW_MS


@given(st.sampled_from(sorted(BOOK_VENUES)), st.binary(max_size=40))
def test_reader__any_bytes__are_nothing_or_invalid_input(venue: str, raw: bytes) -> None:
    with suppress(InvalidInput):
        assert BOOK_VENUES[venue].reader()(raw, _NOW_MS) is None


def test_reader__nested_beyond_reason__is_invalid_input() -> None:
    with pytest.raises(InvalidInput):
        BOOK_VENUES["binance"].reader()(b"[" * 100_000, _NOW_MS)


@pytest.mark.skipif("PMM_DATA_DIR" not in os.environ, reason="needs PMM_DATA_DIR with recorded books")
def test_binance__recorded_tickers__are_read_as_the_recording_reads_them() -> None:
    """The genuine stream: futures' tickers have the fields of the spot's."""
    path = Path(os.environ["PMM_DATA_DIR"]) / "l2" / "binance" / "usdm_ethusdt_20240808.gz"
    expected = list(islice(BinanceRecording(path).tops(), 2_000))
    reader, found = BOOK_VENUES["binance"].reader(), []
    with gzip.open(path, "rb") as lines:
        for line in lines:
            at_ns, _, message = line.partition(b" ")
            if b"@bookTicker" in message:
                ticker = json.dumps(json.loads(message)["data"]).encode()
                said = reader(ticker, int(at_ns) // 1_000_000)
                assert said is not None
                found.append(said.top)
            if len(found) == len(expected):
                break
    assert found == expected
