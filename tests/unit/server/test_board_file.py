"""The file of a board: private from its first moment, and an error that says which one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pmm.errors import SetupError
from pmm.server.board_file import open_board_file

_SCHEMA = "CREATE TABLE IF NOT EXISTS one (id INTEGER PRIMARY KEY);"


def test_open__new_and_again__is_private_and_synchronous(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "board.sqlite"
    for _ in range(2):
        database = open_board_file(path, _SCHEMA, what="board")
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert database.execute("SELECT * FROM one").fetchall() == []
        database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as one" * 40])
def test_open__no_database__says_which_board_and_where(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "board.sqlite"
    path.write_bytes(content)
    with pytest.raises(
        SetupError, match=r"board: expected a writable SQLite file at .*board.sqlite, found: file"
    ):
        open_board_file(path, _SCHEMA, what="board")
    assert path.read_bytes() == content
