"""Commands are recorded, done once, retried, superseded and asked for; a stop needs nobody's permission."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.errors import ChainError, InvalidInput
from pmm.execution.actions import (
    ActionPorts,
    ActionRunner,
    BoardQuoting,
    Money,
    SignerStop,
    Status,
    executors_of,
)
from pmm.execution.kill_switches import EVERYTHING
from pmm.ledger import LedgerDown
from pmm.risk.monitor import DESK, Transition
from pmm.risk.plans import STANDING, ActionKind
from pmm.risk.state_machine import Phase, PhaseState
from pmm.server.switch_board import SwitchBoard
from tests.unit.execution.actions_desk import NOW_MS, ActionDesk, HandClock, Ports, action_ports, request

_ASKED = [(ActionKind.UNWIND_ALL, "*"), (ActionKind.HEDGE_NOW, "WETH"), (ActionKind.HEDGE_NOW, "WBTC")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ActionDesk]:
    made = ActionDesk(tmp_path / "ledger.sqlite")
    yield made
    made.close()


def statuses(desk: ActionDesk) -> dict[str, Status]:
    return {one.command_id: one.status for one in desk.record.commands(0, 2**62)}


def test_submit__same_request_twice__is_one_command_done_once(desk: ActionDesk) -> None:
    asked = request(ActionKind.HEDGE_NOW, "WETH")
    assert len(desk.runner.submit([asked])) == 1
    desk.runner.run_due()
    assert desk.runner.submit([asked]) == []
    assert desk.runner.run_due() == []
    assert desk.ports.calls == [("hedge", "WETH")]
    lines = desk.record.audit([asked.request_id])
    assert [line.status for line in lines] == [Status.PLANNED, Status.STARTED, Status.DONE]
    assert lines[-1].detail == "hedge WETH"


def test_run_due__several_commands__stops_first(desk: ActionDesk) -> None:
    kinds = [one for one in ActionKind if one is not ActionKind.RESUME_STEP]
    desk.runner.submit([request(kind) for kind in reversed(kinds)])
    desk.runner.run_due()
    assert [call[0] for call in desk.ports.calls][:3] == ["stop", "cancel", "repay"]
    assert len(desk.ports.calls) == len(kinds)


def test_run_due__one_fails__the_others_are_done(desk: ActionDesk) -> None:
    desk.ports.broken = {"cancel"}
    desk.runner.submit([request(ActionKind.CANCEL_ALL), request(ActionKind.WIDEN, value=5)])
    desk.runner.run_due()
    assert desk.ports.spread_bps == 5
    assert set(statuses(desk).values()) == {Status.FAILED, Status.DONE}


def test_run_due__failed_command__is_tried_again_later_and_gives_up(desk: ActionDesk) -> None:
    desk.ports.broken = {"hedge"}
    asked = request(ActionKind.HEDGE_NOW)
    desk.runner.submit([asked])
    desk.runner.run_due()
    assert desk.runner.run_due() == []
    for wait_ms in (1_000, 2_000):
        desk.clock.now_ms += wait_ms
        desk.runner.run_due()
    assert statuses(desk)[asked.request_id] is Status.GAVE_UP
    desk.clock.now_ms += 10**6
    assert desk.runner.run_due() == []
    assert len(desk.ports.calls) == 3


def test_run_due__trade_has_begun__is_done_only_when_it_has_ended(desk: ActionDesk) -> None:
    desk.ports.under_way = True
    asked = request(ActionKind.HEDGE_NOW)
    desk.runner.submit([asked])
    assert [one.status for one in desk.runner.run_due()] == [Status.STARTED]
    for _ in range(3):
        desk.clock.now_ms += 1_000
        assert desk.runner.run_due() == []
    assert statuses(desk)[asked.request_id] is Status.STARTED
    desk.ports.under_way = False
    assert [one.status for one in desk.runner.run_due()] == [Status.DONE]
    lines = desk.record.audit([asked.request_id])
    assert [line.status for line in lines] == [Status.PLANNED, Status.STARTED, Status.DONE]
    assert list(desk.ports.trades) == [asked.request_id]


def test_run_due__trade_that_has_begun_fails__is_failed_and_tried_again(desk: ActionDesk) -> None:
    desk.ports.under_way = True
    asked = request(ActionKind.HEDGE_NOW)
    desk.runner.submit([asked])
    desk.runner.run_due()
    desk.ports.broken = {"hedge"}
    assert [one.status for one in desk.runner.run_due()] == [Status.FAILED]
    desk.ports.broken = set()
    desk.clock.now_ms += 1_000
    # Begun again, and it counts as another attempt.
    assert [(one.status, one.attempts) for one in desk.runner.run_due()] == [(Status.STARTED, 2)]
    desk.ports.under_way = False
    assert [one.status for one in desk.runner.run_due()] == [Status.DONE]


def test_run_due__trade_without_an_end__is_given_up_and_said(desk: ActionDesk) -> None:
    desk.ports.under_way = True
    asked = request(ActionKind.HEDGE_NOW)
    desk.runner.submit([asked])
    desk.runner.run_due()
    desk.clock.now_ms += 600_000
    assert desk.runner.run_due() == []
    desk.clock.now_ms += 1
    (ended,) = desk.runner.run_due()
    assert (ended.status, ended.detail) == (Status.GAVE_UP, "it has no end yet: hedge has begun")
    assert desk.changes[-1] == ended


def test_restart__trade_has_begun__its_end_is_asked_for_under_its_id(desk: ActionDesk) -> None:
    desk.ports.under_way = True
    asked = request(ActionKind.HEDGE_NOW)
    desk.runner.submit([asked])
    desk.runner.run_due()
    desk.close()
    desk.open()
    desk.ports.under_way = False
    desk.runner.run_due()
    assert statuses(desk)[asked.request_id] is Status.DONE
    assert list(desk.ports.trades) == [asked.request_id]


def test_run_due__stop_that_fails__is_tried_until_it_works(desk: ActionDesk) -> None:
    desk.ports.broken = {"stop"}
    desk.runner.submit([request(ActionKind.STOP_QUOTING)])
    for _ in range(20):
        desk.runner.run_due()
        desk.clock.now_ms += 60_000
    desk.ports.broken.clear()
    desk.runner.run_due()
    assert desk.ports.stopped
    assert set(statuses(desk).values()) == {Status.DONE}


def test_submit__newer_setting__supersedes_the_older(desk: ActionDesk) -> None:
    first, second = request(ActionKind.WIDEN, value=5), request(ActionKind.WIDEN, value=10, at_ms=NOW_MS + 1)
    other = request(ActionKind.SKEW, "WETH", -5)
    desk.runner.submit([first, other, second, request(ActionKind.SKEW, "WBTC", 5)])
    desk.runner.run_due()
    assert statuses(desk)[first.request_id] is Status.SUPERSEDED
    assert desk.ports.spread_bps == 10
    assert desk.ports.skews == {"WETH": -5, "WBTC": 5}


def test_submit__resume_then_stop__never_resumes(desk: ActionDesk) -> None:
    desk.runner.submit(
        [request(ActionKind.RESUME_STEP, "0"), request(ActionKind.STOP_QUOTING, at_ms=NOW_MS + 1)]
    )
    desk.runner.run_due()
    assert desk.ports.calls == [("stop",)]


def test_submit__action_set_to_ask__waits_for_a_person(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite", ask=("unwind_all", "resume_step"))
    unwind = request(ActionKind.UNWIND_ALL)
    desk.runner.submit([unwind, request(ActionKind.RESUME_STEP, "0")])
    assert desk.runner.run_due() == []
    assert [one.status for one in desk.runner.waiting()] == [Status.ASKED, Status.ASKED]
    desk.runner.approve(unwind.request_id, who="risk officer", why="seen")
    desk.runner.run_due()
    assert desk.ports.calls == [("unwind", "*")]
    audit = desk.record.audit([unwind.request_id])
    assert [line.who for line in audit] == ["automatic", "risk officer", "automatic", "automatic"]
    with pytest.raises(InvalidInput, match="expected one that asks"):
        desk.runner.approve(unwind.request_id, who="risk officer")
    desk.close()


def test_submit__question_that_repeats__is_one_question(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite", ask=("unwind_all", "hedge_now"))
    for turn in range(5):
        desk.runner.submit(
            [request(kind, subject, at_ms=NOW_MS + turn) for kind, subject in _ASKED],
        )
    assert sorted(one.at_ms for one in desk.runner.waiting()) == [NOW_MS + 4] * len(_ASKED)
    desk.close()


def test_run_due__kinds__leaves_the_others(desk: ActionDesk) -> None:
    desk.runner.submit([request(ActionKind.HEDGE_NOW), request(ActionKind.STOP_QUOTING)])
    desk.runner.run_due(STANDING)
    assert desk.ports.calls == [("stop",)]
    desk.runner.run_due()
    assert desk.ports.calls == [("stop",), ("hedge", "*")]


def test_decline__command_that_asks__is_never_done(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite", ask=("unwind_all",))
    unwind = request(ActionKind.UNWIND_ALL)
    desk.runner.submit([unwind])
    desk.runner.decline(unwind.request_id, who="risk officer", why="the loss is a wrong price")
    desk.runner.submit([unwind])
    assert desk.runner.run_due() == []
    assert desk.ports.calls == []
    desk.close()


def test_approve__resume_that_a_stop_overtook__is_refused(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite", ask=("resume_step",))
    resume = request(ActionKind.RESUME_STEP, "0")
    desk.runner.submit([resume])
    desk.runner.submit([request(ActionKind.STOP_QUOTING, at_ms=NOW_MS + 1)])
    with pytest.raises(InvalidInput):
        desk.runner.approve(resume.request_id, who="trader")
    desk.close()


def test_runner__unknown_action_in_ask__is_refused(desk: ActionDesk) -> None:
    with pytest.raises(InvalidInput, match="found unwind_everything"):
        ActionRunner(desk.record, {}, clock=desk.clock, ask=("unwind_everything",))


def test_run_due__no_port__gives_up_and_says_so(tmp_path: Path) -> None:
    desk = ActionDesk(tmp_path / "ledger.sqlite")
    runner = ActionRunner(desk.record, executors_of(ActionPorts(quoting=desk.ports)), clock=desk.clock)
    runner.submit([request(ActionKind.CANCEL_ALL)])
    (ended,) = runner.run_due()
    assert ended.status is Status.GAVE_UP
    assert "nothing that could" in ended.detail
    desk.close()


def test_run_due__interrupted_trade_of_long_ago__asks(desk: ActionDesk) -> None:
    trade, stop = request(ActionKind.HEDGE_NOW), request(ActionKind.STOP_QUOTING)
    desk.runner.submit([trade, stop])
    for one in (trade, stop):
        desk.record.start(one.request_id, NOW_MS)
    desk.clock.now_ms += 600_001
    desk.runner.run_due()
    assert desk.ports.calls == [("stop",)]
    assert [one.command_id for one in desk.runner.waiting()] == [trade.request_id]


def test_submit__ledger_is_down__stops_all_the_same_and_writes_later(
    desk: ActionDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise LedgerDown("expected to write, found: disk full")

    stop, hedge = request(ActionKind.STOP_QUOTING), request(ActionKind.HEDGE_NOW)
    with monkeypatch.context() as patched:
        patched.setattr(desk.record, "plan", down)
        assert desk.runner.submit([stop, hedge]) == []
        assert desk.ports.calls == [("stop",)]
        assert "disk full" in (desk.runner.fault or "")
    desk.runner.submit([])
    desk.runner.run_due()
    assert desk.runner.fault is None
    assert set(statuses(desk).values()) == {Status.DONE}
    assert ("hedge", "*") in desk.ports.calls


def test_submit__ledger_is_down__never_resumes(desk: ActionDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise LedgerDown("expected to write, found: disk full")

    monkeypatch.setattr(desk.record, "plan", down)
    desk.runner.submit([request(ActionKind.RESUME_STEP, "0")])
    desk.runner.submit([request(ActionKind.STOP_QUOTING)])
    assert desk.ports.calls == [("stop",)]
    desk.runner.submit([])
    assert ("resume", "0") not in desk.ports.calls


def test_observe__phases__survive_a_restart(desk: ActionDesk) -> None:
    state = PhaseState(phase=Phase.CRITICAL, since_ms=5, seen_ms=7, clear_since_ms=6, step=0, known=True)
    moved = [
        Transition(
            at_ms=NOW_MS,
            name=name,
            key="",
            before=Phase.NORMAL,
            after=Phase.CRITICAL,
            step=0,
            value=97.0,
            detail="x",
        )
        for name in ("uptime_pct", DESK)
    ]
    money = Money(portfolio_usd_e6=5 * 10**12, profit_usd_e6=None)
    desk.record.observe(moved, {("uptime_pct", ""): state}, state, money, NOW_MS)
    desk.close()
    desk.open()
    assert desk.record.phases() == ({("uptime_pct", ""): state}, state)
    (first, _) = desk.record.transitions(NOW_MS, NOW_MS)
    assert first.transition == moved[0]
    assert first.money == money


def test_audit__in_the_file__has_every_step(desk: ActionDesk) -> None:
    desk.runner.submit([request(ActionKind.WIDEN, value=5)])
    desk.runner.run_due()
    with sqlite3.connect(f"file:{desk.path}?mode=ro", uri=True) as reader:
        rows = reader.execute("SELECT status, who FROM actions_audit ORDER BY seq").fetchall()
    assert rows == [("planned", "automatic"), ("started", "automatic"), ("done", "automatic")]


def test_board_quoting__person_and_risk__do_not_lift_each_other(tmp_path: Path) -> None:
    clock = HandClock()
    board = SwitchBoard(tmp_path / "switches.sqlite", clock=clock, resume_after_s=0)
    quoting = BoardQuoting(board, lambda what, value: f"{what} {value}")
    board.pause(EVERYTHING, version=0, who="trader", why="lunch")
    quoting.stop("the desk is critical")
    board.resume(EVERYTHING, version=board.switches.state(EVERYTHING).version, who="trader", why="back")
    assert board.switches.state(EVERYTHING).is_paused
    board.pause(EVERYTHING, version=board.switches.state(EVERYTHING).version, who="trader", why="again")
    quoting.resume("0")
    board.tick()
    assert board.switches.state(EVERYTHING).latched_by == "trader"
    assert board.switches.state(EVERYTHING).causes == {}
    board.close()


def test_signer_stop__one_signer_fails__tries_the_others_and_says_so() -> None:
    tried: list[str] = []

    def stop(signer: str, how: str) -> str:
        tried.append(f"{how} {signer}")
        if signer == "0xa":
            raise ChainError("no ether")
        return "0xhash"

    with pytest.raises(ChainError, match="0xa: no ether"):
        SignerStop(stop, ("0xa", "0xb")).cancel_all()
    assert tried == ["cancel 0xa", "cancel 0xb"]
    assert SignerStop(stop, ("0xb",)).cancel_all() == "voided in 0xhash"


def test_executors__every_action__has_one() -> None:
    assert set(executors_of(action_ports(Ports()))) == set(ActionKind)
