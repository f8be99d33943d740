"""Takers' transactions that reverted: no event tells of them, so the blocks themselves are looked through.

A transaction counts that names a quote of ours (its salt, 256 bits that no other order has), was mined before the
quote expired, and failed. Each quote fails at most once: nobody makes the desk look worse than it has quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import structlog

from pmm.domain import Address
from pmm.errors import ChainError

_LOG = structlog.get_logger()
_MOST_A_LOOK: Final = 20
_MOST_BEHIND: Final = 100
"""Older blocks are left out: quotes live for seconds to minutes."""


class BlockNode(Protocol):
    """Whom to ask. ``pmm.chain.rpc.JsonRpc`` fits."""

    def call(self, method: str, *params: Any) -> Any:
        """Call one method; raises ChainError."""
        ...


class FailedSettlements:
    """Looks through each block once. ``place`` is the last one that an earlier process looked through."""

    def __init__(self, node: BlockNode, *, settlement: Address, place: int | None) -> None:
        self._node, self._maker = node, settlement[2:].lower()
        self._settlement = settlement.lower()
        self.place = place
        self._silent = ""

    def look(self, head: int, quotes: Mapping[str, int]) -> list[str]:
        """Return the quotes whose fills failed since the last look, by the hexadecimal text of their salts.

        ``quotes`` are the ends of validity, unix seconds, of those that may be named. A node that fails is asked
        again by the next look.
        """
        place = head if self.place is None else max(self.place, head - _MOST_BEHIND)
        # A reorganisation may leave the head below what was looked through.
        self.place = min(place, head)
        found: list[str] = []
        try:
            for number in range(self.place + 1, min(head, self.place + _MOST_A_LOOK) + 1):
                found += self._failed(number, quotes)
                self.place = number
        except ChainError as error:
            if str(error) != self._silent:
                _LOG.warning("failed_settlements_unknown", why=str(error))
            self._silent = str(error)
            return found
        self._silent = ""
        return found

    def _failed(self, number: int, quotes: Mapping[str, int]) -> list[str]:
        if not quotes:
            return []
        block = self._node.call("eth_getBlockByNumber", hex(number), True)
        if block is None:
            raise ChainError(f"expected block {number}, found none; the node is behind")
        time_s, found = int(block["timestamp"], 16), []
        for one in block["transactions"]:
            text = str(one["input"]).lower()
            if self._maker not in text and str(one["to"]).lower() != self._settlement:
                continue
            named = [salt for salt, until_s in quotes.items() if salt in text and time_s <= until_s]
            if named and self._reverted(one["hash"]):
                found += named
        return found

    def _reverted(self, transaction_hash: str) -> bool:
        receipt = self._node.call("eth_getTransactionReceipt", transaction_hash)
        if receipt is None:
            raise ChainError(f"expected a receipt of {transaction_hash}, found none; the node is behind")
        return int(receipt["status"], 16) == 0
