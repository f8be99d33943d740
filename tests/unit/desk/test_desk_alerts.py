"""What a turn brings is told once, ends when it is over, and never costs a turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.alerts import AlertDesk, DeliveryFailed, Routes
from pmm.desk.alerting import QUIET_MS, DeskAlerts
from pmm.domain import WETH, BlockRef, parse_address
from pmm.execution.book import BookDifference, Cause, Reconciliation, Side
from pmm.execution.book.positions import BalanceKey
from pmm.execution.hedging import HedgeNotice, NoticeKind
from pmm.ledger import Ledger, LedgerDown, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk import events as seen
from pmm.risk.monitor import RiskMonitor
from pmm.risk.settings import RiskSettings
from tests.unit.alerts.phone import HOUR, MINUTE, START, Phone

CONTRACT = parse_address("0x" + "11" * 20, "contract")
BLOCK = BlockRef(number=7, hash=b"\x07" * 32, parent_hash=b"\x06" * 32, time_s=START // 1000)
KEY = BalanceKey(account=CONTRACT, token=WETH.address)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=CONTRACT)
    yield opened
    opened.close()


@pytest.fixture
def phone() -> Phone:
    return Phone("slack")


def alerts_on(ledger: Ledger, phone: Phone, now_ms: int = START) -> tuple[DeskAlerts, AlertDesk]:
    """Two on one ledger are a desk and its next start."""
    desk = AlertDesk(ledger, (phone,), Routes(), watch=DeskEvents().alerts)
    names, symbols = {CONTRACT: "RfqSettlement"}, {WETH.address: "WETH"}
    return DeskAlerts(desk, names=names, symbols=symbols, clock_ms=lambda: now_ms), desk


def off_by(amount: int) -> Reconciliation:
    one = BookDifference(
        key=KEY, side=Side.BALANCE, booked=100, found=100 + amount, cause=Cause.UNSEEN_TRANSFER, block=BLOCK
    )
    return Reconciliation(block=BLOCK, differences=(one,))


CLEAN = Reconciliation(block=BLOCK)


def test_difference__of_one_base_unit__is_told_once_with_its_cause(ledger: Ledger, phone: Phone) -> None:
    alerts, desk = alerts_on(ledger, phone)
    for second in range(5):
        alerts.differences(off_by(1) if second == 0 else CLEAN, START + second * 1_000)
        alerts.goes_on(START + second * 1_000)
        desk.deliver_due(START + second * 1_000)
    assert phone.lines == [
        "[critical] Book and chain differ by 1 base units: WETH RfqSettlement balance",
    ]
    (text,) = [row[0] for row in ledger.read("SELECT text FROM alerts_log")]
    assert text == "booked 100, found 101 base units at block 7, cause unseen_transfer."
    alerts.goes_on(START + QUIET_MS)
    desk.deliver_due(START + QUIET_MS)
    assert phone.lines[1:] == ["[resolved] Book and chain differ by 1 base units: WETH RfqSettlement balance"]


def test_difference__at_every_block__is_told_once(ledger: Ledger, phone: Phone) -> None:
    alerts, desk = alerts_on(ledger, phone)
    for second in range(0, HOUR // 1_000, 12):
        alerts.differences(off_by(-1), START + second * 1_000)
        alerts.goes_on(START + second * 1_000)
    desk.deliver_due(START + HOUR)
    assert len(phone.lines) == 1


@pytest.mark.parametrize("kind", [NoticeKind.STUCK, NoticeKind.CONTRADICTION, NoticeKind.FAILED])
def test_notice__that_needs_a_person__is_told_once(ledger: Ledger, phone: Phone, kind: NoticeKind) -> None:
    alerts, desk = alerts_on(ledger, phone)
    for second in range(3):
        alerts.notices([HedgeNotice(kind=kind, intent_id="ab12", detail="why")], START + second)
    desk.deliver_due(START + 3)
    assert len(phone.lines) == 1


@pytest.mark.parametrize("kind", [NoticeKind.DONE, NoticeKind.REPAIRED, NoticeKind.UNDONE])
def test_notice__of_the_hedgers_own_business__is_not_told(
    ledger: Ledger, phone: Phone, kind: NoticeKind
) -> None:
    alerts, desk = alerts_on(ledger, phone)
    alerts.notices([HedgeNotice(kind=kind, intent_id="ab12", detail="")], START)
    desk.deliver_due(START)
    assert phone.lines == []


def test_stuck_hedge__stays__also_over_a_restart(ledger: Ledger, phone: Phone) -> None:
    alerts, desk = alerts_on(ledger, phone)
    alerts.notices([HedgeNotice(kind=NoticeKind.STUCK, intent_id="ab12", detail="")], START)
    again, desk = alerts_on(ledger, phone, START + HOUR)
    again.goes_on(START + HOUR)
    again.goes_on(START + HOUR + 2 * QUIET_MS)
    assert list(desk.standing()) == ["hedger:stuck:ab12"]


def test_waits__for_long__gets_worse__and_is_over_when_the_desk_goes_on(ledger: Ledger, phone: Phone) -> None:
    alerts, desk = alerts_on(ledger, phone)
    for second in (0, 1, 30, 60, 61):
        alerts.waits("no answer", START + second * 1_000)
    alerts.goes_on(START + MINUTE * 2)
    desk.deliver_due(START + MINUTE * 2)
    assert [line.split("]")[0] for line in phone.lines] == ["[warning", "[critical", "[resolved"]


def test_ended__is_over_at_the_next_start(ledger: Ledger, phone: Phone) -> None:
    alerts, desk = alerts_on(ledger, phone)
    alerts.ended("another node behind the address", START)
    again, desk = alerts_on(ledger, phone, START + MINUTE)
    again.goes_on(START + MINUTE)
    desk.deliver_due(START + MINUTE)
    assert [line.split("]")[0] for line in phone.lines] == ["[critical", "[resolved"]


def test_risk__critical_and_back__is_told_by_phase__unknown_from_the_start_is_no_news(
    ledger: Ledger, phone: Phone
) -> None:
    alerts, desk = alerts_on(ledger, phone)
    settings = RiskSettings(hold_s=1, recovery_step_s=1)
    monitor = RiskMonitor(settings, {"node_health_pct": ("node",)}, now_ms=START)
    for second in range(20):
        now_ms = START + second * 1_000
        monitor.apply(seen.NodeProbed(now_ms, "node", *((0, 0) if 5 <= second < 8 else (100, 100)), True))
        monitor.tick(now_ms)
        alerts.risk(monitor.states, monitor.readings, now_ms)
    desk.deliver_due(START + MINUTE)
    told = [line for line in phone.lines if "serving_node_health_pct" in line]
    assert [line.split("]")[0] for line in told] == ["[critical", "[resolved"]
    # Everything that nobody spoke of: unknown, a warning, and not told.
    assert {line.split("] ", 1)[1].split()[0] for line in phone.lines} == {
        "serving_node_health_pct",
        "node_health_pct[node]",
    }


def test_ledger_down__costs_nothing_and_the_end_is_told_later(
    ledger: Ledger, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts, desk = alerts_on(ledger, phone)

    def down(*_: object, **__: object) -> None:
        raise LedgerDown("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "transaction", down)
        alerts.waits("the disk is full", START)
        alerts.goes_on(START + 1)
        desk.deliver_due(START + 1)
    assert [line.split("]")[0] for line in phone.lines] == ["[warning"]
    alerts.goes_on(START + 2)
    assert desk.standing() == {}


def test_channel__down__costs_nothing(ledger: Ledger, phone: Phone) -> None:
    phone.fault = lambda: DeliveryFailed("slack: expected an answer, found none")
    alerts, desk = alerts_on(ledger, phone)
    alerts.differences(off_by(1), START)
    assert desk.deliver_due(START) == 0
    phone.fault = None
    assert desk.deliver_due(START + MINUTE) == 1


def test_no_channel__tells_nobody() -> None:
    alerts = DeskAlerts(None, names={}, symbols={}, clock_ms=lambda: START)
    alerts.start()
    alerts.differences(off_by(1), START)
    alerts.waits("no answer", START)
    alerts.goes_on(START)
    alerts.close()
