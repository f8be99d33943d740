"""Legs of hedges that spend what an earlier leg brought: while a quote promises it they wait, and are not failed."""

from __future__ import annotations

from pmm.desk.stock import Stock, StockedSender
from pmm.execution.hedging.ports import Report, ReportState
from pmm.execution.hedging.records import ContractCall
from pmm.venues.operator_transactions import OperatorTransactions


class HedgeTransactions(OperatorTransactions):
    """``OperatorTransactions`` out of a stock.

    A first leg that spends what is promised is refused, and another way is looked for. Behind a loan there is none
    but to sell it or to give it back, and both need it: a refusal would count as a failure, and the third one
    leave the loan to a person. A quote ends by itself.
    """

    def __init__(self, sender: StockedSender, stock: Stock) -> None:
        super().__init__(sender)
        self._stock, self._known = stock, sender.find

    def submit(self, key: str, call: ContractCall) -> Report:
        """Send a call, or say that it was not; raises as the sender."""
        spent = self._stock.spent_by(call.to, call.data)
        if spent is None or _is_first(key) or self._known(f"hedge:{key}") is not None:
            return super().submit(key, call)
        token, amount = spent
        free = self._stock.free(token)
        if amount <= free:
            return super().submit(key, call)
        return Report(state=ReportState.ABSENT, detail=f"waits for {amount} of {token}, {free} are free")


def _is_first(key: str) -> bool:
    """Tell whether a leg (``intent:number:attempt``) is the first of its hedge."""
    return key.split(":")[1] == "0"
