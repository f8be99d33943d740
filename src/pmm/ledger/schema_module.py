"""Tables of one concern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pmm.errors import InvariantViolated
from pmm.journal.schema import JOURNAL, DatabaseKind

_NAMES = re.compile(r"CREATE (?:TABLE|(?:UNIQUE )?INDEX) IF NOT EXISTS (\w+)")
_CREATES = re.compile(r"\bCREATE\b")
_META = """
CREATE TABLE IF NOT EXISTS ledger_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaModule:
    """Tables of one concern, in SQLite's words: ``CREATE TABLE IF NOT EXISTS <name>_... (...) STRICT;``.

    Allowed types: INTEGER (64 bits), TEXT, BLOB; ``seq INTEGER PRIMARY KEY`` is given by the database and rises in
    the order of commits. Raise ``version`` whenever ``tables`` changes in a released version.
    """

    name: str
    version: int
    tables: str

    def __post_init__(self) -> None:
        names = _NAMES.findall(self.tables)
        if len(names) != len(_CREATES.findall(self.tables)) or not all(
            name.startswith(self.name + "_") for name in names
        ):
            raise InvariantViolated(
                f"ledger schema {self.name}: expected CREATE TABLE or INDEX IF NOT EXISTS {self.name}_..., "
                f"found {names}; rename them"
            )


def ledger_kind(modules: Sequence[SchemaModule]) -> DatabaseKind:
    """Return what a database must be to be a ledger with these modules."""
    return DatabaseKind(
        name="ledger",
        meta="ledger_meta",
        tables=_META + "".join(module.tables for module in modules),
        versions={f"{module.name}_schema": str(module.version) for module in modules},
        writer="desk",
        # Not the journal's: both may live in one PostgreSQL database, and admission waits for nobody.
        lock=int.from_bytes(b"pmm.desk", "big") >> 1,
        beside=frozenset({JOURNAL.meta}),
    )
