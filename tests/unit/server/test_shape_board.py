"""The memory of the shape of quotes: versions, audit, expiry, restart, and what a full disk may do."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput, SetupError
from pmm.execution.quote_shaping import Setter, ShapeKey, ShapeKind, parse_shape
from pmm.pricing import NO_SHAPE, PairPolicy
from pmm.server.shape_board import ShapeBoard, StaleShape
from tests.helpers.quoting import ManualClock

_PAIR = PairPolicy(base=WETH, quote=USDC, gas_asset=WETH)
_SPREAD = ShapeKey(ShapeKind.SPREAD, "*", Setter.PERSON)
_OF_DESK = ShapeKey(ShapeKind.SPREAD, "*", Setter.DESK)
_SIZE = ShapeKey(ShapeKind.SIZE, "WETH/USDC", Setter.DESK)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def _board(path: Path, clock: ManualClock) -> ShapeBoard:
    return ShapeBoard(path / "shape.sqlite", clock=clock)


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> ShapeBoard:
    return _board(tmp_path, clock)


def _widen(board: ShapeBoard, value: str, version: int = 0, key: ShapeKey = _SPREAD) -> None:
    board.set(key, Decimal(value), version=version, who="ada", why="news")


def test_set__then_restart__stands(tmp_path: Path, board: ShapeBoard, clock: ManualClock) -> None:
    _widen(board, "7.5")
    board.set(_SIZE, Decimal(5_000), version=0, who="risk", why="a warning")
    board.close()
    found = _board(tmp_path, clock).shaping.of(_PAIR)
    assert (found.spread_bps, found.size_bps) == (Decimal("7.5"), 5_000)


def test_file__any_value__is_private(board: ShapeBoard) -> None:
    _widen(board, "1")
    assert board.path.stat().st_mode & 0o777 == 0o600


def test_set__stale_version__changes_nothing(board: ShapeBoard) -> None:
    _widen(board, "5")
    with pytest.raises(StaleShape, match="expected version 0, found 1"):
        _widen(board, "0")
    assert board.shaping.of(_PAIR).spread_bps == 5
    assert len(board.audit()) == 1


def test_desk_and_person__side_by_side__the_stricter_counts_and_neither_lifts_the_other(
    board: ShapeBoard,
) -> None:
    _widen(board, "10")
    _widen(board, "5", key=_OF_DESK)
    assert board.shaping.of(_PAIR).spread_bps == 10
    _widen(board, "0", version=1, key=_OF_DESK)
    assert board.shaping.of(_PAIR).spread_bps == 10
    _widen(board, "0", version=1)
    assert board.shaping.of(_PAIR) is NO_SHAPE


def test_expiry__passes__is_neutral_again_and_audited(
    tmp_path: Path, board: ShapeBoard, clock: ManualClock
) -> None:
    board.set(_SPREAD, Decimal(5), version=0, who="ada", why="news", expires_in_s=60)
    clock.now_s = 59
    board.tick()
    assert board.shaping.of(_PAIR).spread_bps == 5
    board.close()
    again = _board(tmp_path, clock)
    clock.now_s = 60
    again.tick()
    assert again.shaping.of(_PAIR) is NO_SHAPE
    newest = again.audit()[0]
    assert (newest["who"], newest["why"], newest["version"]) == ("automatic", "expired", 2)


def test_disk_full__widening_counts_and_lifting_does_not(board: ShapeBoard) -> None:
    _widen(board, "5")
    board._database.execute("PRAGMA query_only = ON")
    with pytest.raises(SetupError, match="free space"):
        _widen(board, "9", version=1)
    assert board.shaping.of(_PAIR).spread_bps == 9
    with pytest.raises(SetupError, match="free space"):
        _widen(board, "0", version=2)
    assert board.shaping.of(_PAIR).spread_bps == 9


def test_audit__any_change__takes_no_update(board: ShapeBoard) -> None:
    _widen(board, "5")
    with pytest.raises(sqlite3.Error, match="append-only"):
        board._database.execute("DELETE FROM audit")


def test_skew__of_base_and_quote__is_the_difference(board: ShapeBoard) -> None:
    board.set(ShapeKey(ShapeKind.SKEW, "WETH", Setter.DESK), Decimal(-5), version=0, who="r", why="long")
    board.set(ShapeKey(ShapeKind.SKEW, "USDC", Setter.DESK), Decimal(2), version=0, who="r", why="short")
    assert board.shaping.of(_PAIR).base_skew_bps == -7
    board.set(ShapeKey(ShapeKind.SKEW, "WETH", Setter.PERSON), Decimal(1), version=0, who="ada", why="mine")
    assert board.shaping.of(_PAIR).base_skew_bps == -1


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("spread", "*", "-1"),
        ("spread", "WETH", "1"),
        ("spread", "*", "1.0000001"),
        ("size", "*", "0"),
        ("size", "*", "10001"),
        ("size", "*", "99.5"),
        ("skew", "*", "5"),
        ("skew", "NOPE", "5"),
        ("source", "chainlink", "1"),
        ("source", "pools", "1"),
        ("source", "*", "1"),
        ("source", "coingecko", "2"),
        ("speed", "*", "1"),
        ("spread", "*", "NaN"),
    ],
)
def test_parse__not_in_the_makers_favour_or_unknown__is_refused(kind: str, name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=r"expected|unknown token"):
        parse_shape(kind, name, "person", value)
