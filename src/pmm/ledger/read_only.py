"""A ledger beside the desk that writes it, for parts that take the desk's own."""

from __future__ import annotations

from contextlib import AbstractContextManager

from pmm.errors import InvariantViolated
from pmm.execution.ledger import LedgerTransaction
from pmm.ledger.reader import LedgerReader


class ReadOnlyLedger:
    """Implements ``DeskLedger``; a transaction is a fault of the program."""

    def __init__(self, reader: LedgerReader) -> None:
        self.read = reader.read

    def transaction(self) -> AbstractContextManager[LedgerTransaction]:
        """Raise InvariantViolated."""
        raise InvariantViolated("ledger: expected reading alone, found a transaction")
