"""A desk and a quote server as two processes: what the desk tells decides which side is quoted, and whether any."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from pmm.desk import open_desk
from pmm.domain import USDC, WETH
from pmm.localnet.placement import ChainBuilder
from pmm.server.client import parse_answer
from pmm.settings import ServeSettings
from pmm.settings_risk import RiskSection
from tests.fork.desk.desk_site import ETHER, settings_of
from tests.fork.desk.test_desk_actions import _QUICK, turns_until
from tests.fork.desk.test_desk_operator import QuoteServer, _serving
from tests.fork.server.site import TAKER, Deployed, fill

_MAX_AGE_MS = 2_000
_WATCHED = {"PMM_PRE_TRADE": "on", "PMM_PRE_TRADE_MAX_AGE_MS": str(_MAX_AGE_MS)}
_REQUEST = {"feeBps": 0, "taker": TAKER}


def _settings(deployed: Deployed, ledger: Path, server: QuoteServer) -> ServeSettings:
    settings = settings_of(
        deployed, ledger, hedging="none", quote_server_url=server.url, quote_server_key=server.desk
    )
    # Nothing but a delta beyond its own line may stop quotes here.
    lines = {**_QUICK, "net_delta_pct": (0.0, 50.0, 90.0)}
    return settings.model_copy(update={"risk": RiskSection.model_validate(lines)})


def _ask(server: QuoteServer, ether: int, *, sells: bool) -> tuple[int, str]:
    """Ask for a quote in which we sell or buy ether; return status and reason."""
    asked = (
        {"baseToken": USDC.address, "quoteToken": WETH.address, "quoteAmount": str(ether * ETHER)}
        if sells
        else {"baseToken": WETH.address, "quoteToken": USDC.address, "amount": str(ether * ETHER)}
    )
    answer = httpx.post(
        f"{server.url}/order", json={**asked, **_REQUEST}, headers={"X-API-Key": server.relayer}, timeout=30
    )
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]


def _condition(server: QuoteServer) -> str:
    found: str = server.get("/pre-trade")["condition"]
    return found


def _until(found: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 20
    while not found() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert found()


def test_desk_tells__one_side_is_refused_the_other_quoted__and_its_silence_closes(
    chain: ChainBuilder, deployed: Deployed, journal: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    with _serving(deployed, journal, **_WATCHED) as server:
        assert _ask(server, 1, sells=True) == (503, "risk_unknown")
        desk = open_desk(_settings(deployed, ledger, server))
        try:
            turns_until(desk, lambda: _condition(server) == "open")
            # 40 WETH of working inventory are no delta: both sides are quoted.
            sold = server.order(WETH.address, USDC.address, 3 * ETHER)
            # The line is 5 % of about 240,000 dollars: four ether. Three are promised already.
            assert _ask(server, 2, sells=False) == (503, "limit_reached")
            fill(chain, parse_answer(sold))
            turns_until(desk, lambda: desk.hedger.open_delta(WETH.address) == 3 * ETHER)
            head = desk.book.head
            assert head is not None
            turns_until(desk, lambda: server.get("/pre-trade")["blockNumber"] >= head.number)
            assert _ask(server, 2, sells=False) == (503, "limit_reached")
            assert _ask(server, 2, sells=True) == (200, "")
            assert desk.step() is not None
        finally:
            desk.close()
        # Nobody speaks any more.
        _until(lambda: _condition(server) == "stale")
        assert _ask(server, 1, sells=True) == (503, "risk_unknown")
    with _serving(deployed, journal, **_WATCHED) as again:
        assert _condition(again) == "never_given"
        assert _ask(again, 1, sells=True) == (503, "risk_unknown")
        desk = open_desk(_settings(deployed, ledger, again))
        try:
            turns_until(desk, lambda: _condition(again) == "open")
            assert _ask(again, 2, sells=False) == (503, "limit_reached")
            assert _ask(again, 1, sells=True) == (200, "")
        finally:
            desk.close()
