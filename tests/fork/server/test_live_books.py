"""An exchange that speaks over a real socket moves what a genuine server quotes, and stops it by a jump."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from pmm.replay.journal_days import recorded_quotes
from tests.fork.server.site import Deployed, Server, serving
from tests.helpers.exchange import Exchange, exchange

_DEADLINE_S = 60.0


def _say(venue: Exchange, mid: Decimal, *, half: Decimal, bid_size: str = "1") -> None:
    bid, ask = (format(price, ".2f") for price in (mid - half, mid + half))
    venue.say({"u": 1, "s": "ETHUSDC", "b": bid, "B": bid_size, "a": ask, "A": "1"})


def _ask_until(
    server: Server, true: Callable[[httpx.Response], bool], *, before: Callable[[], None]
) -> httpx.Response:
    deadline_s = time.monotonic() + _DEADLINE_S
    while True:
        before()
        server.catch_up()
        response = server.order()
        if true(response):
            return response
        assert time.monotonic() < deadline_s, response.text


def _component(response: httpx.Response) -> Decimal | None:
    answer: dict[str, Any] = response.json()
    return Decimal(answer["components"]["fair_value"]) if "components" in answer else None


def _quotation(journal: Path) -> tuple[str, str]:
    *_, newest = recorded_quotes(journal)
    basis: dict[str, str] = json.loads(newest.pricing or "{}")["basis"]
    return basis["quotation"], basis["quotationReason"]


def test_book__live__is_quoted_around_and_a_jump_stops_the_pair_for_its_time(
    deployed: Deployed, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.sqlite"
    cent = Decimal("0.01")
    with (
        exchange() as venue,
        serving(
            deployed,
            journal,
            books="binance:ETHUSDC=WETH/USDC",
            book_addresses=f"binance={venue.address}",
            quotation="exchange",
            exchange_max_age_ms=30_000,
            jump_pause_ms=1_000,
        ) as server,
    ):
        plain = server.order()
        assert _component(plain) == 0
        assert _quotation(journal) == ("inventory", "no_exchange_price")
        price = Decimal(plain.json()["order"]["makingAmount"]).scaleb(-6)
        assert venue.spoken_to.acquire(timeout=_DEADLINE_S)
        # 20 bps above what we would give: the exchange's price is better for a taker who sells.
        above = price * Decimal("1.002")
        centred = _ask_until(
            server,
            lambda response: response.status_code == 200 and _component(response) != 0,
            before=lambda: _say(venue, above, half=cent),
        )
        assert _quotation(journal) == ("exchange", "by_policy")
        assert int(centred.json()["order"]["makingAmount"]) > int(plain.json()["order"]["makingAmount"])
        health = server.ask("GET", "/healthz")
        assert health.status_code == 200
        # 1.5 % either side, all on the bid: the micro-price is next to the ask.
        stopped = _ask_until(
            server,
            lambda response: response.status_code == 503,
            before=lambda: _say(venue, above, half=price * Decimal("0.015"), bid_size="1000"),
        )
        assert "found a jump" in stopped.text
        _ask_until(
            server,
            lambda response: response.status_code == 200,
            before=lambda: _say(venue, above, half=cent),
        )
    signed = [entry.decision for entry in recorded_quotes(journal)]
    assert "paused" in signed
