"""Fills on both contracts, and the desk that follows, hedges and keeps its books by them."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pmm.desk import open_desk, read_status
from pmm.domain import WETH
from pmm.errors import ChainError, PmmError, UnsafeToSign
from pmm.execution import CONTRACT_VENUES
from pmm.execution.hedging import IntentState, NoticeKind
from pmm.ledger import LedgerDown
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import (
    ETHER,
    assert_books_equal_the_chain,
    nonce,
    running,
    settings_of,
    until_quiet,
)
from tests.fork.server.site import Deployed, Server, fill


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.mark.parametrize("venue", CONTRACT_VENUES)
def test_fill__on_each_venue__is_hedged_and_the_books_equal_the_chain(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, venue: Any
) -> None:
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
        fill(chain, server.quote(settlement=venue.value))
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before + ETHER
        turns = until_quiet(desk)
        said = [one for turn in turns for one in turn.notices]
        assert [one.kind for one in said] == [NoticeKind.DONE], said
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)
        assert nonce(desk, deployed) == 1


def test_band__a_fill_within__waits__one_beyond__goes_back_to_the_inner_edge(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    with running(deployed, ledger, hedging="band", band_outer_usd=4_000, band_inner_usd=500) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        assert desk.hedger.open_delta(WETH.address) == ETHER
        assert nonce(desk, deployed) == 0
        fill(chain, server.quote())
        until_quiet(desk)
        price_e36 = desk.gauges.market.usd_per_unit_e36[WETH.address] if desk.gauges.market else 0
        left_usd = desk.hedger.open_delta(WETH.address) * price_e36 // 10**36
        assert 490 <= left_usd <= 500
        assert_books_equal_the_chain(desk, deployed)


def test_none__never_hedges_and_shows_the_delta(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    with running(deployed, ledger, hedging="none") as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        assert nonce(desk, deployed) == 0
        (line,) = [one for one in read_status(desk.scene.settings).tokens if one.token == WETH]
        assert line.delta == ETHER


def test_second_start__hedges_what_came_meanwhile__and_doubles_nothing(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    # Before the first start: none of the desk's business.
    fill(chain, server.quote())
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        assert nonce(desk, deployed) == 0
        fill(chain, server.quote())
        until_quiet(desk)
    fill(chain, server.quote())
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert_books_equal_the_chain(desk, deployed)
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        assert nonce(desk, deployed) == 0
        assert desk.ledger.read("SELECT count(*) FROM hedging_intents") == [(2,)]
        assert desk.ledger.read("SELECT count(*) FROM sent_transactions") == [(2,)]
    assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before + ETHER


def test_rollback__of_a_hedged_fill__leaves_no_delta_behind(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        answer = server.quote()
        snapshot = deployed.rpc.call("evm_snapshot")
        fill(chain, answer)
        until_quiet(desk)
        deployed.rpc.call("evm_revert", snapshot)
        turns = until_quiet(desk)
        assert any(change.removed for change in turns[0].changes)
        # What is left is too little for a swap.
        assert abs(desk.hedger.open_delta(WETH.address)) < ETHER // 1_000
        assert_books_equal_the_chain(desk, deployed)


def test_status_and_metrics__say_what_the_desk_did(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        status = read_status(desk.scene.settings)
        with urllib.request.urlopen(f"http://127.0.0.1:{desk.metrics.port}/metrics", timeout=5) as page:
            text = page.read().decode()
    assert (status.head, status.lag_blocks) == (status.node_head, 0)
    (line,) = [one for one in status.tokens if one.token == WETH]
    assert line.held == balance_of(deployed.rpc, WETH.address, deployed.settlement)
    assert line.delta == 0
    assert [(one.trade, one.state) for one in status.latest] == [(-ETHER, IntentState.DONE)]
    assert status.live == ()
    # Of a turnover an hour must be watched: unknown until then, which is a warning and never good.
    readings = {(one.metric, one.subject): one for one in status.risk}
    unknown = readings["inventory_turnover_per_day", ""]
    assert (unknown.phase, unknown.value, unknown.shown) == ("warning", None, "unknown")
    assert readings["net_delta_pct", "WETH"].value is not None
    assert 'pmm_hedges_total{outcome="filled",route="uniswap_v3_500"} 1.0' in text
    assert 'pmm_risk_known{metric="inventory_turnover_per_day",subject=""} 0.0' in text
    # Nobody tells how fast quotes were answered: there is no such metric.
    assert ("quote_response_ms", "") not in readings
    assert 'pmm_risk_metric{metric="settlement_success_pct",subject=""} 100.0' in text
    assert 'pmm_desk_fills_total{pair="USDC/WETH",venue="1inch"} 1.0' in text


def test_node__fails_in_the_middle__the_next_turn_goes_on_and_nothing_is_doubled(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())

        def lost(_: object) -> None:
            raise LedgerDown("the disk is full")

        def silent(_: object) -> None:
            raise ChainError("no answer")

        # What the hedger took in is not written, then the node does not answer.
        with monkeypatch.context() as patched:
            patched.setattr(desk.hedger._books, "commit", lost)
            assert desk.turn() is None
        assert desk.trouble == "the disk is full"
        with monkeypatch.context() as patched:
            patched.setattr(desk.reader, "read", silent)
            assert desk.turn() is None
        assert desk.trouble == "no answer"
        assert desk.turn() is not None
        assert desk.trouble == ""
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)


def test_market__cannot_be_read__the_fill_is_in_the_books_and_its_hedge_waits(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise ChainError("no pool answers")

    with running(deployed, ledger) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        with monkeypatch.context() as patched:
            patched.setattr(desk.markets, "read", silent)
            assert desk.turn() is not None
        assert desk.trouble == "hedges wait for a market: no pool answers"
        assert desk.hedger.open_delta(WETH.address) == ETHER
        assert_books_equal_the_chain(desk, deployed)
        until_quiet(desk)
        assert desk.hedger.open_delta(WETH.address) == 0
        assert nonce(desk, deployed) == 1


def test_keystore__on_a_development_node__is_refused(deployed: Deployed, ledger: Path) -> None:
    with pytest.raises(UnsafeToSign, match="Unset PMM_DESK_OPERATOR_KEYSTORE"):
        open_desk(settings_of(deployed, ledger, operator_keystore=ledger.with_name("key.json")))


def test_second_desk__on_one_ledger__is_refused(deployed: Deployed, ledger: Path) -> None:
    with running(deployed, ledger) as desk:
        with pytest.raises(PmmError, match="ledger"):
            open_desk(desk.scene.settings)
        # It did not take the first one's place.
        until_quiet(desk)
