"""The desk's audit log: each step of a command is a line of the chain, looked through now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from pmm.execution.ledger import LedgerTransaction
from pmm.ledger import Ledger
from pmm.monitoring.audit_log import AuditLog, AuditWatch, Verdict

EVERY_MS: Final = 600_000


class DeskAudit:
    """Implements ``AuditTrail``; any thread appends. Looks at once: raises SetupError while the ledger is down."""

    def __init__(self, ledger: Ledger, watch: AuditWatch, *, now_ms: int) -> None:
        self._log, self._looked_ms = AuditLog(ledger, watch=watch), now_ms
        self.verdict: Verdict = self._log.check()
        """What the newest look found."""

    def append(
        self, transaction: LedgerTransaction, *, at_ms: int, who: str, what: str, body: Mapping[str, Any]
    ) -> Callable[[], None]:
        """Add a line within a transaction; what is returned is called once that is durable."""
        entry = self._log.append(transaction, at_ms=at_ms, who=who, what=what, body=body)
        return partial(self._log.recorded, entry)

    def look(self, now_ms: int) -> Verdict:
        """Verify the chain where that is ten minutes ago; raises SetupError while the ledger is down."""
        if now_ms - self._looked_ms >= EVERY_MS:
            self._looked_ms = now_ms
            self.verdict = self._log.check()
        return self.verdict
