"""Copies the write-ahead log into the database from a thread of its own, so that no commit waits for it.

SQLite copies the log inside the commit that makes it 1,000 pages long: that quote waits for two more syncs and
thousands of writes. Here a passive checkpoint, which blocks no writer, runs beside the commits. While commits go on
it never reaches the end of the log; when the log has grown to ``_LONG_PAGES`` the writer is asked to copy the few
pages that are left, after which SQLite begins the log anew (https://www.sqlite.org/wal.html#ckpt). Beginning anew
syncs: whoever must not wait for the disk asks :meth:`Checkpointer.leaves_log` first.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Final

import structlog

_LOG = structlog.get_logger()
_EVERY_S: Final = 0.2
_CLOSE_S: Final = 1.5
# A log that was copied to its end begins anew with the next commit, which then waits for a sync more.
_WORTH_ROWS: Final = 1_000
_AT_LEAST_EVERY_S: Final = 5.0
_WORTH_PAGES: Final = 250
_LONG_PAGES: Final = 4_000
_PASSES: Final = 8
# Where the thread does not keep up, commits that wait for the disk copy the log themselves again: 64 MB.
FALLBACK_PAGES: Final = 16_000
# Rows of which the thread has copied nothing: none of theirs is left to an unsynced commit, which copies nothing.
_MOST_ROWS: Final = 5_000
PASSIVE: Final = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpointer:
    """Runs until it is closed; a checkpoint that fails is tried again, and said once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = threading.Event()
        self._log_is_long = threading.Event()
        self._begins_anew = threading.Event()
        # Counted by the writer, which never waits for this thread; that it misses one does no harm.
        self._rows = self._rows_copied = 0
        self._thread = threading.Thread(target=self._run, name="journal-checkpoints", daemon=True)
        self._thread.start()

    def finish_if_long(self, connection: sqlite3.Connection) -> None:
        """Copy what is left of a long log between two transactions of the writer; a failure is left to the thread."""
        self._begins_anew.clear()
        if self._log_is_long.is_set():
            self._log_is_long.clear()
            with contextlib.suppress(sqlite3.Error):
                connection.execute(PASSIVE).fetchall()

    def leaves_log(self) -> bool:
        """Tell whether the next commit only adds to the log; if not, :meth:`finish_if_long` is called before it."""
        keeps_up = self._rows - self._rows_copied < _MOST_ROWS
        return keeps_up and not self._begins_anew.is_set() and not self._log_is_long.is_set()

    def committed(self, rows: int) -> None:
        """Take note of a commit of so many rows."""
        self._rows += rows

    def stop(self) -> None:
        """Begin no checkpoint any more."""
        self._stop.set()

    def close(self) -> None:
        """Stop; waits a moment for a checkpoint that runs."""
        self.stop()
        self._thread.join(timeout=_CLOSE_S)

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        failed = False
        copied_s = 0.0
        try:
            while not self._stop.wait(_EVERY_S):
                rows, now_s = self._rows, time.monotonic()
                if rows - self._rows_copied < _WORTH_ROWS and now_s - copied_s < _AT_LEAST_EVERY_S:
                    continue
                try:
                    # A connection of its own: SQLite shares the log between them.
                    connection = connection or sqlite3.connect(self._path, timeout=0, isolation_level=None)
                    self._copy(connection)
                    self._rows_copied, copied_s, failed = rows, now_s, False
                except sqlite3.Error as error:
                    if not failed:
                        _LOG.warning("journal_checkpoint_failed", error=str(error))
                    failed = True
        finally:
            if connection is not None:
                connection.close()

    def _copy(self, connection: sqlite3.Connection) -> None:
        for _ in range(_PASSES):
            # Without work the pragma costs a few microseconds and no sync.
            _, pages, copied = connection.execute(PASSIVE).fetchone()
            if copied >= pages > 0:
                self._begins_anew.set()
            if pages < _LONG_PAGES:
                return
            # Commits have added to it meanwhile: each pass has less to copy, and takes less time for it.
            if copied >= pages - _WORTH_PAGES:
                self._log_is_long.set()
                return
