"""Orders that the server signed, found by their hash beside it."""

from __future__ import annotations

from pathlib import Path

import orjson

from pmm.domain import Address, RfqOrder
from pmm.execution import Settlement
from pmm.journal.given_quotes import GivenQuotes
from pmm.journal.live_journal import LiveJournal

# By the unique index of order hashes. A journal row is written before its signature leaves: whatever can be filled
# is there.
_ORDER = 'SELECT "order" FROM quotes WHERE order_hash = ? AND settlement = ?'


class SignedOrders:
    """Reads one journal, as ``LiveJournal`` does."""

    def __init__(self, where: Path | str, *, chain_id: int, maker: Address) -> None:
        self._journal = LiveJournal(where, chain_id=chain_id, maker=maker)
        self.quotes = GivenQuotes(self._journal)
        """The quotes of the same journal, by the same connection."""

    def find(self, order_hash: bytes, settlement: Settlement) -> RfqOrder | None:
        """Return an order signed for a venue, None where there is none; raises as ``LiveJournal.look``."""
        rows = self._journal.look(_ORDER, (order_hash, settlement.value))
        return RfqOrder.from_dict(orjson.loads(rows[0][0])) if rows else None

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._journal.close()
