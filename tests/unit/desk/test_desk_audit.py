"""The desk's audit log: every step of a command is a line, in the transaction of the step, and a change shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.desk.audited import EVERY_MS, DeskAudit
from pmm.execution.actions import ActionRecord, Status
from pmm.ledger import Ledger, LedgerDown, open_ledger
from pmm.monitoring.audit_log import read_audit, verify
from pmm.monitoring.desk import DeskEvents
from pmm.risk.plans import ActionKind
from pmm.risk.requests import ActionRequest
from tests.helpers.quoting import MAKER
from tests.unit.alerts.phone import START, Phone
from tests.unit.desk.test_desk_alerts import alerts_on


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    yield opened
    opened.close()


def _request(number: int) -> ActionRequest:
    return ActionRequest(
        request_id=f"hedge_now:{number}",
        kind=ActionKind.HEDGE_NOW,
        subject="WETH",
        value=0.0,
        reason="net_delta_pct",
        at_ms=START,
    )


def _intact(events: DeskEvents) -> float | None:
    return events.registry.get_sample_value("pmm_audit_intact")


def test_command__from_plan_to_end__each_step_is_a_line_of_the_chain(ledger: Ledger) -> None:
    events = DeskEvents()
    audit = DeskAudit(ledger, events.alerts, now_ms=START)
    # Before the first command: nothing is broken where there is nothing.
    assert _intact(events) == 1
    record = ActionRecord(ledger, audit)
    record.plan(_request(1), Status.ASKED, START)
    record.decide("hedge_now:1", Status.PLANNED, START + 1, "anna", "looks right")
    record.start("hedge_now:1", START + 2)
    record.end("hedge_now:1", Status.DONE, START + 3, "x" * 100_000)
    entries = read_audit(ledger)
    assert verify(entries).intact
    bodies = [json.loads(one.body) for one in entries]
    assert [(one.who, body["status"]) for one, body in zip(entries, bodies, strict=True)] == [
        ("automatic", "asked"),
        ("anna", "planned"),
        ("automatic", "started"),
        ("automatic", "done"),
    ]
    assert {body["command"] for body in bodies} == {"hedge_now:1"}
    assert events.registry.get_sample_value("pmm_audit_entries_total") == 4


def test_command__that_nobody_may_change__leaves_no_line(ledger: Ledger) -> None:
    record = ActionRecord(ledger, DeskAudit(ledger, DeskEvents().alerts, now_ms=START))
    record.plan(_request(1), Status.PLANNED, START)
    assert record.plan(_request(1), Status.PLANNED, START) is None
    assert record.end("hedge_now:1", Status.DONE, START, "") is None
    assert len(read_audit(ledger)) == 1


def test_step__that_is_taken_back__leaves_no_line_and_counts_none(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = DeskEvents()
    record = ActionRecord(ledger, DeskAudit(ledger, events.alerts, now_ms=START))

    def down(*_: object) -> None:
        raise LedgerDown("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger._store, "commit", down)
        with pytest.raises(LedgerDown):
            record.plan(_request(1), Status.PLANNED, START)
    assert read_audit(ledger) == []
    assert record.open_commands() == []
    assert events.registry.get_sample_value("pmm_audit_entries_total") == 0


def test_line__changed_by_somebody__shows_at_the_next_look_and_is_told_once(ledger: Ledger) -> None:
    events, phone = DeskEvents(), Phone("slack")
    audit = DeskAudit(ledger, events.alerts, now_ms=START)
    record = ActionRecord(ledger, audit)
    record.plan(_request(1), Status.PLANNED, START)
    record.plan(_request(2), Status.PLANNED, START)
    with ledger.transaction() as transaction:
        transaction.execute("UPDATE audit_entries SET who = 'nobody' WHERE number = 1")
    alerts, desk = alerts_on(ledger, phone)
    for now_ms in (START + EVERY_MS - 1, START + EVERY_MS, START + 2 * EVERY_MS):
        alerts.audited(audit.look(now_ms), now_ms)
        desk.deliver_due(now_ms)
        assert _intact(events) == (now_ms < START + EVERY_MS)
    assert phone.lines == ["[critical] The audit log was changed"]


def test_chain__already_broken_at_the_start__is_seen_there(ledger: Ledger) -> None:
    record = ActionRecord(ledger, DeskAudit(ledger, DeskEvents().alerts, now_ms=START))
    record.plan(_request(1), Status.PLANNED, START)
    with ledger.transaction() as transaction:
        transaction.execute("DELETE FROM audit_entries WHERE number = 1")
        transaction.execute(
            "INSERT INTO audit_entries (number, at_ms, who, what, body, previous, hash) "
            "VALUES (2, 0, '', '', '', ?, ?)",
            (bytes(32), bytes(32)),
        )
    events = DeskEvents()
    assert not DeskAudit(ledger, events.alerts, now_ms=START).verdict.intact
    assert _intact(events) == 0
