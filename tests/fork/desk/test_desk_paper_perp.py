"""The paper perp venue as a route of the running desk: cheapest, in the net delta, funded, through restarts."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pmm.cli.status_tables import status_page
from pmm.desk import Desk, read_status
from pmm.domain import WETH
from pmm.errors import SetupError
from pmm.execution.hedging import HedgeLedger
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import ETHER, assert_books_equal_the_chain, nonce, running, until_quiet
from tests.fork.server.site import Deployed, Server, fill

_CHEAP: dict[str, Any] = {
    "paper_perp": True,
    "paper_perp_fee_pips": 0,
    "paper_perp_half_spread_bps": 0,
    "paper_perp_funding_pips": 100,
}


def portfolio_usd(desk: Desk) -> float:
    found = desk.gauges._events.registry.get_sample_value("pmm_desk_portfolio_usd")
    assert found is not None
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_paper_perp__cheapest__hedges_is_shown_as_paper_funded_and_kept(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    with running(deployed, ledger, **_CHEAP) as desk:
        until_quiet(desk)
        worth_usd = portfolio_usd(desk)
        fill(chain, server.quote())
        # The order is in the venue's books, and its answer is lost.
        report = desk.paper.venue.report

        def lost(key: str) -> Any:
            report(key)
            raise SetupError("lost")

        submit = desk.paper.venue.submit
        monkeypatch.setattr(desk.paper.venue, "submit", lambda key, order: (submit(key, order), lost(key)))
        desk.step()
        assert [one.amount for one in desk.paper.positions()] == [-ETHER]
    with running(deployed, ledger, **_CHEAP) as desk:
        until_quiet(desk)
        # On paper: nothing left the contract, and the fill is hedged once.
        assert nonce(desk, deployed) == 0
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before + ETHER
        assert [one.amount for one in desk.paper.positions()] == [-ETHER]
        assert (desk.hedger.open_delta(WETH.address), desk.hedger.in_flight(WETH.address)) == (0, 0)
        (intent,) = HedgeLedger(desk.ledger).intents(most=9)
        assert intent.route == "perp_paper"
        delta = desk.risk.monitor.readings[("net_delta_pct", "WETH")].value
        assert delta == pytest.approx(0)
        # A short is exposure, and nothing that is owned: the fill's edge is all that came.
        assert abs(portfolio_usd(desk) - worth_usd) < 100
        # Over the next whole hour, and no further: feeds grow old.
        now_s = int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        chain.rpc.call("evm_increaseTime", 3_601 - now_s % 3_600)
        chain.rpc.call("evm_mine")
        until_quiet(desk)
        funded = desk.ledger.read("SELECT profit_key FROM performance_profit WHERE component = 'funding'")
        assert len(funded) == 1
        with urllib.request.urlopen(f"http://127.0.0.1:{desk.metrics.port}/metrics", timeout=5) as page:
            assert 'pmm_paper_perp_position{asset="WETH"} -1.0' in page.read().decode()
        status = read_status(desk.scene.settings)
        assert [one.amount for one in status.paper] == [-ETHER]
        tables = [getattr(one, "title", "") for one in status_page(status).renderables]
        assert any("paper money" in str(title) for title in tables)
        assert_books_equal_the_chain(desk, deployed)
    # No longer offered: the position still counts, the next fill is swapped.
    with running(deployed, ledger) as desk:
        fill(chain, server.quote())
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert [one.amount for one in desk.paper.positions()] == [-ETHER]


def test_paper_perp__its_orders_are_timed__told_again_after_a_restart(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    def latency(desk: Desk) -> tuple[float | None, str]:
        found = desk.risk.monitor.readings[("trade_latency_ms", "")]
        return found.value, found.shown

    with running(deployed, ledger, **_CHEAP) as desk:
        until_quiet(desk)
        assert latency(desk) == (None, "unknown")
        fill(chain, server.quote())
        until_quiet(desk)
        took_ms, shown = latency(desk)
        assert took_ms is not None
        assert 0 < took_ms < 5_000
        assert shown.endswith(" ms")
    with running(deployed, ledger, **_CHEAP) as desk:
        until_quiet(desk)
        assert latency(desk)[0] == took_ms
