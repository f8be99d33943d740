"""The record of commands on either database."""

from __future__ import annotations

from pathlib import Path

import pytest

from pmm.execution.actions import ActionRecord, Money, Status
from pmm.ledger import LedgerRefused, open_ledger
from pmm.risk.monitor import DESK, Transition
from pmm.risk.plans import ActionKind
from pmm.risk.state_machine import Phase, PhaseState
from tests.helpers.quoting import MAKER
from tests.unit.execution.actions_desk import NOW_MS, request


def test_record__whole_life_of_commands__reads_back(where: Path | str) -> None:
    ledger = open_ledger(where, chain_id=1, maker=MAKER)
    record = ActionRecord(ledger)
    widen, wider = request(ActionKind.WIDEN, value=5.5), request(ActionKind.WIDEN, value=10, at_ms=NOW_MS + 1)
    assert record.plan(widen, Status.PLANNED, NOW_MS) is not None
    assert record.plan(widen, Status.PLANNED, NOW_MS) is None
    record.plan(wider, Status.ASKED, NOW_MS + 1)
    assert record.start(widen.request_id, NOW_MS) is None
    assert record.end(wider.request_id, Status.DONE, NOW_MS, "") is None
    record.decide(wider.request_id, Status.PLANNED, NOW_MS + 2, "trader", "seen")
    started = record.start(wider.request_id, NOW_MS + 3)
    assert started is not None
    assert started.attempts == 1
    record.end(wider.request_id, Status.DONE, NOW_MS + 4, "wider")
    found = {one.command_id: (one.status, one.value) for one in record.commands(0, 2**62)}
    assert found == {widen.request_id: (Status.SUPERSEDED, 5.5), wider.request_id: (Status.DONE, 10.0)}
    assert [one.who for one in record.audit([wider.request_id])] == [
        "automatic",
        "trader",
        "automatic",
        "automatic",
    ]
    state = PhaseState(
        phase=Phase.RECOVERY, since_ms=NOW_MS, seen_ms=NOW_MS, clear_since_ms=None, step=2, known=True
    )
    moved = Transition(
        at_ms=NOW_MS,
        name=DESK,
        key="",
        before=Phase.CRITICAL,
        after=Phase.RECOVERY,
        step=2,
        value=None,
        detail="all",
    )
    record.observe([moved], {}, state, Money(portfolio_usd_e6=10**18, profit_usd_e6=-5), NOW_MS)
    assert record.phases() == ({}, state)
    (read,) = record.transitions(NOW_MS, NOW_MS)
    assert (read.transition, read.money) == (moved, Money(portfolio_usd_e6=10**18, profit_usd_e6=-5))
    before = Money(portfolio_usd_e6=10**19)
    record.observe([], {}, state, before, NOW_MS + 30_000)
    record.observe([], {}, state, before, NOW_MS + 60_000)
    assert record.money(NOW_MS + 1, 2**62) == [before]
    ledger.close()


def test_audit__of_no_command__is_refused(where: Path | str) -> None:
    ledger = open_ledger(where, chain_id=1, maker=MAKER)
    with pytest.raises(LedgerRefused), ledger.transaction() as write:
        write.execute(
            "INSERT INTO actions_audit (at_ms, command_id, status, who, detail) VALUES (1, 'x', 'done', '', '')"
        )
    ledger.close()
