"""Where each step of a command is written down: beside the record, and in the audit log where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from pmm.execution.actions.command import Status
from pmm.execution.ledger import DeskLedger, LedgerRow, LedgerTransaction

_MOST_DETAIL: Final = 2_000
"""Characters of an outcome that the chain keeps; the record has all of it."""


class AuditTrail(Protocol):
    """The audit log as commands see it."""

    def append(
        self, transaction: LedgerTransaction, *, at_ms: int, who: str, what: str, body: Mapping[str, Any]
    ) -> Callable[[], None]:
        """Add a line within a transaction; what is returned is called once that is durable."""
        ...


class AuditedWrite:
    """A transaction in which steps of commands are written down."""

    def __init__(self, transaction: LedgerTransaction, trail: AuditTrail | None) -> None:
        self._transaction, self._trail = transaction, trail
        self.durable: list[Callable[[], None]] = []

    def query(self, sql: str, values: Sequence[object] = ()) -> list[LedgerRow]:
        """Return the rows of a statement, which sees what was written before."""
        return self._transaction.query(sql, values)

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """Write."""
        self._transaction.execute(sql, values)

    def audit(self, command_id: str, status: Status, now_ms: int, who: str, detail: str) -> None:
        """Write a step of a command down."""
        self.execute(
            "INSERT INTO actions_audit (at_ms, command_id, status, who, detail) VALUES (?, ?, ?, ?, ?)",
            (now_ms, command_id, status.value, who, detail),
        )
        if self._trail is not None:
            body = {"command": command_id, "status": status.value, "detail": detail[:_MOST_DETAIL]}
            told = self._trail.append(self._transaction, at_ms=now_ms, who=who, what="command", body=body)
            self.durable.append(told)


@contextmanager
def audited(ledger: DeskLedger, trail: AuditTrail | None) -> Iterator[AuditedWrite]:
    """Begin a transaction; once it is durable, tell what was written down. Raises as the ledger's."""
    with ledger.transaction() as transaction:
        write = AuditedWrite(transaction, trail)
        yield write
    for told in write.durable:
        told()
