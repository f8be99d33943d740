"""The indexer's rows in the ledger: each step of the chain is one transaction with the place it leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pmm.chain.indexer.event_text import from_text, to_text
from pmm.domain import BlockRef, ChainChange, ChainEvent, EventPlace
from pmm.errors import InvalidInput, InvariantViolated
from pmm.execution.ledger import DeskLedger, LedgerRow, LedgerTransaction

_NAME = "indexer"
_PLACE = (
    "SELECT b.number, b.hash, b.parent_hash, b.time_s, c.finalised, c.watched FROM chain_cursor c "
    "JOIN chain_blocks b ON b.hash = c.head_hash WHERE c.name = ?"
)
_ABOVE = (
    "SELECT number, hash, parent_hash, time_s FROM chain_blocks WHERE canonical = 1 AND number > ?"
    " ORDER BY number"
)
_KNOWN = "SELECT number, hash FROM chain_blocks WHERE canonical = 1 AND number >= ?"
_EVENTS = (
    "SELECT log_index, transaction_hash, kind, body FROM chain_events WHERE block_hash = ?"
    " ORDER BY log_index DESC"
)
_LEAVE = "UPDATE chain_blocks SET canonical = 0 WHERE hash = ?"
_JOIN = (
    "INSERT INTO chain_blocks (hash, number, parent_hash, time_s, canonical) VALUES (?, ?, ?, ?, 1) "
    "ON CONFLICT (hash) DO UPDATE SET canonical = 1"
)
_ADD_EVENT = (
    "INSERT INTO chain_events (block_hash, log_index, transaction_hash, kind, body) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (block_hash, log_index) DO NOTHING"
)
_ADD_STEP = "INSERT INTO chain_steps (joined, block_hash, log_index) VALUES (?, ?, ?)"
_SET_PLACE = (
    "INSERT INTO chain_cursor (name, head_hash, finalised, watched) VALUES (?, ?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET head_hash = excluded.head_hash, finalised = excluded.finalised, watched = excluded.watched"
)
# Empty blocks that nothing replaces any more are of no use; the head and the finalised block are.
_FORGET = (
    "DELETE FROM chain_blocks WHERE number >= ? AND number < ? "
    "AND NOT EXISTS (SELECT 1 FROM chain_events e WHERE e.block_hash = chain_blocks.hash)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the indexer is: ``finalised`` is the highest block number that is never given up."""

    head: BlockRef
    finalised: int
    watched: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlock:
    """A block that joins the chain, with its events in order."""

    block: BlockRef
    events: tuple[ChainEvent, ...]


class IndexStore:
    """Reads and writes them; raises SetupError while the ledger is down."""

    def __init__(self, ledger: DeskLedger) -> None:
        self._ledger = ledger

    def place(self) -> Place | None:
        """Return how far the indexer is; None before its first step."""
        return _place(self._ledger.read(_PLACE, (_NAME,)))

    def known(self, lowest: int) -> dict[int, bytes]:
        """Return number and hash of the blocks of our chain from ``lowest`` on that are kept."""
        return {number: bytes(found) for number, found in self._ledger.read(_KNOWN, (lowest,))}

    def begin(self, start: BlockRef, watched: str) -> Place:
        """Begin above a block."""
        with self._ledger.transaction() as t:
            if t.query(_PLACE, (_NAME,)):
                raise InvariantViolated("indexer: expected a ledger without a place, found one")
            t.execute(_JOIN, (start.hash, start.number, start.parent_hash, start.time_s))
            t.execute(_SET_PLACE, (_NAME, start.hash, start.number, watched))
        return Place(head=start, finalised=start.number, watched=watched)

    def advance(
        self, before: Place, *, ancestor: int, added: Sequence[NewBlock], head: BlockRef, finalised: int
    ) -> ChainChange:
        """Give up every block above ``ancestor``, add others, and move to ``head``: all of it or nothing.

        Raises InvariantViolated where the place is not the one that the step began at.
        """
        finalised = max(before.finalised, min(finalised, head.number))
        with self._ledger.transaction() as t:
            if _place(t.query(_PLACE, (_NAME,))) != before:
                raise InvariantViolated("indexer: expected to be alone on the ledger, found its place moved")
            removed = self._remove(t, ancestor)
            for one in added:
                _add(t, one)
            t.execute(_JOIN, (head.hash, head.number, head.parent_hash, head.time_s))
            t.execute(_SET_PLACE, (_NAME, head.hash, finalised, before.watched))
            t.execute(_FORGET, (before.finalised, finalised))
        events = tuple(event for one in added for event in one.events)
        return ChainChange(removed=removed, added=events, head=head, finalised=finalised)

    @staticmethod
    def _remove(t: LedgerTransaction, ancestor: int) -> tuple[ChainEvent, ...]:
        removed: list[ChainEvent] = []
        for row in reversed(t.query(_ABOVE, (ancestor,))):
            block = _block(row)
            events = t.query(_EVENTS, (block.hash,))
            t.execute(_LEAVE, (block.hash,))
            for index, transaction, kind, body in events:
                t.execute(_ADD_STEP, (0, block.hash, index))
                place = EventPlace(block=block, transaction_hash=bytes(transaction), log_index=index)
                removed.append(from_text(kind, body, place))
        return tuple(removed)


def _add(t: LedgerTransaction, one: NewBlock) -> None:
    block = one.block
    t.execute(_JOIN, (block.hash, block.number, block.parent_hash, block.time_s))
    for event in one.events:
        place = event.place
        t.execute(_ADD_EVENT, (block.hash, place.log_index, place.transaction_hash, *to_text(event)))
    t.executemany(_ADD_STEP, [(1, block.hash, event.place.log_index) for event in one.events])


def check_watched(place: Place, watched: str) -> None:
    """Raise InvalidInput where the ledger was filled with another watch list."""
    if place.watched != watched:
        raise InvalidInput(
            f"ledger: expected the events of watch list {watched}, found those of {place.watched}; accounts or "
            "tokens changed: give --ledger another path, it is filled from the chain again"
        )


def _place(rows: Sequence[LedgerRow]) -> Place | None:
    if not rows:
        return None
    row = rows[0]
    return Place(head=_block(row[:4]), finalised=row[4], watched=row[5])


def _block(row: Sequence[Any]) -> BlockRef:
    number, found, parent, time_s = row
    return BlockRef(number=number, hash=bytes(found), parent_hash=bytes(parent), time_s=time_s)
