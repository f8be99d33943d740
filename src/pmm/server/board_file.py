"""The private SQLite file of a board that operators change: what it says must outlive a crash."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from pmm.errors import SetupError


def open_board_file(path: Path, schema: str, *, what: str) -> sqlite3.Connection:
    """Open the file, or make it with mode 0600; ``schema`` is run every time, ``what`` begins the error.

    Raises SetupError where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(path, timeout=2.0, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.executescript(schema)
        except sqlite3.Error:
            database.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise SetupError(
            f"{what}: expected a writable SQLite file at {path}, found: {error}; check PMM_SWITCHES_FILE"
        ) from error
    return database
