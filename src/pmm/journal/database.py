"""The journal file: private, one writer, checked on opening."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from types import TracebackType

from pmm.errors import InvalidInput, SetupError
from pmm.journal.schema import SCHEMA_VERSION, TABLES

_BUSY_TIMEOUT_S = 0.25


class JournalLock:
    """An exclusive lock beside the journal: two servers on one journal would issue the same nonces."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise SetupError(
                f"expected to be the only server on journal {path}, found another one running; "
                "stop it or give --journal another path"
            ) from error

    def __enter__(self) -> JournalLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back; the kernel does so too when the process dies."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def prepare_folder(path: Path) -> None:
    """Create the journal's folder; raise SetupError when that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritable(path, error) from error


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create a journal, readable by its owner only.

    Every commit is on disk when it returns (WAL, synchronous FULL).
    Raises SetupError when the file cannot be written, InvalidInput when it is no journal of this version.
    """
    try:
        # SQLite gives its -wal and -shm files the mode of the main file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Nothing is added to a journal of another version.
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            _check_version(connection, path)
        connection.executescript(TABLES)
        _check_version(connection, path)
    except (sqlite3.NotSupportedError, sqlite3.DatabaseError) as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise _unwritable(path, error) from error
        raise InvalidInput(
            f"expected a pmm journal at {path}, found something else ({error}); give --journal another path"
        ) from error
    except InvalidInput:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open a journal without the right to change it; works beside a running server.

    Raises InvalidInput when there is none.
    """
    if not path.is_file():
        raise InvalidInput(f"expected a journal at {path}, found no file; `pmm serve --journal` writes one")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
    connection.row_factory = sqlite3.Row
    return connection


def bind_maker(connection: sqlite3.Connection, *, chain_id: int, maker: str, path: Path) -> None:
    """Tie a journal to one maker contract; raise InvalidInput when it belongs to another."""
    wanted = f"{chain_id}:{maker}"
    connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('maker', ?)", (wanted,))
    (found,) = connection.execute("SELECT value FROM meta WHERE key = 'maker'").fetchone()
    if found != wanted:
        raise InvalidInput(
            f"journal {path}: expected the journal of settlement {wanted}, found that of {found}; "
            "give --journal another path"
        )


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),)
    )
    (found,) = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    if found != str(SCHEMA_VERSION):
        raise InvalidInput(
            f"journal {path}: expected schema version {SCHEMA_VERSION}, found {found}; "
            "give --journal another path"
        )


def _unwritable(path: Path, error: Exception) -> SetupError:
    return SetupError(
        f"expected to write the journal {path}, found: {error}; free space or permissions there, "
        "or give --journal another path"
    )
