"""The memory of the kill switches: versions, audit, restart, hysteresis, and what a full disk may do."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.execution import EVERYTHING, SwitchKey, SwitchLevel
from pmm.server.switch_board import StaleVersion, SwitchBoard, SwitchChange
from tests.helpers.quoting import ManualClock

_PAIR = SwitchKey(SwitchLevel.PAIR, "WETH/USDC")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def _board(path: Path, clock: ManualClock) -> SwitchBoard:
    return SwitchBoard(path / "switches.sqlite", clock=clock, resume_after_s=30)


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> SwitchBoard:
    return _board(tmp_path, clock)


def test_pause__by_hand__stands_after_a_restart(
    tmp_path: Path, board: SwitchBoard, clock: ManualClock
) -> None:
    board.pause(EVERYTHING, version=0, who="ada", why="news")
    board.close()
    again = _board(tmp_path, clock)
    state = again.switches.state(EVERYTHING)
    assert (state.is_paused, state.latched_by, state.reason, state.version) == (True, "ada", "news", 1)
    again.resume(EVERYTHING, version=1, who="bob", why="over")
    assert not again.switches.state(EVERYTHING).is_paused


def test_file__any_switch__is_private(board: SwitchBoard) -> None:
    board.pause(EVERYTHING, version=0, who="ada", why="news")
    assert board.path.stat().st_mode & 0o777 == 0o600


def test_pause__stale_version__changes_nothing(board: SwitchBoard) -> None:
    board.pause(_PAIR, version=0, who="ada", why="news")
    with pytest.raises(StaleVersion, match="expected version 0, found 1"):
        board.resume(_PAIR, version=0, who="bob", why="old page")
    assert board.switches.state(_PAIR).is_paused
    assert len(board.audit()) == 1


def test_pause__many_operators_on_one_version__exactly_one_wins(board: SwitchBoard) -> None:
    barrier, won, lost = threading.Barrier(8), [], []

    def operate(name: str) -> None:
        barrier.wait()
        try:
            board.pause(_PAIR, version=0, who=name, why="race")
            won.append(name)
        except StaleVersion:
            lost.append(name)

    threads = [threading.Thread(target=operate, args=(f"op{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(won), len(lost)) == (1, 7)
    (line,) = board.audit()
    assert line["who"] == won[0]
    assert board.switches.state(_PAIR).version == 1


def test_audit__every_change__says_who_when_why_from_and_to(board: SwitchBoard, clock: ManualClock) -> None:
    board.pause(_PAIR, version=0, who="ada", why="news")
    clock.now_s = 5.0
    board.resume(_PAIR, version=1, who="bob", why="over")
    resumed, paused = board.audit()
    assert (paused["who"], paused["why"], paused["before"]["paused"], paused["after"]["paused"]) == (
        "ada",
        "news",
        False,
        True,
    )
    assert (resumed["who"], resumed["version"], resumed["after"]["paused"]) == ("bob", 2, False)
    assert resumed["atMs"] - paused["atMs"] == 5_000


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET who = 'nobody'"])
def test_audit__altered__is_refused_by_the_file(board: SwitchBoard, statement: str) -> None:
    board.pause(_PAIR, version=0, who="ada", why="news")
    with sqlite3.connect(board.path) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)


def test_trip__cause_that_comes_and_goes__resumes_only_after_a_rest(
    board: SwitchBoard, clock: ManualClock
) -> None:
    board.trip(_PAIR, "feed")
    board.clear(_PAIR, "feed")
    clock.now_s = 29.9
    board.tick()
    assert board.switches.state(_PAIR).is_paused
    board.trip(_PAIR, "feed")
    board.clear(_PAIR, "feed")
    clock.now_s = 31.0
    board.tick()
    assert board.switches.state(_PAIR).is_paused
    clock.now_s = 60.0
    board.tick()
    assert not board.switches.state(_PAIR).is_paused


def test_tick__manual_latch__is_never_lifted(board: SwitchBoard, clock: ManualClock) -> None:
    board.trip(_PAIR, "feed")
    board.pause(_PAIR, version=1, who="ada", why="stay")
    board.clear(_PAIR, "feed")
    clock.now_s = 10_000.0
    board.tick()
    assert board.switches.state(_PAIR).latched_by == "ada"
    assert dict(board.switches.state(_PAIR).causes) == {}


def test_resume__cause_still_there__leaves_it_paused(board: SwitchBoard) -> None:
    board.trip(_PAIR, "feed")
    board.pause(_PAIR, version=1, who="ada", why="stay")
    board.resume(_PAIR, version=2, who="ada", why="go")
    assert board.switches.state(_PAIR).is_paused


def test_restart__automatic_pause__rests_from_the_start_unless_seen_again(
    tmp_path: Path, board: SwitchBoard, clock: ManualClock
) -> None:
    board.trip(_PAIR, "feed")
    board.close()
    clock.now_s = 100.0
    again = _board(tmp_path, clock)
    again.tick()
    assert again.switches.state(_PAIR).is_paused
    clock.now_s = 130.0
    again.tick()
    assert not again.switches.state(_PAIR).is_paused


def test_latch__automatic__waits_for_a_person(board: SwitchBoard, clock: ManualClock) -> None:
    for _ in range(3):
        board.latch(_PAIR, "a signature of another key")
    clock.now_s = 10_000.0
    board.tick()
    state = board.switches.state(_PAIR)
    assert (state.latched_by, state.version) == ("automatic", 1)
    board.resume(_PAIR, version=1, who="ada", why="machine replaced")
    assert not board.switches.state(_PAIR).is_paused


def test_trip__seen_again_and_again__is_written_once(board: SwitchBoard) -> None:
    for _ in range(5):
        board.trip(_PAIR, "feed")
    assert len(board.audit()) == 1


def test_disk__full__stops_but_never_starts(board: SwitchBoard) -> None:
    board.pause(_PAIR, version=0, who="ada", why="news")
    board._database.execute("PRAGMA query_only=ON")
    with pytest.raises(SetupError, match="free space"):
        board.resume(_PAIR, version=1, who="ada", why="go")
    assert board.switches.state(_PAIR).is_paused
    with pytest.raises(SetupError):
        board.pause(EVERYTHING, version=0, who="ada", why="stop")
    assert board.switches.state(EVERYTHING).is_paused
    board.trip(SwitchKey(SwitchLevel.CHAIN, "1"), "feed")
    assert board.switches.state(SwitchKey(SwitchLevel.CHAIN, "1")).is_paused
    assert board.fault is not None


def test_open__no_such_folder_possible__says_what_to_set(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="PMM_SWITCHES_FILE"):
        SwitchBoard(tmp_path / "file" / "switches.sqlite", clock=clock, resume_after_s=1)


def test_open__file_of_something_else__is_refused(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "switches.sqlite"
    path.write_text("not a database, but long enough to look like one" * 20)
    with pytest.raises(SetupError, match="SQLite"):
        SwitchBoard(path, clock=clock, resume_after_s=1)


def test_on_change__each__is_told(tmp_path: Path, clock: ManualClock) -> None:
    seen: list[SwitchChange] = []
    board = SwitchBoard(tmp_path / "s.sqlite", clock=clock, resume_after_s=1, on_change=seen.append)
    board.pause(_PAIR, version=0, who="ada", why="news")
    assert [(change.who, change.after.is_paused) for change in seen] == [("ada", True)]
