"""One book over everything the desk holds and owes on chain, kept by events and held against the chain.

It starts from a reading of one block. Events above that block change it, removed ones change it back, each once
whatever comes twice. A position that was adopted from a later reading counts events from there on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pmm.domain import (
    Address,
    BlockRef,
    ChainChange,
    ChainEvent,
    LendingAction,
    LendingChanged,
    OrderFilled,
    TokenMoved,
)
from pmm.execution.book.positions import (
    AccountKind,
    BalanceKey,
    ChainReading,
    LendingKey,
    LendingPosition,
)

Key = BalanceKey | LendingKey
_Change = tuple[Key, int, int]
"""A position, what its balance or supply changes by, what its debt changes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookScope:
    """Which accounts and tokens the book covers."""

    accounts: Mapping[Address, AccountKind]
    tokens: tuple[Address, ...]


@dataclass(slots=True)
class _Applied:
    event: ChainEvent
    changes: tuple[_Change, ...]


@dataclass
class InventoryBook:
    """Balances and lending positions as events make them. One thread."""

    scope: BookScope
    head: BlockRef | None = None
    balances: dict[BalanceKey, int] = field(default_factory=dict)
    lending: dict[LendingKey, LendingPosition] = field(default_factory=dict)
    stale: set[Key] = field(default_factory=set)
    """Positions of which a block below their reading was undone, or that were liquidated: the next reading counts."""
    _since: dict[Key, int] = field(default_factory=dict)
    _applied: dict[tuple[bytes, int], _Applied] = field(default_factory=dict)
    _first: int = 0

    def open(self, reading: ChainReading) -> None:
        """Start, or start again, from what the chain says at one block."""
        self.head, self._first = reading.block, reading.block.number
        self.balances = dict(reading.balances)
        self.lending = {key: _position(reading, key) for key in reading.lending}
        self._since, self._applied, self.stale = {}, {}, set()

    def apply(self, change: ChainChange) -> None:
        """Follow a step of the chain; a step that was followed before changes nothing but the head."""
        for event in change.removed:
            self._undo(event)
        for event in change.added:
            self._do(event)
        self.head = change.head
        settled = [key for key, one in self._applied.items() if self._is_settled(one, change.finalised)]
        for key in settled:
            del self._applied[key]

    def adopt(self, key: Key, reading: ChainReading) -> None:
        """Take a position over from a reading; events of its block and below count no more."""
        if isinstance(key, BalanceKey):
            self.balances[key] = reading.balances[key]
        else:
            self.lending[key] = _position(reading, key)
        self._since[key] = reading.block.number
        self.stale.discard(key)

    def rebase(self, key: LendingKey, reading: ChainReading) -> None:
        """Go on from a mark of a lending position that agrees with the book: interest from now on is from there."""
        self.lending[key] = _position(reading, key)
        self._since[key] = reading.block.number

    def changed_since(self, key: Key, block_number: int) -> tuple[ChainEvent, ...]:
        """Return the events above a block that changed a position."""
        return tuple(
            one.event
            for one in self._applied.values()
            if one.event.place.block.number > block_number
            and any(changed == key for changed, _, _ in one.changes)
        )

    def fills(self) -> tuple[OrderFilled, ...]:
        """Return the fills in blocks that may still be undone."""
        return tuple(one.event for one in self._applied.values() if isinstance(one.event, OrderFilled))

    def since(self, key: Key) -> int:
        """Return the block from which on events count for a position."""
        return self._since.get(key, self._first)

    # ---------------------------------------------------------------------------------------------- internal

    def _do(self, event: ChainEvent) -> None:
        key, number = event.place.key, event.place.block.number
        if key in self._applied:
            return
        changes = self._changes(event)
        counted = tuple(one for one in changes if number > self.since(one[0]))
        # A block at or below the reading that a position started from: either the reading saw it, or it is of a chain
        # that replaced the one that was read. The next reading says which.
        self.stale.update(position for position, _, _ in changes if number <= self.since(position))
        self._applied[key] = _Applied(event, counted)
        for position, first, second in counted:
            self._shift(position, first, second)

    def _is_settled(self, one: _Applied, finalised: int) -> bool:
        """Tell whether an event cannot be undone any more, nor has to explain the next reading of a market."""
        number = one.event.place.block.number
        explains = any(
            key in self.lending and number > self.since(key)
            for key, _, _ in one.changes
            if isinstance(key, LendingKey)
        )
        return number < finalised and not explains

    def _undo(self, event: ChainEvent) -> None:
        known = self._applied.pop(event.place.key, None)
        counted = known.changes if known else ()
        for position, first, second in counted:
            if event.place.block.number > self.since(position):
                self._shift(position, -first, -second)
        # The reading that these positions started from saw a block that is gone.
        self.stale.update(
            position
            for position, _, _ in self._changes(event)
            if event.place.block.number <= self.since(position)
        )

    def _shift(self, key: Key, first: int, second: int) -> None:
        if isinstance(key, BalanceKey):
            self.balances[key] = self.balances.get(key, 0) + first
            return
        position = self.lending.get(key)
        if position is None:
            self.stale.add(key)
            return
        self.lending[key] = replace(
            position,
            supplied_since=position.supplied_since + first,
            owed_since=position.owed_since + second,
        )

    def _changes(self, event: ChainEvent) -> tuple[_Change, ...]:
        if isinstance(event, TokenMoved):
            if event.token not in self.scope.tokens:
                return ()
            found: list[_Change] = []
            if event.sender in self.scope.accounts:
                found.append((BalanceKey(event.sender, event.token), -event.amount, 0))
            if event.receiver in self.scope.accounts:
                found.append((BalanceKey(event.receiver, event.token), event.amount, 0))
            return tuple(found)
        if isinstance(event, LendingChanged) and event.account in self.scope.accounts:
            key = LendingKey(event.market, event.account, event.token)
            if event.action is LendingAction.LIQUIDATION:
                # What it took with its bonus is for the markets to say.
                self.stale.update(one for one in self.lending if one.account == event.account)
                return ()
            signs = {
                LendingAction.SUPPLY: (event.amount, 0),
                LendingAction.WITHDRAW: (-event.amount, 0),
                LendingAction.BORROW: (0, event.amount),
                LendingAction.REPAY: (0, -event.amount),
            }
            return ((key, *signs[event.action]),)
        return ()


def _position(reading: ChainReading, key: LendingKey) -> LendingPosition:
    mark = reading.lending[key]
    return LendingPosition(supply=mark.supply, debt=mark.debt, read_at_s=reading.block.time_s)
