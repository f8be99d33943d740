"""An incident from the first warning to normal quoting, written from what the ledger holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmm.cli.report import app
from pmm.errors import InvalidInput
from pmm.execution.actions import Incident, Money, incident_report, incidents
from pmm.report.incidents import list_incidents, write_incident
from pmm.risk.events import PositionValued
from pmm.risk.state_machine import Phase
from tests.unit.execution.actions_desk import ActionDesk
from tests.unit.risk.test_monitor import _QUICK, Day


def lived(desk: ActionDesk) -> Day:
    """A quiet start, a delta that leaves its band at once, a hedge that works, a recovery."""
    day = Day()
    desk.ports.broken = {"repay"}

    def second() -> None:
        moved = []
        day.now_ms += 1_000
        desk.clock.now_ms = day.now_ms
        for event in day._events():
            moved += day.monitor.apply(event)
        moved += day.monitor.tick(day.now_ms)
        lost = 12_500_000_000 if day.delta_usd_e6 else 0
        money = Money(portfolio_usd_e6=20_000_000_000_000 - lost, profit_usd_e6=100_000_000 - lost)
        desk.record.observe(moved, day.monitor.states, day.monitor.desk, money, day.now_ms)
        desk.runner.submit(day.monitor.requests(day.now_ms))
        desk.runner.run_due()
        if ("hedge", "WETH") in desk.ports.calls:
            day.delta_usd_e6 = 0
        day.phases.append(day.monitor.desk.phase)

    for number in range(60):
        if number == 20:
            day.delta_usd_e6 = 1_500_000
        second()
    return day


def test_incident__from_record_alone__tells_what_happened(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite")
    day = lived(desk)
    assert Phase.CRITICAL in day.phases
    assert day.phases[-1] is not Phase.CRITICAL
    desk.close()
    desk.open()
    (found,) = incidents(desk.record, 0, day.now_ms)
    assert found.end_ms is not None
    text = incident_report(desk.record, found, _QUICK, day.now_ms)
    desk.close()
    money, causes = text.partition("## Cause candidates")[0], text.partition("## Cause candidates")[2]
    assert "20,000,000.00 | 19,987,500.00 | 20,000,000.00" in money
    first = next(line for line in causes.splitlines() if line.startswith("1."))
    assert "`net_delta_pct[WETH]` made the desk critical" in first
    assert "7.5 %" in first
    for expected in (
        "`desk` warning -> critical",
        "`desk` critical -> recovery",
        "| stop_quoting | * |",
        "| hedge_now | WETH |",
        "failed (automatic) repay: expected an answer, found none",
        "| resume_step | all |",
        "`net_delta_pct`: 0 s from warning to critical leave no time to act",
    ):
        assert expected in text, expected
    assert "None" not in money


def test_incident__that_lasts__has_no_end(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite")
    day = Day()
    day.seconds(15)
    day.delta_usd_e6 = 1_500_000
    weth = next(one for one in day._events() if isinstance(one, PositionValued) and one.asset == "WETH")
    moved = day.monitor.apply(weth)
    desk.record.observe(moved, day.monitor.states, day.monitor.desk, Money(), day.now_ms)
    (found,) = incidents(desk.record, 0, 2**62)
    assert found == Incident(start_ms=day.now_ms, end_ms=None)
    text = incident_report(desk.record, found, _QUICK, day.now_ms + 5_000)
    assert "it still lasts" in text
    assert "Unknown: no value was recorded." in text
    desk.close()


def test_incidents__none__is_an_empty_list(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite")
    assert incidents(desk.record, 0, 2**62) == []
    desk.close()


def test_incident_command__from_the_ledger_alone__lists_and_writes(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    desk = ActionDesk(place)
    day = lived(desk)
    (found,) = incidents(desk.record, 0, day.now_ms)
    desk.close()
    (listed,) = list_incidents(str(place), now_ms=day.now_ms, days=1)
    assert listed.incident == found
    assert listed.line.endswith(" s")
    for name in (listed.name, "latest"):
        text = write_incident(str(place), name, _QUICK, now_ms=day.now_ms, days=1)
        assert "## Cause candidates" in text
    with pytest.raises(InvalidInput, match=f"found {listed.name}"):
        write_incident(str(place), "19700101T000000.000Z", _QUICK, now_ms=day.now_ms, days=1)
    assert list_incidents(str(place), now_ms=day.now_ms + 2 * 86_400_000, days=1) == []


def test_incident_command__cli__writes_the_file_and_refuses_without_a_ledger(tmp_path: Path) -> None:
    place, out = tmp_path / "ledger.sqlite", tmp_path / "incident.md"
    desk = ActionDesk(place)
    lived(desk)
    desk.close()
    runner = CliRunner()
    days = ["--days", "3650"]
    listed = runner.invoke(app, ["incident", "--ledger", str(place), *days])
    assert listed.exit_code == 0, listed.output
    name = listed.output.split()[0]
    done = runner.invoke(app, ["incident", name, "--ledger", str(place), "--out", str(out), *days])
    assert done.exit_code == 0, done.output
    assert out.read_text().startswith("# Incident of ")
    refused = runner.invoke(app, ["incident"])
    assert isinstance(refused.exception, InvalidInput)
    assert "expected --ledger" in str(refused.exception)
