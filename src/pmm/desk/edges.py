"""What pricing expected to earn with a quote, and what is left of its fill once the hedge has ended."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from pmm.desk.business_ledger import WaitingFill
from pmm.desk.profit import event_key
from pmm.execution.hedging import IntentState
from pmm.execution.ledger import DeskLedger
from pmm.journal.given_quotes import GivenQuote
from pmm.risk.events import PnlComponent

_E6_OF_WAD: Final = 10**12
_E6_OF_E36: Final = 10**30
_BPS: Final = 10_000
# What the taker pays for what others get: no part of what is left.
_PASSED_ON: Final = ("gas", "funding")
_UNHEDGED_MS: Final = 3_600_000
"""A fill that nobody began to hedge for so long counts with what it brought itself."""
_OF_FILL: Final = (
    "SELECT amount, intent_id FROM hedging_entries "
    "WHERE block_hash = ? AND transaction_hash = ? AND kind = 'fill'"
)
_OF_INTENT: Final = (
    "SELECT e.amount, i.state FROM hedging_intents i JOIN hedging_entries e ON e.intent_id = i.intent_id "
    "WHERE i.intent_id = ?"
)
_LEGS: Final = (
    "SELECT l.block_hash, l.settled_by, s.inclusion FROM hedging_legs l LEFT JOIN sent_transactions s "
    "ON s.intent_key = 'hedge:' || l.leg_key WHERE l.intent_id = ? AND length(l.settled_by) > 0"
)
_COSTS: Final = "SELECT amount_usd_e6 FROM performance_profit WHERE event_key = ? AND component != ?"
_OVER: Final = frozenset({IntentState.DONE, IntentState.FAILED, IntentState.STUCK})


def expected_edge_usd_e6(quote: GivenQuote) -> int:
    """Return the gap between fair and quoted price, less the parts that go to others: gas and funding.

    Of a flash funded quote what its plan was to leave. By the fair value of then; rounded down.
    """
    kept = 1 - quote.total_bps / _BPS
    if kept <= 0:
        return 0
    fair_usd_e6 = Decimal(quote.usd_wad) / _E6_OF_WAD / kept
    if quote.expected_profit is not None:
        return int(fair_usd_e6 * quote.expected_profit / quote.taking_amount)
    share = (quote.total_bps - quote.component_bps(*_PASSED_ON)) / _BPS
    return int(fair_usd_e6 * share)


class RealisedEdges:
    """Reads the hedger's and the sender's books in the ledger.

    Args:
        hedges: whether the strategy hedges at all; where it does not, a fill is judged at once.
    """

    def __init__(self, ledger: DeskLedger, *, hedges: bool) -> None:
        self._ledger, self._patience_ms = ledger, _UNHEDGED_MS if hedges else 0

    def of(self, fill: WaitingFill, native_e36: int, now_ms: int) -> int | None:
        """Return what is left of a fill, millionths of a US dollar; None while a hedge of it is not over.

        Its own edge, less its share of what its hedges lost against the prices of then, and of their gas at the price
        of now. What a strategy carries on, or a failed hedge gave back, is not followed further.
        """
        left = fill.edge_usd_e6
        for amount_text, intent_id in self._ledger.read(_OF_FILL, (fill.block_hash, fill.transaction_hash)):
            amount = int(amount_text)
            if amount == 0:
                continue
            if intent_id is None:
                if now_ms - fill.at_ms < self._patience_ms:
                    return None
                continue
            claimed = self._ledger.read(_OF_INTENT, (intent_id,))
            if any(state not in _OVER for _, state in claimed):
                return None
            whole = sum(abs(int(one)) for one, _ in claimed)
            left += self._cost_usd_e6(intent_id, native_e36) * abs(amount) // whole
        return left

    def _cost_usd_e6(self, intent_id: str, native_e36: int) -> int:
        """Return what an intent's transactions brought, less their gas: below zero where they cost."""
        found = 0
        for block_hash, settled_by, inclusion in self._ledger.read(_LEGS, (intent_id,)):
            key = event_key((bytes(block_hash), bytes(settled_by)))
            rows = self._ledger.read(_COSTS, (key, PnlComponent.GAS.value))
            found += sum(int(row[0]) for row in rows)
            if inclusion is not None:
                paid = json.loads(inclusion)
                # Rounded up: a cost.
                found -= -(-paid["gas_used"] * paid["gas_price_wei"] * native_e36 // _E6_OF_E36)
        return found
