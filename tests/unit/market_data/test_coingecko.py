"""CoinGecko over a local HTTP server: prices, refusals, slowness, nonsense; never an exception to the reader."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput
from pmm.market_data import CoinGecko, fetch_prices
from pmm.market_data.coingecko import MarketDataUnavailable

_GOOD = (
    '{"weth":{"usd":3150.1234567890123,"last_updated_at":1750000000},'
    '"usd-coin":{"usd":1,"last_updated_at":1750000001}}'
)


@dataclass
class Site:
    """What the server answers next, and what it was asked."""

    status: int = 200
    body: bytes = _GOOD.encode()
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            time.sleep(state.delay_s)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/api/v3"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _source(site: Site, *, timeout_s: float = 5.0) -> CoinGecko:
    return CoinGecko(site.url, (WETH, USDC), interval_s=60, timeout_s=timeout_s, max_age_s=300)


def test_fetch_prices__answer__is_read_digit_by_digit(site: Site) -> None:
    with httpx.Client(timeout=5) as client:
        eth, usdc = fetch_prices(client, site.url, (WETH, USDC), max_age_s=300)
    assert eth.rate_e36 == 31_501_234_567_890_123 * 10**5
    assert usdc.rate_e36 == 10**30
    assert (eth.unit, eth.observed_at_s, eth.max_age_s) == (None, 1_750_000_000, 300)
    assert site.asked[0].startswith("/api/v3/simple/price?ids=weth%2Cusd-coin&vs_currencies=usd")


def _status(status: int, **headers: str) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        site.status, site.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}

    return change


def _body(body: object) -> Callable[[Site], None]:
    def change(site: Site) -> None:
        site.body = body if isinstance(body, bytes) else json.dumps(body).encode()

    return change


@pytest.mark.parametrize(
    "change",
    [
        _status(500),
        _status(302, location="http://127.0.0.1:1/"),
        _body(b""),
        _body(b"not json"),
        _body([]),
        _body({"weth": {"usd": 0, "last_updated_at": 1}}),
        _body({"weth": {"usd": -1, "last_updated_at": 1}}),
        _body(b'{"weth":{"usd":NaN,"last_updated_at":1}}'),
        _body({"weth": {"usd": "x", "last_updated_at": 1}}),
        _body({"weth": {"usd": 1}}),
        _body({"weth": 3}),
        _body(b"[" * 100_000),
        _body(b" " * 1_000_001),
    ],
)
def test_ask_once__answer_of_no_use__keeps_what_was_known_and_waits_longer(
    site: Site, change: Callable[[Site], None]
) -> None:
    source = _source(site)
    assert source.ask_once() == 60
    before = source._known
    assert len(before) == 2
    change(site)
    assert source.ask_once() == 120
    assert source.ask_once() == 240
    assert source._known == before


def test_ask_once__too_many_requests__waits_as_long_as_told(site: Site) -> None:
    _status(429, retry_after="300")(site)
    assert _source(site).ask_once() == 300


def test_ask_once__slow_answer__is_given_up(site: Site) -> None:
    site.delay_s = 2.0
    with httpx.Client(timeout=0.2) as client, pytest.raises(MarketDataUnavailable, match="Timeout"):
        fetch_prices(client, site.url, (WETH,), max_age_s=300)


def test_ask_once__failures_for_long__waits_ten_minutes_at_most(site: Site) -> None:
    site.status = 500
    source = _source(site)
    assert [source.ask_once() for _ in range(40)][-1] == 600


def test_current__first_call__returns_at_once_and_starts_asking(site: Site) -> None:
    source = _source(site)
    assert source.current().references == ()
    deadline = time.monotonic() + 20
    while not source.current().references and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(source.current().references) == 2
    assert len(site.asked) == 1
    source.close()


def test_coingecko__no_web_address__is_refused() -> None:
    with pytest.raises(InvalidInput, match="http"):
        CoinGecko("file:///etc/passwd", (WETH,), interval_s=60, timeout_s=1, max_age_s=1)
