"""Downloads a day of 1-minute prices from the public market-data API of Binance (no account, no key)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx

from pmm.errors import InvalidInput, PmmError

# Documented at developers.binance.com, "Market data endpoints", GET /api/v3/klines: at most 1000 rows a call.
API_URL = "https://data-api.binance.vision/api/v3/klines"
_PAGE = 1000
_TIMEOUT_S = 20.0
_MINUTE_MS = 60_000


class DownloadFailed(PmmError):
    """The market-data API could not be reached or answered something else than candles."""


def fetch_day(day: date, folder: Path, *, url: str = API_URL, symbol: str = "ETHUSDT") -> Path:
    """Download the closes of one UTC day into ``folder`` and return the file (CSV: timestamp, close).

    Raises:
        InvalidInput: the day is not over yet.
        DownloadFailed: no answer in time, or not 1440 candles; nothing is written then.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if start + timedelta(days=1) > datetime.now(UTC):
        raise InvalidInput(
            f"expected a day that is over in UTC, found {day.isoformat()}; choose an earlier one"
        )
    begin_ms = int(start.timestamp() * 1000)
    end_ms = begin_ms + 24 * 60 * _MINUTE_MS
    closes: list[tuple[int, str]] = []
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        cursor_ms = begin_ms
        while cursor_ms < end_ms:
            page = _page(client, url, symbol, cursor_ms, end_ms - 1)
            if not page:
                break
            closes.extend(page)
            cursor_ms = page[-1][0] * 1000 + _MINUTE_MS
    if len(closes) != 24 * 60:
        raise DownloadFailed(
            f"expected 1440 candles of {symbol} on {day.isoformat()}, found {len(closes)}; choose another day"
        )
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("timestamp", "close"))
    writer.writerows(closes)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{symbol}_1m_{day.isoformat()}.csv"
    target.write_text(buffer.getvalue())
    return target


def _page(client: httpx.Client, url: str, symbol: str, start_ms: int, end_ms: int) -> list[tuple[int, str]]:
    query: dict[str, str | int] = {
        "symbol": symbol,
        "interval": "1m",
        "startTime": start_ms,
        "endTime": end_ms,
        "limit": _PAGE,
    }
    try:
        answer = client.get(url, params=query)
        answer.raise_for_status()
        return [(int(row[0]) // 1000, str(row[4])) for row in answer.json()]
    except httpx.HTTPError as error:
        raise DownloadFailed(
            f"expected candles from {url}, found {type(error).__name__}: {error}; check the network, or run the "
            "demo with --day synthetic"
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise DownloadFailed(
            f"expected rows of candles from {url}, found something else: {error!r}"
        ) from error
