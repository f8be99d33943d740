"""The kill switches with their memory: compare-and-set, audit, hysteresis, restart.

One private SQLite file, synchronous FULL, holds the last state of each switch and an audit that takes no update and
no delete. A pause counts at once and is then written; a resume is written first: a full disk can stop quotes, never
start them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmm.errors import PmmError, SetupError
from pmm.execution import Clock
from pmm.execution.kill_switches import KillSwitches, SwitchKey, SwitchLevel, SwitchState
from pmm.server.board_file import open_board_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS switch (level TEXT, name TEXT, version INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (level, name));
CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL,
  why TEXT NOT NULL, level TEXT NOT NULL, name TEXT NOT NULL,
  version INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
  UNIQUE (level, name, version));
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
_AUTOMATIC = "automatic"


class StaleVersion(PmmError):
    """Somebody else changed the switch first; ``state`` is how it stands now."""

    def __init__(self, key: SwitchKey, expected: int, state: SwitchState) -> None:
        super().__init__(
            f"{key}: expected version {expected}, found {state.version} ({state.explain()}); look again, then decide"
        )
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchChange:
    """One line of the audit: who changed what, when, why, from what to what."""

    at_ms: int
    who: str
    why: str
    key: SwitchKey
    before: SwitchState
    after: SwitchState


class SwitchBoard:
    """Changes switches. Thread-safe; ``switches`` is what the desk asks."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        resume_after_s: int,
        on_change: Callable[[SwitchChange], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.resume_after_ms = resume_after_s * 1000
        self.switches = KillSwitches()
        self.fault: str | None = None
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._database = open_board_file(path, _SCHEMA, what="kill switches")
        for level, name, state in self._database.execute("SELECT level, name, state FROM switch"):
            self.switches.put(SwitchKey(SwitchLevel(level), name), _resumed(state, clock.wall_ms()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def pause(self, key: SwitchKey, *, version: int, who: str, why: str) -> SwitchState:
        """Latch a switch by hand; raises StaleVersion, SetupError when it is paused but could not be written."""
        with self._lock:
            before = self._expected(key, version)
            return self._pause(key, before, before.latched(who, why), who=who, why=why)

    def resume(self, key: SwitchKey, *, version: int, who: str, why: str) -> SwitchState:
        """Lift the latch; automatic causes stand. Raises StaleVersion, SetupError when it could not be written."""
        with self._lock:
            before = self._expected(key, version)
            after = before.unlatched()
            self._write(key, before, after, who=who, why=why)
            self.switches.put(key, after)
            return after

    def trip(self, key: SwitchKey, cause: str) -> None:
        """Pause automatically; nothing when the cause is already there. A disk fault does not stop the pause."""
        with self._lock:
            before = self.switches.state(key)
            after = before.tripped(cause)
            if after is not before:
                try:
                    self._pause(key, before, after, who=_AUTOMATIC, why=cause)
                except SetupError as error:
                    self.fault = str(error)

    def latch(self, key: SwitchKey, why: str) -> None:
        """Pause until a person resumes, for what must be looked at first; a disk fault does not stop the pause."""
        with self._lock:
            before = self.switches.state(key)
            if before.latched_by is None:
                try:
                    self._pause(key, before, before.latched(_AUTOMATIC, why), who=_AUTOMATIC, why=why)
                except SetupError as error:
                    self.fault = str(error)

    def clear(self, key: SwitchKey, cause: str) -> None:
        """Say that a cause has gone; it quotes again when it stays gone."""
        self._automatic(key, lambda state, now_ms: state.cleared(cause, now_ms), f"gone: {cause}")

    def tick(self) -> None:
        """Lift the automatic pauses whose causes have been gone for long enough."""
        for key in self.switches.paused:
            self._automatic(
                key, lambda state, now_ms: state.rested(now_ms, self.resume_after_ms), "stayed away"
            )

    def audit(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the last changes, newest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT at_ms, who, why, level, name, version, before, after FROM audit ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        names = ("atMs", "who", "why", "level", "name", "version", "before", "after")
        return [
            {**dict(zip(names, row, strict=True)), "before": json.loads(row[6]), "after": json.loads(row[7])}
            for row in rows
        ]

    def _automatic(self, key: SwitchKey, change: Callable[[SwitchState, int], SwitchState], why: str) -> None:
        with self._lock:
            before = self.switches.state(key)
            after = change(before, self._clock.wall_ms())
            if after is before:
                return
            try:
                self._write(key, before, after, who=_AUTOMATIC, why=why)
            except SetupError as error:
                self.fault = str(error)
                return
            self.switches.put(key, after)

    def _expected(self, key: SwitchKey, version: int) -> SwitchState:
        state = self.switches.state(key)
        if state.version != version:
            raise StaleVersion(key, version, state)
        return state

    def _pause(
        self, key: SwitchKey, before: SwitchState, after: SwitchState, *, who: str, why: str
    ) -> SwitchState:
        self.switches.put(key, after)
        self._write(key, before, after, who=who, why=why)
        return after

    def _write(self, key: SwitchKey, before: SwitchState, after: SwitchState, *, who: str, why: str) -> None:
        now_ms = self._clock.wall_ms()
        place: Sequence[Any] = (key.level.value, key.name, after.version)
        try:
            with self._database:
                self._database.execute(
                    "INSERT INTO audit (at_ms, who, why, level, name, version, before, after)"
                    " VALUES (?,?,?,?,?,?,?,?)",
                    (now_ms, who, why, *place, _json(before), _json(after)),
                )
                self._database.execute(
                    "INSERT OR REPLACE INTO switch VALUES (?,?,?,?)", (*place, _json(after))
                )
        except sqlite3.Error as error:
            raise SetupError(
                f"kill switches: could not write {self.path}: {error}; free space, then change the switch again"
            ) from error
        self.fault = None
        self._on_change(SwitchChange(at_ms=now_ms, who=who, why=why, key=key, before=before, after=after))


def _json(state: SwitchState) -> str:
    return json.dumps(switch_json(state), separators=(",", ":"))


def switch_json(state: SwitchState) -> dict[str, Any]:
    """Return a state as file and API hold it."""
    return {
        "version": state.version,
        "paused": state.is_paused,
        "latchedBy": state.latched_by,
        "reason": state.reason,
        "causes": dict(state.causes),
    }


def _resumed(text: str, now_ms: int) -> SwitchState:
    record = json.loads(text)
    # Whoever saw a cause is gone with the old process: it counts as gone from now, unless it is seen again.
    causes = {cause: now_ms if gone is None else gone for cause, gone in record["causes"].items()}
    return SwitchState(
        version=record["version"], latched_by=record["latchedBy"], reason=record["reason"], causes=causes
    )
