"""Quotes that may still be filled, read beside the server that writes the journal, with their fill probability."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import orjson

from pmm.domain import Address, RfqOrder
from pmm.execution import CONTRACT_VENUES
from pmm.execution.book import PendingQuote
from pmm.journal.live_journal import LiveJournal

_NEWEST = 4_096
_VENUES = ", ".join(f"'{one.value}'" for one in CONTRACT_VENUES)
# By the primary key: no more than the newest requests are looked at, however long the journal is.
_PENDING = f"""
SELECT newest.order_hash, newest."order",
       (SELECT min(fill_probability_bps) FROM selections WHERE selections.order_hash = newest.order_hash)
FROM (SELECT order_hash, "order", settlement, expiration_s FROM quotes ORDER BY seq DESC LIMIT {_NEWEST}) AS newest
LEFT JOIN outcomes ON outcomes.order_hash = newest.order_hash
WHERE newest.settlement IN ({_VENUES}) AND newest.expiration_s > ?
      AND (outcomes.order_hash IS NULL OR outcomes.block_number > ?)
"""  # noqa: S608 - constants


class PendingQuotes:
    """Reads one journal, as ``LiveJournal`` does. ``unspoken_bps``: fill probability of a quote nobody spoke of."""

    def __init__(self, where: Path | str, *, chain_id: int, maker: Address, unspoken_bps: int) -> None:
        self._journal = LiveJournal(where, chain_id=chain_id, maker=maker)
        self._unspoken_bps = unspoken_bps

    def pending(self, *, at_s: int, block_number: int, filled: Collection[bytes]) -> tuple[PendingQuote, ...]:
        """Return what of the newest 4,096 requests may still be filled as of a block and its time.

        ``filled`` are the orders whose fills the caller's balances show. Raises as ``LiveJournal.look``.
        """
        found: list[PendingQuote] = []
        for order_hash, text, probability in self._journal.look(_PENDING, (at_s, block_number)):
            if bytes(order_hash) in filled:
                continue
            order = RfqOrder.from_dict(orjson.loads(text))
            bps = self._unspoken_bps if probability is None else min(probability, self._unspoken_bps)
            found.append(
                PendingQuote(
                    maker_asset=order.maker_asset,
                    taker_asset=order.taker_asset,
                    making_amount=order.making_amount,
                    taking_amount=order.taking_amount,
                    fill_probability_bps=bps,
                )
            )
        return tuple(found)

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._journal.close()
