"""Batches and the ratio of least variance in the running desk, and a batch that waits through kill -9."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pmm.desk import read_status
from pmm.domain import WETH
from pmm.execution.hedging import HedgeLedger
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
from tests.fork.desk.test_desk_killed import desk_process
from tests.fork.server.site import Deployed, Server, fill

_DAY_MS = 86_400_000


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_batch__full_or_old__is_hedged_whole__and_waits_before(
    server: Server,
    chain: ChainBuilder,
    deployed: Deployed,
    ledger: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    with running(deployed, ledger, hedging="batch", batch_usd=4_000, batch_age_ms=_DAY_MS) as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        assert (nonce(desk, deployed), desk.hedger.open_delta(WETH.address)) == (0, ETHER)
        (line,) = [one for one in read_status(desk.scene.settings).tokens if one.token == WETH]
        assert line.strategy == "batch"
        assert line.waits_ms is not None
        # The second fill makes it full: one swap for both.
        fill(chain, server.quote())
        until_quiet(desk)
        assert (nonce(desk, deployed), desk.hedger.open_delta(WETH.address)) == (1, 0)
        fill(chain, server.quote())
        until_quiet(desk)
        assert nonce(desk, deployed) == 1
        later_ms = desk.clock_ms() + _DAY_MS
        monkeypatch.setattr(desk, "clock_ms", lambda: later_ms)
        until_quiet(desk)
        assert (nonce(desk, deployed), desk.hedger.open_delta(WETH.address)) == (2, 0)
        found = HedgeLedger(desk.ledger).intents(most=9)
        assert sorted((one.trade, one.strategy) for one in found) == [
            (-2 * ETHER, "batch"),
            (-ETHER, "batch"),
        ]
        assert_books_equal_the_chain(desk, deployed)
    assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before


def test_batch__waiting_through_kill_9__is_hedged_once_and_keeps_its_age(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    batch = {"PMM_DESK_HEDGING": "batch", "PMM_DESK_BATCH_AGE_MS": str(_DAY_MS)}
    with desk_process(deployed, ledger, **batch):
        fill(chain, server.quote())
        _until_waiting(deployed, ledger)
        # Killed while the batch waits.
    with desk_process(deployed, ledger, **batch):
        pass
    with running(deployed, ledger, hedging="batch", batch_usd=1_000_000, batch_age_ms=_DAY_MS) as desk:
        until_quiet(desk)
        assert (nonce(desk, deployed), desk.hedger.open_delta(WETH.address)) == (0, ETHER)
        born_ms = desk.hedger.waiting(WETH.address, now_ms=0, usd_per_unit_e36=0).oldest_ms
        assert born_ms < desk.clock_ms()
    # As old as the fill, not as the process: by its age it is due.
    time.sleep(0.01)
    with running(deployed, ledger, hedging="batch", batch_usd=1_000_000, batch_age_ms=1) as desk:
        until_quiet(desk)
        assert desk.hedger.open_delta(WETH.address) == 0
        assert [one.trade for one in HedgeLedger(desk.ledger).intents(most=9)] == [-ETHER]
        assert_books_equal_the_chain(desk, deployed)
    assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before


def test_minimum_variance__by_a_ratio__hedges_that_part_and_leaves_the_rest_for_good(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path
) -> None:
    before = balance_of(deployed.rpc, WETH.address, deployed.settlement)
    half: dict[str, Any] = {"hedging": "minimum_variance", "variance_inside": "immediate"}
    with running(deployed, ledger, **half, variance_ratio="0.5") as desk:
        until_quiet(desk)
        fill(chain, server.quote())
        until_quiet(desk)
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before + ETHER // 2
        assert desk.hedger.open_delta(WETH.address) == 0
        (intent,) = HedgeLedger(desk.ledger).intents(most=9)
        assert (intent.trade, intent.waived, intent.strategy) == (-ETHER // 2, ETHER // 2, "minimum_variance")
        (line,) = [one for one in read_status(desk.scene.settings).tokens if one.token == WETH]
        assert line.strategy == "minimum_variance 0.5000"
        assert_books_equal_the_chain(desk, deployed)
    # Measured: no prices yet, the whole of a new fill is hedged, what was left stays left.
    with running(deployed, ledger, **half) as desk:
        fill(chain, server.quote())
        until_quiet(desk)
        assert balance_of(deployed.rpc, WETH.address, deployed.settlement) == before + ETHER // 2
        newest = HedgeLedger(desk.ledger).intents(most=9)
        assert any("more prices" in one.reason for one in newest)


def _until_waiting(deployed: Deployed, ledger: Path) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        (line,) = [one for one in read_status(settings_of(deployed, ledger)).tokens if one.token == WETH]
        if line.delta == ETHER:
            return
        time.sleep(0.2)
    raise AssertionError("the desk did not take the fill into its books")
