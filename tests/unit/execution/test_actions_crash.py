"""Kill -9 at every step of a command: nothing is lost, no trade is doubled, a stop is never undone."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from pmm.execution.actions import ActionRecord, ActionRunner, Status, executors_of
from pmm.ledger import open_ledger
from pmm.risk.plans import ActionKind
from tests.helpers.quoting import MAKER
from tests.unit.execution.actions_desk import HandClock, Ports, action_ports, request

STEPS = (
    "before it is planned",
    "planned",
    "before it is started",
    "started",
    "before the effect",
    "after the effect",
    "before it is ended",
    "ended",
)
_REQUESTS = (
    request(ActionKind.STOP_QUOTING),
    request(ActionKind.HEDGE_NOW, "WETH"),
    request(ActionKind.REPAY, "aave"),
)
_RANDOM_KILLS = 15


class Fuse:
    """Ends the process, without a goodbye, at the ``left``-th time that ``step`` is reached."""

    def __init__(self, step: str | None, left: int) -> None:
        self.step, self.left = step, left

    def at(self, step: str) -> None:
        if step == self.step:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Venue(Ports):
    """Effects in files, one line per effect: a trade whose key is there already has none."""

    def __init__(self, folder: Path, fuse: Fuse) -> None:
        super().__init__()
        self._folder, self._fuse = folder, fuse

    def _effect(self, line: str) -> None:
        self._fuse.at("before the effect")
        with (self._folder / "effects").open("a") as file:
            file.write(line + "\n")
        self._fuse.at("after the effect")

    def stop(self, reason: str) -> str:
        self._effect("stop")
        return "stopped"

    def _trade(self, what: str, subject: str, command_id: str) -> str:
        if command_id not in effects(self._folder):
            self._effect(command_id)
        return what


class FusedRecord(ActionRecord):
    """The record with a fuse around every write."""

    fuse: Fuse

    def plan(self, *values, **named):  # type: ignore[no-untyped-def]
        self.fuse.at("before it is planned")
        made = super().plan(*values, **named)
        self.fuse.at("planned")
        return made

    def start(self, *values, **named):  # type: ignore[no-untyped-def]
        self.fuse.at("before it is started")
        made = super().start(*values, **named)
        self.fuse.at("started")
        return made

    def end(self, *values, **named):  # type: ignore[no-untyped-def]
        self.fuse.at("before it is ended")
        made = super().end(*values, **named)
        self.fuse.at("ended")
        return made


def effects(folder: Path) -> list[str]:
    path = folder / "effects"
    return path.read_text().splitlines() if path.exists() else []


def life(folder: Path, fuse: Fuse) -> None:
    """What a desk does from its start: go on with what is open, then ask again for what is wanted."""
    ledger = open_ledger(folder / "ledger.sqlite", chain_id=1, maker=MAKER)
    record = FusedRecord(ledger)
    record.fuse = fuse
    runner = ActionRunner(record, executors_of(action_ports(Venue(folder, fuse))), clock=HandClock())
    runner.run_due()
    runner.submit(_REQUESTS)
    runner.run_due()
    ledger.close()


def live_and_die(folder: Path, step: str, left: int) -> bool:
    """Live in a child that dies at a step; tell whether it did."""
    child = os.fork()
    if child == 0:
        try:
            life(folder, Fuse(step, left))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def check(folder: Path) -> None:
    """After one life to its end everything is done, and every trade once."""
    life(folder, Fuse(None, 0))
    done = effects(folder)
    for trade in _REQUESTS[1:]:
        assert done.count(trade.request_id) == 1
    assert "stop" in done
    ledger = open_ledger(folder / "ledger.sqlite", chain_id=1, maker=MAKER)
    record = ActionRecord(ledger)
    assert {one.status for one in record.commands(0, 2**62)} == {Status.DONE}
    assert len(record.commands(0, 2**62)) == len(_REQUESTS)
    for request_ in _REQUESTS:
        lines = [one.status for one in record.audit([request_.request_id])]
        assert lines[0] is Status.PLANNED
        assert lines[-1] is Status.DONE
        assert lines.count(Status.DONE) == 1
    ledger.close()


@pytest.mark.parametrize("left", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_commands__killed_at_a_step__are_done_once(tmp_path: Path, step: str, left: int) -> None:
    assert live_and_die(tmp_path, step, left)
    check(tmp_path)


def test_commands__killed_again_and_again__are_done_once(tmp_path: Path) -> None:
    choose = random.Random(5)
    died = 0
    for number in range(_RANDOM_KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for _ in range(3):
            died += live_and_die(folder, choose.choice(STEPS), choose.randint(1, 3))
        check(folder)
    assert died > _RANDOM_KILLS


def test_check__venue_without_keys__is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a venue that does not know a command's id trades twice, and the check says so."""
    monkeypatch.setattr(
        Venue, "_trade", lambda self, what, subject, command_id: (self._effect(command_id), what)[1]
    )
    assert live_and_die(tmp_path, "before it is ended", 2)
    with pytest.raises(AssertionError):
        check(tmp_path)
