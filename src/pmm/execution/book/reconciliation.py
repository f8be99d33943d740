"""The book against the chain, each block: a difference of one base unit is told, with what most likely made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pmm.domain import BlockRef, LendingAction, LendingChanged, TokenMoved
from pmm.execution.book.inventory_book import InventoryBook, Key
from pmm.execution.book.positions import (
    BalanceKey,
    ChainReading,
    IndexedAmount,
    LendingKey,
    PerpKey,
)

_BPS = 10_000
# More than any token that takes a fee takes.
_MOST_FEE_BPS = 2_000


class Cause(StrEnum):
    """Why book and chain differ, as far as can be told from the outside."""

    INTEREST = "interest"
    UNSEEN_TRANSFER = "unseen_transfer"
    FEE_ON_TRANSFER = "fee_on_transfer"
    MISSED_EVENT = "missed_event"
    LIQUIDATION_OR_REORG = "liquidation_or_reorg"
    """A position that was marked stale, and the chain says what it is now."""
    REORG_IN_PROGRESS = "reorg_in_progress"
    """Book and reading are of different branches: nothing is taken over."""
    MISSED_ORDER = "missed_order"
    """An order of a perp venue that our books do not have, or one of ours that the venue never had."""
    NOT_READ = "not_read"
    """The reading does not say: the position is unknown, which is never good."""


class Side(StrEnum):
    """Which number of a position."""

    BALANCE = "balance"
    SUPPLY = "supply"
    DEBT = "debt"
    PERP = "perp"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDifference:
    """One of them: ``booked`` and ``found`` in base units at ``block``."""

    key: Key | PerpKey
    side: Side
    booked: int
    found: int
    cause: Cause
    block: BlockRef
    detail: str = ""

    @property
    def difference(self) -> int:
        """What the chain has more than the book."""
        return self.found - self.booked


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestBooked:
    """Interest that the indexes of the market explain; no alert. Base units, earned positive, paid negative."""

    key: LendingKey
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What one comparison found."""

    block: BlockRef
    differences: tuple[BookDifference, ...] = ()
    interest: tuple[InterestBooked, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether the book equals the chain."""
        return not self.differences


def reconcile(book: InventoryBook, reading: ChainReading) -> Reconciliation:
    """Compare, tell every difference once, and take over what the chain says.

    Nothing is taken over while book and reading stand on different blocks.
    """
    if book.head is None:
        book.open(reading)
        return Reconciliation(block=reading.block)
    if book.head.hash != reading.block.hash:
        return _on_other_block(book, reading)
    found: list[BookDifference] = []
    interest: list[InterestBooked] = []
    for key in sorted(set(book.balances) | set(reading.balances)):
        if key not in reading.balances:
            found.append(_unread(book, key, reading))
            continue
        booked, real = book.balances.get(key, 0), reading.balances[key]
        if booked != real:
            cause, detail = _cause_of(book, key, real - booked)
            found.append(_difference(key, Side.BALANCE, booked, real, cause, reading, detail))
            book.adopt(key, reading)
        book.stale.discard(key)
    found = _paired(found)
    for lending_key in sorted(set(book.lending) | set(reading.lending)):
        if lending_key not in reading.lending:
            found.append(_unread(book, lending_key, reading))
            continue
        differences, earned = _lending(book, lending_key, reading)
        found += differences
        if earned:
            interest.append(InterestBooked(key=lending_key, amount=earned))
    return Reconciliation(block=reading.block, differences=tuple(found), interest=tuple(interest))


def _on_other_block(book: InventoryBook, reading: ChainReading) -> Reconciliation:
    assert book.head is not None
    detail = f"the book is at block {book.head.number}, the reading at {reading.block.number}"
    same_height = book.head.number == reading.block.number
    differences = [
        _difference(
            key, Side.BALANCE, book.balances.get(key, 0), real, Cause.REORG_IN_PROGRESS, reading, detail
        )
        for key, real in reading.balances.items()
        if same_height and book.balances.get(key, 0) != real
    ]
    return Reconciliation(block=reading.block, differences=tuple(differences))


def _lending(book: InventoryBook, key: LendingKey, reading: ChainReading) -> tuple[list[BookDifference], int]:
    mark, position = reading.lending[key], book.lending.get(key)
    if position is None or key in book.stale:
        supplied = owed = 0
        if position is not None:
            supplied = position.supply.amount + position.supplied_since
            owed = position.debt.amount + position.owed_since
        cause = Cause.LIQUIDATION_OR_REORG if key in book.stale else Cause.MISSED_EVENT
        differences = [
            _difference(key, side, was, now.amount, cause, reading)
            for side, was, now in ((Side.SUPPLY, supplied, mark.supply), (Side.DEBT, owed, mark.debt))
            if was != now.amount
        ]
        book.adopt(key, reading)
        return differences, 0
    found: list[BookDifference] = []
    earned = 0
    for side, was, now, since in (
        (Side.SUPPLY, position.supply, mark.supply, position.supplied_since),
        (Side.DEBT, position.debt, mark.debt, position.owed_since),
    ):
        booked = was.amount + since
        moves = _moves(book, key, side)
        if not moves and now.shares is not None and now.shares == was.shares:
            # The market's own sum for unchanged shares: interest to the unit.
            earned += (now.amount - booked) * (1 if side is Side.SUPPLY else -1)
            continue
        low, high = _explained(was, now, moves)
        if (moves or now.shares is None) and low <= now.amount <= high:
            earned += (now.amount - booked) * (1 if side is Side.SUPPLY else -1)
            continue
        cause = Cause.INTEREST if not moves and low <= now.amount <= high else Cause.MISSED_EVENT
        detail = f"{len(moves)} events and the market's index explain {low} to {high}"
        found.append(_difference(key, side, booked, now.amount, cause, reading, detail))
    book.rebase(key, reading)
    return found, earned


_SIGNS = {
    Side.SUPPLY: {LendingAction.SUPPLY: 1, LendingAction.WITHDRAW: -1},
    Side.DEBT: {LendingAction.BORROW: 1, LendingAction.REPAY: -1},
}


def _moves(book: InventoryBook, key: LendingKey, side: Side) -> tuple[int, ...]:
    """Return what events since the last reading changed a side by."""
    events = (one for one in book.changed_since(key, book.since(key)) if isinstance(one, LendingChanged))
    return tuple(_SIGNS[side][one.action] * one.amount for one in events if one.action in _SIGNS[side])


def _explained(was: IndexedAmount, now: IndexedAmount, moves: Sequence[int]) -> tuple[int, int]:
    """Return the least and most that the market's index and the moves let the amount be.

    Each move happened at an index between the two, so that it grew by no more than the whole rise, and rounded once.
    """
    low, high = was.grown_to(now.index)
    for move in moves:
        grown = abs(move) * (now.index - was.index) // was.index + 2 if was.index else abs(move) + 2
        low += move - (grown if move < 0 else 2)
        high += move + (grown if move > 0 else 2)
    return max(low, 0), high


def _cause_of(book: InventoryBook, key: BalanceKey, difference: int) -> tuple[Cause, str]:
    if key in book.stale:
        return Cause.LIQUIDATION_OR_REORG, "a block below its reading was undone"
    events = [one for one in book.changed_since(key, book.since(key)) if isinstance(one, TokenMoved)]
    came = sum(one.amount for one in events if one.receiver == key.account)
    for fill in book.fills():
        legs = {(fill.maker_asset, -fill.making_amount), (fill.taker_asset, fill.taking_amount)}
        if (key.token, difference) in legs:
            return Cause.MISSED_EVENT, f"a leg of fill 0x{fill.order_hash.hex()}"
    if difference < 0 and -difference * _BPS <= came * _MOST_FEE_BPS:
        return Cause.FEE_ON_TRANSFER, f"of {came} that came in"
    return Cause.UNSEEN_TRANSFER, "more than the logs say" if difference > 0 else "less than the logs say"


def _paired(differences: Iterable[BookDifference]) -> list[BookDifference]:
    """Call a move between two accounts of ours, of which the log was missed, by its name."""
    found = list(differences)
    for index, one in enumerate(found):
        for other in found:
            if (
                isinstance(one.key, BalanceKey)
                and isinstance(other.key, BalanceKey)
                and one.key != other.key
                and one.key.token == other.key.token
                and one.difference == -other.difference
                and one.cause is Cause.UNSEEN_TRANSFER
            ):
                account = other.key.account
                found[index] = replace(
                    one, cause=Cause.MISSED_EVENT, detail=f"the other side is at {account}"
                )
    return found


def _unread(book: InventoryBook, key: Key, reading: ChainReading) -> BookDifference:
    booked = book.balances[key] if isinstance(key, BalanceKey) else book.lending[key].supply.amount
    side = Side.BALANCE if isinstance(key, BalanceKey) else Side.SUPPLY
    return _difference(key, side, booked, booked, Cause.NOT_READ, reading)


def _difference(
    key: Key, side: Side, booked: int, found: int, cause: Cause, reading: ChainReading, detail: str = ""
) -> BookDifference:
    return BookDifference(
        key=key, side=side, booked=booked, found=found, cause=cause, block=reading.block, detail=detail
    )
