"""A command that asks is answered through the desk's socket: who and when are in the record, and nobody else may."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pmm.desk.console import MOST_BYTES, DeskConsole, read_line
from pmm.desk.console_client import decide
from pmm.errors import InvalidInput, SetupError
from pmm.execution.actions import Command, Status
from pmm.risk.plans import ActionKind
from tests.unit.execution.actions_desk import ActionDesk, request


@dataclass
class Asked:
    """A desk on which ``unwind_all`` asks, and its door; turns are the test's."""

    desk: ActionDesk
    path: Path

    def approve(self, command_id: str, *, who: str, why: str) -> Command:
        return self.desk.runner.approve(command_id, who=who, why=why)

    def refuse(self, command_id: str, *, who: str, why: str) -> Command:
        return self.desk.runner.decline(command_id, who=who, why=why)

    def statuses(self) -> list[Status]:
        return [one.status for one in self.desk.record.commands(0, 2**62)]


_UNWIND = request(ActionKind.UNWIND_ALL)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    desk = ActionDesk(tmp_path / "ledger.sqlite", ask=("unwind_all", "widen"))
    desk.runner.submit([_UNWIND])
    desk.runner.run_due()
    found = Asked(desk, tmp_path / "desk.sock")
    with closing(DeskConsole(found.path, found)):
        yield found
    desk.close()


def test_approve__waiting_command__is_done_once_and_says_who(asked: Asked) -> None:
    assert asked.desk.ports.trades == {}
    done = decide(asked.path, "approve", _UNWIND.request_id, who="ada", why="loss limit")
    assert done["status"] == "planned"
    asked.desk.runner.run_due()
    asked.desk.runner.run_due()
    assert asked.desk.ports.trades == {_UNWIND.request_id: "unwind"}
    (line,) = [one for one in asked.desk.record.audit([_UNWIND.request_id]) if one.status is Status.PLANNED]
    assert line.who.startswith("ada (user ")
    assert (line.at_ms, line.detail) == (asked.desk.clock.now_ms, "loss limit")
    with pytest.raises(InvalidInput, match="expected one that asks"):
        decide(asked.path, "approve", _UNWIND.request_id, who="bob", why="")


def test_refuse__waiting_command__is_dropped_with_the_reason(asked: Asked) -> None:
    decide(asked.path, "refuse", _UNWIND.request_id, who="", why="the feed lies")
    asked.desk.runner.run_due()
    assert asked.desk.ports.trades == {}
    assert asked.statuses() == [Status.DECLINED]
    last = asked.desk.record.audit([_UNWIND.request_id])[-1]
    assert last.who.startswith("user ")
    assert last.detail == "the feed lies"
    with pytest.raises(InvalidInput, match="expected why"):
        decide(asked.path, "refuse", _UNWIND.request_id, who="", why=" ")


def test_approve__unknown_command__is_refused(asked: Asked) -> None:
    with pytest.raises(InvalidInput, match="nope: expected one that asks"):
        decide(asked.path, "approve", "nope", who="", why="")
    assert asked.statuses() == [Status.ASKED]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"do": "approve"}',
        b'{"do": "stop", "id": "x", "who": "", "why": ""}',
        b'{"do": "approve", "id": 1, "who": "", "why": ""}',
        b'{"do": "approve", "id": "x", "who": "a\\nb", "why": ""}',
        b"x" * (MOST_BYTES + 1),
        b"[" * 4_000,
    ],
)
def test_console__what_is_no_request__gets_an_error_and_changes_nothing(asked: Asked, line: bytes) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(5)
        connection.connect(str(asked.path))
        connection.sendall(line + b"\n")
        assert "console: expected" in json.loads(read_line(connection))["error"]
    assert asked.statuses() == [Status.ASKED]


def test_console__socket__is_private_and_gone_after_the_desk(asked: Asked) -> None:
    assert asked.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SetupError, match="another desk that listens there"):
        DeskConsole(asked.path, asked)


def test_console__left_behind_by_a_killed_desk__is_taken_over(tmp_path: Path, asked: Asked) -> None:
    stale = tmp_path / "stale.sock"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as left:
        left.bind(str(stale))
    with closing(DeskConsole(stale, asked)):
        decide(stale, "approve", _UNWIND.request_id, who="", why="")
    assert not stale.exists()


def test_console__another_user__is_not_heard(tmp_path: Path, asked: Asked) -> None:
    path = tmp_path / "other.sock"
    stranger = os.geteuid() + 12_345
    with (
        closing(DeskConsole(path, asked, peer=lambda _: (stranger, "mallory"))),
        pytest.raises(SetupError, match="expected a desk at"),
    ):
        decide(path, "approve", _UNWIND.request_id, who="", why="")
    assert asked.statuses() == [Status.ASKED]


def test_decide__no_desk__says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="start `pmm desk`"):
        decide(tmp_path / "none.sock", "approve", "x", who="", why="")


def test_console__path_too_long_for_a_socket__names_the_setting(tmp_path: Path, asked: Asked) -> None:
    with pytest.raises(SetupError, match="PMM_DESK_CONSOLE"):
        DeskConsole(tmp_path / ("x" * 120), asked)


@contextmanager
def _expiring(tmp_path: Path, ask: str) -> Iterator[ActionDesk]:
    desk = ActionDesk(tmp_path / "expiring.sqlite", ask=(ask,), ask_expires_ms=60_000)
    yield desk
    desk.close()


def test_ask__trade_that_nobody_answers__expires(tmp_path: Path) -> None:
    with _expiring(tmp_path, "unwind_all") as desk:
        desk.runner.submit([_UNWIND])
        desk.clock.now_ms += 59_999
        desk.runner.run_due()
        assert len(desk.runner.waiting()) == 1
        desk.clock.now_ms += 1
        with pytest.raises(InvalidInput, match="the world has moved on"):
            desk.runner.approve(_UNWIND.request_id, who="ada")
        (expired,) = desk.runner.run_due()
        assert expired.status is Status.DECLINED
        last = desk.record.audit([_UNWIND.request_id])[-1]
        assert (last.who, last.detail) == ("automatic", "nobody answered in time")
        # Its reason lasts: it asks again under another name.
        desk.runner.submit([replace(_UNWIND, request_id="again")])
        assert [one.command_id for one in desk.runner.waiting()] == ["again"]


def test_ask__setting_that_nobody_answers__waits_on(tmp_path: Path) -> None:
    with _expiring(tmp_path, "widen") as desk:
        widen = request(ActionKind.WIDEN, value=5.0)
        desk.runner.submit([widen])
        desk.clock.now_ms += 86_400_000
        desk.runner.run_due()
        desk.runner.approve(widen.request_id, who="ada")
        desk.runner.run_due()
        assert desk.ports.spread_bps == 5.0
