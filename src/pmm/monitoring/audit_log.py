"""The audit log: who did what, in a chain of hashes in which a changed, removed or inserted entry shows.

``hash = sha256(previous hash | JSON of number, time, who, what, body)``; the first one follows 32 zero bytes.
The construction is that of linked time-stamping: S. Haber, W. S. Stornetta, "How to time-stamp a digital document",
J. Cryptology 3 (1991). A chain that is cut off at its end, or rewritten from some entry on, looks whole by itself:
only a head that somebody else kept tells. Every entry's hash is therefore logged, and the day report prints the head.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from pmm.errors import InvalidInput
from pmm.execution.ledger import LedgerTransaction
from pmm.ledger import Ledger

_LOG = structlog.get_logger()
_FIRST = bytes(32)
_LAST = "SELECT number, hash FROM audit_entries ORDER BY number DESC LIMIT 1"
_ADD = (
    "INSERT INTO audit_entries (number, at_ms, who, what, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ALL = "SELECT number, at_ms, who, what, body, previous, hash FROM audit_entries ORDER BY number"
_MOST_BYTES = 65_536


class AuditWatch(Protocol):
    """Who counts; ``pmm.monitoring.desk.AlertEvents`` does."""

    def audit_recorded(self, *, what: str, entry: int) -> None:
        """A line was added."""

    def audit_checked(self, *, intact: bool, detail: str) -> None:
        """The chain was verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line; ``at_ms`` is unix time, ``body`` JSON without secrets."""

    number: int
    at_ms: int
    who: str
    what: str
    body: str
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the chain found; ``number`` and ``head`` are its last entry, 0 and 32 zero bytes for none."""

    intact: bool
    detail: str
    number: int
    head: bytes


class _Reader(Protocol):
    def read(self, sql: str, values: tuple[object, ...] = ...) -> list[tuple[Any, ...]]: ...


class AuditLog:
    """Appends to the chain in the desk's ledger."""

    def __init__(self, ledger: Ledger, *, watch: AuditWatch) -> None:
        self._ledger = ledger
        self._watch = watch

    def record(self, *, at_ms: int, who: str, what: str, body: Mapping[str, Any]) -> AuditEntry:
        """Append one line in a transaction of its own; raises as ``append``, and LedgerDown."""
        with self._ledger.transaction() as transaction:
            entry = self.append(transaction, at_ms=at_ms, who=who, what=what, body=body)
        self.recorded(entry)
        return entry

    @staticmethod
    def append(
        transaction: LedgerTransaction, *, at_ms: int, who: str, what: str, body: Mapping[str, Any]
    ) -> AuditEntry:
        """Append within the transaction of what it is about: both or neither. Call ``recorded`` after it.

        Raises InvalidInput for a body that is no JSON, holds a NUL, or is longer than 64 KiB.
        """
        rows = transaction.query(_LAST)
        number, previous = (rows[0][0] + 1, bytes(rows[0][1])) if rows else (1, _FIRST)
        entry = _entry(number, at_ms, who, what, _canonical(body), previous)
        transaction.execute(_ADD, (number, at_ms, who, what, entry.body, previous, entry.hash))
        return entry

    def recorded(self, entry: AuditEntry) -> None:
        """Tell the log and the metrics; the hash in the log is what a forger cannot take back."""
        _LOG.info("audit", number=entry.number, who=entry.who, what=entry.what, hash=entry.hash.hex())
        self._watch.audit_recorded(what=entry.what, entry=entry.number)

    def check(self, witnesses: Mapping[int, bytes] | None = None) -> Verdict:
        """Verify the chain and tell the metrics; see ``verify``."""
        verdict = verify(read_audit(self._ledger), witnesses)
        self._watch.audit_checked(intact=verdict.intact, detail=verdict.detail)
        return verdict


def read_audit(ledger: _Reader) -> list[AuditEntry]:
    """Return all entries in order; a ``Ledger`` or a ``LedgerReader`` will do."""
    return [
        AuditEntry(
            number=number,
            at_ms=at_ms,
            who=who,
            what=what,
            body=body,
            previous=bytes(previous),
            hash=bytes(found),
        )
        for number, at_ms, who, what, body, previous, found in ledger.read(_ALL)
    ]


def verify(entries: Iterable[AuditEntry], witnesses: Mapping[int, bytes] | None = None) -> Verdict:
    """Return whether the chain holds and agrees with ``witnesses``, hashes by number that were kept elsewhere."""
    number, head = 0, _FIRST
    left = dict(witnesses or {})
    for entry in entries:
        expected = number + 1
        fault = ""
        if entry.number != expected:
            fault = f"entry {expected} is missing, found {entry.number}"
        elif entry.previous != head:
            fault = f"entry {entry.number} does not follow the one before it"
        elif (
            _entry(entry.number, entry.at_ms, entry.who, entry.what, entry.body, entry.previous).hash
            != entry.hash
        ):
            fault = f"entry {entry.number} was changed"
        elif left.pop(entry.number, entry.hash) != entry.hash:
            fault = f"entry {entry.number} is not the one that its witness saw"
        if fault:
            return Verdict(intact=False, detail=fault, number=number, head=head)
        number, head = entry.number, entry.hash
    if left:
        detail = f"entry {max(left)} was seen by a witness and is gone"
        return Verdict(intact=False, detail=detail, number=number, head=head)
    return Verdict(intact=True, detail=f"{number} entries", number=number, head=head)


def _entry(number: int, at_ms: int, who: str, what: str, body: str, previous: bytes) -> AuditEntry:
    content = json.dumps([number, at_ms, who, what, body], ensure_ascii=True, separators=(",", ":"))
    digest = hashlib.sha256(previous + content.encode()).digest()
    return AuditEntry(
        number=number, at_ms=at_ms, who=who, what=what, body=body, previous=previous, hash=digest
    )


def _canonical(body: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(body, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"audit: expected a body of plain JSON values, found {error}") from None
    if len(text) > _MOST_BYTES:
        raise InvalidInput(f"audit: expected a body of at most {_MOST_BYTES} bytes, found {len(text)}")
    return text
