"""What the hedger's legs become as transactions of the operator, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from pmm.chain.sender import Submission, TransactionIntent, TransactionRecord, TransactionState
from pmm.execution.hedging import ContractCall, ReportState
from pmm.venues.operator_transactions import OperatorTransactions
from tests.helpers.hedging import SETTLEMENT


@dataclass
class _Sender:
    """Refuses everything and remembers it."""

    asked: list[TransactionIntent] = field(default_factory=list)

    def submit(self, intent: TransactionIntent) -> Submission:
        self.asked.append(intent)
        return Submission(state=TransactionState.REFUSED, detail="no")

    def find(self, key: str) -> TransactionRecord | None:
        return None


def test_submit__call_with_a_last_block__the_transaction_has_it() -> None:
    sender = _Sender()
    call = ContractCall(to=SETTLEMENT, data=b"\x01", purpose="a hedge", gas_units=1, last_block=7)
    report = OperatorTransactions(sender).submit("a:0:0", call)
    assert report.state is ReportState.REFUSED
    assert [(one.key, one.data, one.last_block) for one in sender.asked] == [("hedge:a:0:0", b"\x01", 7)]
