"""The desk's transaction sender as the hedger's port sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from pmm.chain.sender import Submission, TransactionIntent, TransactionRecord, TransactionState
from pmm.domain import Address
from pmm.execution.hedging.ports import Report, ReportState
from pmm.execution.hedging.records import ContractCall

_STATES = {
    TransactionState.REFUSED: ReportState.REFUSED,
    TransactionState.RECORDED: ReportState.PENDING,
    TransactionState.PENDING: ReportState.PENDING,
    TransactionState.UNKNOWN: ReportState.UNKNOWN,
    TransactionState.MINED: ReportState.DONE,
    TransactionState.CONFIRMED: ReportState.DONE,
    TransactionState.REVERTED: ReportState.FAILED,
    TransactionState.CANCELLED: ReportState.FAILED,
    TransactionState.DISPLACED: ReportState.FAILED,
}


class Sender(Protocol):
    """What is used of ``pmm.chain.sender.TransactionSender``."""

    @property
    def address(self) -> Address:
        """The account that it sends from, and the only one whose transactions it follows."""
        ...

    def submit(self, intent: TransactionIntent) -> Submission:
        """Send an intent, once."""
        ...

    def find(self, key: str) -> TransactionRecord | None:
        """Return its record."""
        ...


class OperatorTransactions:
    """Hands contract calls to the sender of the operator's account, whose ``step`` somebody calls once a block.

    The sender's key of a leg is ``hedge:`` and the leg's.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def submit(self, key: str, call: ContractCall) -> Report:
        """Send a call; raises as the sender."""
        intent = TransactionIntent(
            key=f"hedge:{key}",
            purpose=call.purpose,
            to=call.to,
            data=call.data,
            last_block=call.last_block,
            gas_price_cap_wei=call.gas_price_cap_wei,
        )
        found = self._sender.submit(intent)
        if found.record is None:
            return Report(state=_STATES[found.state], detail=found.detail)
        return self._report(found.record)

    def report(self, key: str) -> Report:
        """Return what the sender's record says, ABSENT without one; raises as its store."""
        record = self._sender.find(f"hedge:{key}")
        return Report(state=ReportState.ABSENT) if record is None else self._report(record)

    def _report(self, record: TransactionRecord) -> Report:
        report = _report(record)
        if record.final or record.sender == self._sender.address:
            return report
        why = (
            f"nonce {record.nonce} of {record.sender}, which is not this desk's account: nobody follows it. Give the "
            "desk the key of that account until it is final, or let it be mined"
        )
        return replace(report, state=ReportState.UNKNOWN, detail=why)


def _report(record: TransactionRecord) -> Report:
    state = _STATES[record.state]
    if record.state is TransactionState.MINED and record.inclusion and not record.inclusion.succeeded:
        # Reverted in a block that may still be undone.
        state = ReportState.PENDING
    hashes = tuple(bytes.fromhex(one.transaction_hash[2:]) for one in record.attempts)
    return Report(state=state, references=hashes, detail=record.detail)
