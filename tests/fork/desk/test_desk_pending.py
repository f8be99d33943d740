"""Signed quotes in the desk's net delta: by fill probability, until they are filled, and only where it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.desk import open_desk, read_status
from pmm.domain import WETH
from pmm.errors import InvalidInput
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import ETHER, nonce, running, settings_of, until_quiet
from tests.fork.server.site import Deployed, Server, fill


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_pending_quote__counts_by_its_probability__until_its_fill_does(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, journal: Path
) -> None:
    readings = []
    for pending in (False, True):
        # Nothing is hedged: what is measured is the net position.
        section = {"pending_quotes": pending, "pending_fill_bps": 2_500, "hedging": "none"}
        with running(deployed, ledger, journal=journal, **section) as desk:
            until_quiet(desk)
            if not pending:
                answer = server.quote()
            until_quiet(desk)
            readings.append(desk.risk.monitor.readings["net_delta_pct", "WETH"].value)
            (line,) = [one for one in read_status(desk.scene.settings).tokens if one.token == WETH]
            assert line.pending == (0.25 if pending else None)
            assert line.delta == 0
            if pending:
                fill(chain, answer)
                until_quiet(desk)
                readings.append(desk.risk.monitor.readings["net_delta_pct", "WETH"].value)
                assert desk.hedger.open_delta(WETH.address) == ETHER
            assert nonce(desk, deployed) == 0
    off, quarter, filled = readings
    assert off == pytest.approx(0)
    assert quarter is not None
    assert filled is not None
    assert 0 < quarter < filled
    # Of about the same inventory, a quarter of the same ether.
    assert quarter * 4 == pytest.approx(filled, rel=0.05)


def test_pending_quotes__journal_gone__are_unknown_and_said(
    server: Server, chain: ChainBuilder, deployed: Deployed, ledger: Path, journal: Path
) -> None:
    with running(deployed, ledger, journal=journal, pending_quotes=True, hedging="none") as desk:
        until_quiet(desk)
        known = desk.gauges._events.registry.get_sample_value
        assert known("pmm_pending_quotes_known") == 1
        journal.rename(journal.with_name("elsewhere"))
        desk.turn()
        assert known("pmm_pending_quotes_known") == 0
        journal.with_name("elsewhere").rename(journal)
        desk.turn()
        assert known("pmm_pending_quotes_known") == 1


def test_pending_quotes__without_a_journal__end_the_start(deployed: Deployed, ledger: Path) -> None:
    with pytest.raises(InvalidInput, match="PMM_DESK_PENDING_QUOTES"):
        open_desk(settings_of(deployed, ledger, pending_quotes=True))
