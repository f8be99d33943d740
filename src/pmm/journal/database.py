"""The journal file: private, one writer, checked on opening."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from types import TracebackType

from pmm.errors import InvalidInput, SetupError
from pmm.journal.schema import JOURNAL, DatabaseKind

BUSY_TIMEOUT_S = 0.25


class JournalLock:
    """An exclusive lock beside the journal: two servers on one journal would issue the same nonces."""

    def __init__(self, path: Path, kind: DatabaseKind = JOURNAL) -> None:
        self._path = path.with_name(path.name + ".lock")
        try:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise _unwritable(path, error, kind) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise SetupError(
                f"expected to be the only server on {kind.name} {path}, found another one running; "
                f"stop it or give --{kind.name} another path"
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


def prepare_folder(path: Path, kind: DatabaseKind = JOURNAL) -> None:
    """Create the database's folder; raise SetupError when that is impossible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritable(path, error, kind) from error


def connect_for_writing(path: Path, kind: DatabaseKind = JOURNAL) -> sqlite3.Connection:
    """Open or create a database of this kind, readable by its owner only.

    Every commit is on disk when it returns (WAL, synchronous FULL).
    Raises SetupError when the file cannot be written, InvalidInput when it is something else or another version.
    """
    try:
        # SQLite gives its -wal and -shm files the mode of the main file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise _unwritable(path, error, kind) from error
    try:
        # Somebody else's database stays as it is: our table of facts is the first that is made.
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and not tables & {kind.meta, *kind.beside}:
            raise _something_else(path, f"tables of another program, and no table {kind.meta}", kind)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Nothing is added to a database of another version.
        if kind.meta in tables:
            _check_versions(connection, path, kind)
        connection.executescript(kind.tables)
        for key, version in kind.versions.items():
            connection.execute(f"INSERT OR IGNORE INTO {kind.meta} VALUES (?, ?)", (key, version))  # noqa: S608
    except (sqlite3.NotSupportedError, sqlite3.DatabaseError) as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise _unwritable(path, error, kind) from error
        raise _something_else(path, str(error), kind) from error
    except InvalidInput:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path, kind: DatabaseKind = JOURNAL) -> sqlite3.Connection:
    """Open a database without the right to change it; works beside the process that writes it.

    Raises InvalidInput when there is none, or something else, SetupError when it cannot be read.
    """
    if not path.is_file():
        raise InvalidInput(f"expected a {kind.name} at {path}, found no file; `pmm {kind.writer}` writes one")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    try:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (kind.meta,)).fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise SetupError(f"expected to read the {kind.name} {path}, found: {error}") from error
        raise _something_else(path, str(error), kind) from error
    if not found:
        connection.close()
        raise _something_else(path, f"no table {kind.meta}", kind)
    connection.row_factory = sqlite3.Row
    return connection


def bind_maker(
    connection: sqlite3.Connection, *, chain_id: int, maker: str, path: Path, kind: DatabaseKind = JOURNAL
) -> None:
    """Tie a database to one maker contract; raise InvalidInput when it belongs to another."""
    wanted = f"{chain_id}:{maker}"
    connection.execute(f"INSERT OR IGNORE INTO {kind.meta} VALUES ('maker', ?)", (wanted,))  # noqa: S608
    (found,) = connection.execute(f"SELECT value FROM {kind.meta} WHERE key = 'maker'").fetchone()  # noqa: S608
    if found != wanted:
        raise InvalidInput(
            f"{kind.name} {path}: expected the {kind.name} of settlement {wanted}, found that of {found}; "
            f"give --{kind.name} another path"
        )


def _check_versions(connection: sqlite3.Connection, path: Path, kind: DatabaseKind) -> None:
    found = dict(connection.execute(f"SELECT key, value FROM {kind.meta}").fetchall())  # noqa: S608
    for key, wanted in kind.versions.items():
        if found.get(key, wanted) != wanted:
            raise InvalidInput(
                f"{kind.name} {path}: expected {key.replace('_', ' ')} {wanted}, found {found[key]}; "
                f"give --{kind.name} another path"
            )


def _something_else(path: Path, found: str, kind: DatabaseKind) -> InvalidInput:
    return InvalidInput(
        f"expected a pmm {kind.name} at {path}, found something else ({found}); give --{kind.name} another path"
    )


def _unwritable(path: Path, error: Exception, kind: DatabaseKind) -> SetupError:
    return SetupError(
        f"expected to write the {kind.name} {path}, found: {error}; free space or permissions there, "
        f"or give --{kind.name} another path"
    )
