"""Canonical events for consumers, each with a place of its own that moves in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pmm.chain.indexer.event_text import from_text
from pmm.domain import BlockRef, ChainChange, ChainEvent, EventPlace
from pmm.execution.ledger import LedgerRow, LedgerTransaction

_MOST_STEPS = 10_000
_HEAD = (
    "SELECT b.number, b.hash, b.parent_hash, b.time_s, c.finalised FROM chain_cursor c "
    "JOIN chain_blocks b ON b.hash = c.head_hash"
)
_SEEN = "SELECT seq FROM chain_consumers WHERE name = ?"
_LAST = "SELECT coalesce(max(seq), 0) FROM chain_steps"
_STEPS = (
    "SELECT s.seq, s.joined, b.number, b.hash, b.parent_hash, b.time_s, e.log_index, e.transaction_hash, e.kind, "
    "e.body FROM chain_steps s JOIN chain_events e ON e.block_hash = s.block_hash AND e.log_index = s.log_index "
    "JOIN chain_blocks b ON b.hash = s.block_hash WHERE s.seq > ? ORDER BY s.seq LIMIT ?"
)
_ADVANCE = "INSERT INTO chain_consumers (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What changed since a consumer's place; ``cursor`` is the place after it, ``more`` says that the rest waits."""

    change: ChainChange
    cursor: int
    more: bool


class ChainFeed:
    """Tells a consumer what changed since its place. It holds nothing: all of it is in the ledger.

        with ledger.transaction() as t:
            delivery = feed.pending(t, "hedger")
            if delivery is not None:
                ...  # book delivery.change with t
                feed.acknowledge(t, "hedger", delivery)

    What is booked and the place move together: no event is missed or counted twice, whenever the process dies.
    """

    def __init__(self, *, most_steps: int = _MOST_STEPS) -> None:
        self._most = most_steps

    def pending(self, t: LedgerTransaction, consumer: str) -> Delivery | None:
        """Return what changed, without events that came and went meanwhile; None before the indexer's first step.

        A new consumer starts at the beginning. ``change.head`` is the indexer's, also where ``more`` is True. A block
        comes whole: half of a fill, without its transfers, would look like another one.
        """
        head = t.query(_HEAD)
        if not head:
            return None
        seen = t.query(_SEEN, (consumer,))
        cursor = seen[0][0] if seen else 0
        rows, more = self._steps(t, cursor)
        removed, added = _net(rows)
        change = ChainChange(removed=removed, added=added, head=_block(head[0][:4]), finalised=head[0][4])
        return Delivery(change=change, cursor=rows[-1][0] if rows else cursor, more=more)

    def _steps(self, t: LedgerTransaction, cursor: int) -> tuple[Sequence[LedgerRow], bool]:
        """Return the steps behind a place, and whether others wait; never a part of a block, and so of a transaction.

        ``most_steps`` at most, except for a single block that has more.
        """
        most = self._most
        while True:
            rows = t.query(_STEPS, (cursor, most + 1))
            if len(rows) <= most:
                return rows, False
            cut = most
            while cut and _of_block(rows[cut - 1]) == _of_block(rows[most]):
                cut -= 1
            if cut:
                return rows[:cut], True
            most *= 2

    def acknowledge(self, t: LedgerTransaction, consumer: str, delivery: Delivery) -> None:
        """Move the consumer's place behind what was delivered, when ``t`` commits."""
        t.execute(_ADVANCE, (consumer, delivery.cursor))

    def skip_to_now(self, t: LedgerTransaction, consumer: str) -> None:
        """Move a consumer behind everything that happened so far, such as one that starts from balances read now."""
        t.execute(_ADVANCE, (consumer, t.query(_LAST)[0][0]))


def _net(rows: Sequence[LedgerRow]) -> tuple[tuple[ChainEvent, ...], tuple[ChainEvent, ...]]:
    """Return what left and what joined between the first and the last step."""
    events: dict[tuple[bytes, int], ChainEvent] = {}
    before: dict[tuple[bytes, int], bool] = {}
    after: dict[tuple[bytes, int], bool] = {}
    for _, joined, number, block_hash, parent, time_s, index, transaction, kind, body in rows:
        key = (bytes(block_hash), index)
        before.setdefault(key, not joined)
        after[key] = bool(joined)
        if key not in events:
            place = EventPlace(
                block=_block((number, block_hash, parent, time_s)),
                transaction_hash=bytes(transaction),
                log_index=index,
            )
            events[key] = from_text(kind, body, place)
    removed = [events[key] for key in events if before[key] and not after[key]]
    added = [events[key] for key in events if after[key] and not before[key]]
    return tuple(sorted(removed, key=_order, reverse=True)), tuple(sorted(added, key=_order))


def _of_block(row: LedgerRow) -> tuple[int, bytes]:
    """Return whether a step's block joined or left, and which it is."""
    return row[1], bytes(row[3])


def _order(event: ChainEvent) -> tuple[int, int]:
    return event.place.block.number, event.place.log_index


def _block(row: Sequence[Any]) -> BlockRef:
    number, found, parent, time_s = row
    return BlockRef(number=number, hash=bytes(found), parent_hash=bytes(parent), time_s=time_s)
