"""Books in memory and in the ledger, changed together: what is noted counts at once and is durable at the commit."""

from __future__ import annotations

from pmm.execution.hedging.accounting import HedgeAccounts
from pmm.execution.hedging.hedge_ledger import Acknowledge, HedgeLedger
from pmm.execution.hedging.records import HedgeBatch


class HedgeBooks:
    """The hedger's books. Nothing may leave the process for what is not committed."""

    def __init__(self, ledger: HedgeLedger) -> None:
        self.ledger = ledger
        self._accounts: HedgeAccounts | None = HedgeAccounts(ledger.load())
        self._noted = HedgeBatch()

    @property
    def accounts(self) -> HedgeAccounts:
        """The books as noted; read from the ledger again after a failure, which raises while it is down."""
        if self._accounts is None:
            self._accounts = HedgeAccounts(self.ledger.load())
        return self._accounts

    def note(self, batch: HedgeBatch) -> None:
        """Let a change count."""
        self.accounts.apply(batch)
        self._noted += batch

    def drop(self) -> None:
        """Forget what was noted: the books are those of the ledger again."""
        self._noted, self._accounts = HedgeBatch(), None

    def commit(self, also: Acknowledge | None = None) -> None:
        """Write what was noted, and what ``also`` writes with it; where that fails, drop it and raise the error."""
        try:
            self.ledger.write(self._noted, also)
        except BaseException:
            self.drop()
            raise
        self._noted = HedgeBatch()
        self.accounts.forget()
