"""The shape of quotes with its memory: compare-and-set, audit, expiry, restart.

A private SQLite file, synchronous FULL, beside that of the kill switches. What can only be in the maker's favour
counts at once and is then written; what lifts it is written first: a full disk can widen quotes, never tighten them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pmm.errors import PmmError, SetupError
from pmm.execution import Clock
from pmm.execution.quote_shaping import (
    NEUTRAL,
    QuoteShaping,
    Setter,
    ShapeKey,
    ShapeKind,
    ShapeState,
    tightens,
)
from pmm.server.board_file import open_board_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS shape (kind TEXT, name TEXT, setter TEXT, version INTEGER NOT NULL, state TEXT NOT NULL,
  PRIMARY KEY (kind, name, setter));
CREATE TABLE IF NOT EXISTS audit (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL,
  why TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, setter TEXT NOT NULL,
  version INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
  UNIQUE (kind, name, setter, version));
CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""
_AUTOMATIC = "automatic"


class StaleShape(PmmError):
    """Somebody else changed the value first; ``state`` is how it stands now."""

    def __init__(self, key: ShapeKey, expected: int, state: ShapeState) -> None:
        super().__init__(
            f"{key}: expected version {expected}, found {state.version} (value {state.value}); look again, then "
            "decide"
        )
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeChange:
    """One line of the audit: who changed what, when, why, from what to what."""

    at_ms: int
    who: str
    why: str
    key: ShapeKey
    before: ShapeState
    after: ShapeState


class ShapeBoard:
    """Changes the shape of quotes. Thread-safe; ``shaping`` is what the desk asks."""

    def __init__(
        self, path: Path, *, clock: Clock, on_change: Callable[[ShapeChange], None] = lambda _: None
    ) -> None:
        self.path = path
        self.fault: str | None = None
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._database = open_board_file(path, _SCHEMA, what="quote shape")
        rows = self._database.execute("SELECT kind, name, setter, state FROM shape")
        self.shaping = QuoteShaping(
            {ShapeKey(ShapeKind(row[0]), row[1], Setter(row[2])): _state(row[3]) for row in rows}
        )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def set(
        self,
        key: ShapeKey,
        value: Decimal,
        *,
        version: int,
        who: str,
        why: str,
        expires_in_s: int | None = None,
    ) -> ShapeState:
        """Set a value; the neutral one clears it.

        Raises StaleShape; SetupError when it could not be written: what widens or cuts counts all the same.
        """
        with self._lock:
            before, now_ms = self.shaping.state(key), self._clock.wall_ms()
            if before.version != version:
                raise StaleShape(key, version, before)
            neutral = value == NEUTRAL[key.kind]
            expires = None if neutral or expires_in_s is None else now_ms + expires_in_s * 1000
            after = before.changed(value, who, why, expires)
            early = tightens(key.kind, before.value, value)
            if early:
                self.shaping.put(key, after)
            self._write(key, before, after, who=who, why=why)
            if not early:
                self.shaping.put(key, after)
            return after

    def tick(self) -> None:
        """Clear what has expired."""
        for key, state in self.shaping.active.items():
            if state.expires_at_ms is not None and self._clock.wall_ms() >= state.expires_at_ms:
                self._expire(key)

    def audit(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the last changes, newest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT at_ms, who, why, kind, name, setter, version, before, after FROM audit"
                " ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        names = ("atMs", "who", "why", "what", "name", "setter", "version", "before", "after")
        return [
            {**dict(zip(names, row, strict=True)), "before": json.loads(row[7]), "after": json.loads(row[8])}
            for row in rows
        ]

    def _expire(self, key: ShapeKey) -> None:
        with self._lock:
            before = self.shaping.state(key)
            if before.expires_at_ms is None or self._clock.wall_ms() < before.expires_at_ms:
                return  # somebody changed it in between
            after = before.changed(NEUTRAL[key.kind], _AUTOMATIC, "expired", None)
            try:
                self._write(key, before, after, who=_AUTOMATIC, why="expired")
            except SetupError:
                return
            self.shaping.put(key, after)

    def _write(self, key: ShapeKey, before: ShapeState, after: ShapeState, *, who: str, why: str) -> None:
        now_ms = self._clock.wall_ms()
        place = (key.kind.value, key.name, key.setter.value, after.version)
        try:
            with self._database:
                self._database.execute(
                    "INSERT INTO audit (at_ms, who, why, kind, name, setter, version, before, after)"
                    " VALUES (?,?,?,?,?,?,?,?,?)",
                    (now_ms, who, why, *place, _json(before), _json(after)),
                )
                self._database.execute(
                    "INSERT OR REPLACE INTO shape VALUES (?,?,?,?,?)", (*place, _json(after))
                )
        except sqlite3.Error as error:
            self.fault = (
                f"quote shape: could not write {self.path}: {error}; free space, then set the value again"
            )
            raise SetupError(self.fault) from error
        self.fault = None
        self._on_change(ShapeChange(at_ms=now_ms, who=who, why=why, key=key, before=before, after=after))


def shape_json(state: ShapeState) -> dict[str, Any]:
    """Return a state as file and API hold it."""
    return {
        "version": state.version,
        "value": format(state.value, "f"),
        "who": state.who,
        "reason": state.reason,
        "expiresAtMs": state.expires_at_ms,
    }


def _json(state: ShapeState) -> str:
    return json.dumps(shape_json(state), separators=(",", ":"))


def _state(text: str) -> ShapeState:
    record = json.loads(text)
    return ShapeState(
        version=record["version"],
        value=Decimal(record["value"]),
        who=record["who"],
        reason=record["reason"],
        expires_at_ms=record["expiresAtMs"],
    )
