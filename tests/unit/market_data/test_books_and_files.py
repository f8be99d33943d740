"""Micro-prices, recorded books, and the operator's own prices."""

from __future__ import annotations

import gzip
import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, USDT, WETH
from pmm.errors import InvalidInput
from pmm.execution import BookFeed, BookTop, Outside
from pmm.market_data import (
    BinanceRecording,
    CombinedMarket,
    HyperliquidRecording,
    OperatorPrices,
    book_reference,
    micro_price_wad,
)
from pmm.market_data.operator_file import read_operator_prices

_WAD = 10**18


def _top(bid: int, bid_size: int, ask: int, ask_size: int) -> BookTop:
    return BookTop(bid_wad=bid, bid_size_wad=bid_size, ask_wad=ask, ask_size_wad=ask_size, at_ms=5_000)


def test_micro_price__more_on_the_bid__is_near_the_ask() -> None:
    # Golden number of Stoikov's weighted mid: 900 at 100 against 100 at 100.01 gives 100.009, not 100.001.
    assert micro_price_wad(_top(100 * _WAD, 900 * _WAD, 10_001 * 10**16, 100 * _WAD)) == 100_009 * 10**15


@given(*[st.integers(min_value=1, max_value=10**30)] * 4)
def test_micro_price__any_book__is_between_bid_and_ask(
    bid: int, bid_size: int, spread: int, ask_size: int
) -> None:
    assert bid <= micro_price_wad(_top(bid, bid_size, bid + spread, ask_size)) <= bid + spread


@pytest.mark.parametrize("numbers", [(2, 1, 1, 1), (1, 1, 1, 1), (1, 0, 2, 1), (1, 1, 2, 0), (0, 1, 2, 1)])
def test_micro_price__crossed_or_empty__is_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidInput, match="below the ask"):
        micro_price_wad(_top(*numbers))


def test_book_reference__quoted_in_a_token__is_base_units_per_base_unit() -> None:
    top = _top(2_999 * _WAD, _WAD, 3_001 * _WAD, _WAD)
    in_usdt = book_reference(top, source="binance", base=WETH, quote=USDT, max_age_s=10)
    assert (in_usdt.rate_e36, in_usdt.unit, in_usdt.observed_at_s) == (3_000 * 10**24, USDT.address, 5)
    in_usd = book_reference(top, source="hyperliquid", base=WETH, quote=None, max_age_s=10)
    assert (in_usd.rate_e36, in_usd.unit) == (3_000 * 10**18, None)


def _recorded(path: str) -> Path:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder or not (Path(folder) / path).is_file():
        pytest.skip(f"PMM_DATA_DIR is not set or holds no {path}")
    return Path(folder) / path


@pytest.mark.parametrize(
    ("kind", "path", "low", "high"),
    [
        (BinanceRecording, "l2/binance/spot_ethusdt_20240809.gz", 2_600, 2_750),
        (HyperliquidRecording, "l2/hyperliquid/orderbooks_ETH.csv.gz", 4_200, 4_320),
    ],
)
def test_recording__real_books__have_a_micro_price_each(kind: Any, path: str, low: int, high: int) -> None:
    feed: BookFeed = kind(_recorded(path))
    tops = list(islice(feed.tops(), 2_000))
    assert len(tops) == 2_000
    prices = [micro_price_wad(top) for top in tops]
    assert low * _WAD < min(prices) <= max(prices) < high * _WAD
    times = [top.at_ms for top in tops]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "line",
    [
        '1 {"stream":"x@bookTicker","data":{"b":"1"}}',
        "x@bookTicker",
        '1 {"data":{"b":"NaN","B":"1","a":"1","A":"1"}} @bookTicker',
    ],
)
def test_binance_recording__broken_line__is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "r.gz"
    path.write_bytes(gzip.compress(f"5 other\n{line}\n".encode()))
    with pytest.raises(InvalidInput, match="line 2"):
        list(BinanceRecording(path).tops())


def test_recording__no_file__is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected a gzip file"):
        list(HyperliquidRecording(tmp_path / "none.gz").tops())


_OTC = {
    "counterparty": "acme",
    "give": "WETH",
    "get": "USDC",
    "price": "2990.5",
    "most": "50",
    "valid_until": 9,
    "fee_bps": 1,
}
_COST = {"asset": "WETH", "in": "USDC", "price": "2950", "at": 7, "max_age_s": 86_400}


def _file(tmp_path: Path, **content: object) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(content))
    return path


def test_operator_prices__file__is_read_in_base_units(tmp_path: Path) -> None:
    found = read_operator_prices(_file(tmp_path, otc=[_OTC], cost=[_COST]))
    (otc,), (cost,) = found.otc, found.references
    assert (otc.rate_e36, otc.max_taking_amount, otc.valid_until_s) == (29_905 * 10**23, 50 * _WAD, 9)
    assert (otc.taker_asset, otc.maker_asset) == (WETH.address, USDC.address)
    assert (cost.source, cost.rate_e36, cost.unit) == ("own_cost", 2_950 * 10**24, USDC.address)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"price": 2990.5}, "decimal string"),
        ({"price": "-1"}, "above 0"),
        ({"price": "NaN"}, "above 0"),
        ({"price": "x"}, "decimal string"),
        ({"give": "XYZ"}, "unknown token"),
        ({"fee_bps": 10_000}, "fee_bps"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_operator_prices__wrong_entry__is_named(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidInput, match=rf"otc\[0\].*{why}"):
        read_operator_prices(_file(tmp_path, otc=[{**_OTC, **changes}]))


@pytest.mark.parametrize("text", ["", "[]", '{"otcs": []}', "{"])
def test_operator_prices__no_such_file__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="operator prices"):
        OperatorPrices(path)


def test_operator_prices__file_changes__is_read_again_and_broken_gives_none(tmp_path: Path) -> None:
    path = _file(tmp_path, otc=[_OTC])
    prices = OperatorPrices(path)
    assert len(prices.current().otc) == 1
    path.write_text(json.dumps({"otc": [_OTC, _OTC]}))
    assert len(prices.current().otc) == 2
    path.write_text("broken")
    assert prices.current() == Outside()
    path.unlink()
    assert prices.current() == Outside()


def test_combined_market__two_sources__are_both_heard(tmp_path: Path) -> None:
    prices = OperatorPrices(_file(tmp_path, otc=[_OTC], cost=[_COST]))
    heard = CombinedMarket([prices, prices]).current()
    assert (len(heard.otc), len(heard.references)) == (2, 2)
    assert heard.references[0].token == WETH.address != USDC.address
