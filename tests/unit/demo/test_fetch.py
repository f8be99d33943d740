"""``pmm data fetch`` against a local server that speaks the documented candle format."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from pmm.demo.fetch import DownloadFailed, fetch_day
from pmm.demo.price_day import read_day
from pmm.errors import InvalidInput

DAY = date(2025, 6, 23)


class _Candles(BaseHTTPRequestHandler):
    missing_minute: int | None = None
    body: bytes | None = None

    def do_GET(self) -> None:
        query = {key: value[0] for key, value in parse_qs(urlparse(self.path).query).items()}
        first, last = int(query["startTime"]), int(query["endTime"])
        stamps = range(first, last, 60_000)[: int(query["limit"])]
        rows = [
            [t, "1", "2", "0.5", "2500.10", "7"] for t in stamps if t // 60_000 % 1440 != self.missing_minute
        ]
        body = self.body if self.body is not None else json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def candles() -> Iterator[tuple[str, type[_Candles]]]:
    handler = type("Handler", (_Candles,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/klines", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetch_day__whole_day__is_readable_by_the_demo(
    tmp_path: Path, candles: tuple[str, type[_Candles]]
) -> None:
    path = fetch_day(DAY, tmp_path, url=candles[0])
    day = read_day(path)
    assert len(day.minutes) == 1440
    assert str(day.minutes[0][1]) == "2500.10"


def test_fetch_day__gap__raises_and_writes_nothing(
    tmp_path: Path, candles: tuple[str, type[_Candles]]
) -> None:
    candles[1].missing_minute = 7
    with pytest.raises(DownloadFailed, match="1440 candles"):
        fetch_day(DAY, tmp_path, url=candles[0])
    assert not list(tmp_path.iterdir())


def test_fetch_day__not_candles__raises(tmp_path: Path, candles: tuple[str, type[_Candles]]) -> None:
    candles[1].body = b'{"code": -1121}'
    with pytest.raises(DownloadFailed, match="rows of candles"):
        fetch_day(DAY, tmp_path, url=candles[0])


def test_fetch_day__nobody_listens__names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="--day synthetic"):
        fetch_day(DAY, tmp_path, url="http://127.0.0.1:9/klines")


def test_fetch_day__today__raises(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is over"):
        fetch_day(datetime.now(UTC).date(), tmp_path)
