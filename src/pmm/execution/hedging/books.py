"""Books in memory and in the ledger, changed together: what is noted counts at once and is durable at the commit."""

from __future__ import annotations

from pmm.execution.hedging.accounting import HedgeAccounts
from pmm.execution.hedging.hedge_ledger import Acknowledge, HedgeLedger
from pmm.execution.hedging.records import HedgeBatch


class HedgeBooks:
    """The hedger's books. Nothing may leave the process for what is not committed."""

    def __init__(self, ledger: HedgeLedger) -> None:
        self.ledger = ledger
        self.accounts = HedgeAccounts(ledger.load())
        self._noted = HedgeBatch()

    def note(self, batch: HedgeBatch) -> None:
        """Let a change count."""
        self.accounts.apply(batch)
        self._noted += batch

    def commit(self, also: Acknowledge | None = None) -> None:
        """Write what was noted, and what ``also`` writes with it.

        On failure the books are those of the ledger again, and the error is raised.
        """
        noted, self._noted = self._noted, HedgeBatch()
        try:
            self.ledger.write(noted, also)
        except BaseException:
            self.accounts = HedgeAccounts(self.ledger.load())
            raise
        self.accounts.forget()
