"""What the journal's file promises by itself."""

import sqlite3
from pathlib import Path

import pytest

from pmm.journal.database import connect_for_writing


def test_connect_for_writing__any_file__syncs_every_commit_to_disk(tmp_path: Path) -> None:
    connection = connect_for_writing(tmp_path / "journal.sqlite")
    full, wal = 2, "wal"
    assert connection.execute("PRAGMA synchronous").fetchone() == (full,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == (wal,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    connection.close()


def test_quotes_table__nonce_issued_twice_in_a_space__is_refused(tmp_path: Path) -> None:
    connection = connect_for_writing(tmp_path / "journal.sqlite")
    insert = (
        "INSERT INTO quotes (quote_id, received_at_ms, relayer, request, decision, detail, losing, nonce_space, "
        "nonce) VALUES (?, 1, '', x'', '', '', '[]', ?, ?)"
    )
    for quote_id, space, nonce in (("a", "one", 5), ("b", "one", 6), ("c", "two", 5), ("d", None, None)):
        connection.execute(insert, (quote_id, space, nonce))
    connection.execute(insert, ("e", None, None))
    with pytest.raises(sqlite3.IntegrityError, match=r"nonce_space, quotes\.nonce"):
        connection.execute(insert, ("f", "one", 5))
    connection.close()
