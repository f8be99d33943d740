"""What each transaction changed our position by: transfers and lending together, over all accounts of ours.

A fill is judged by what its whole transaction did, not by its event: where the maker asset came from a flash swap,
a hook sold what came in, or a loan paid for it, that is in the same transaction, and only what is left is delta.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pmm.domain import (
    Address,
    ChainEvent,
    EventPlace,
    LendingAction,
    LendingChanged,
    OrderFilled,
    TokenMoved,
)

TransactionKey = tuple[bytes, bytes]
"""Block hash and transaction hash."""
_SIGN = {
    LendingAction.SUPPLY: 1,
    LendingAction.WITHDRAW: -1,
    LendingAction.BORROW: -1,
    LendingAction.REPAY: 1,
}


@dataclass(slots=True, kw_only=True)
class TransactionDelta:
    """One transaction in one block: net change per token, base units, and the fills in it."""

    place: EventPlace
    deltas: dict[Address, int] = field(default_factory=dict)
    fills: list[OrderFilled] = field(default_factory=list)

    @property
    def key(self) -> TransactionKey:
        """Block hash and transaction hash."""
        return self.place.block.hash, self.place.transaction_hash

    def add(self, token: Address, amount: int) -> None:
        """Count a change of the position in a token."""
        self.deltas[token] = self.deltas.get(token, 0) + amount

    @property
    def hedged_inside(self) -> frozenset[Address]:
        """Assets of its fills whose delta the transaction itself took back."""
        named = {token for fill in self.fills for token in (fill.maker_asset, fill.taker_asset)}
        return frozenset(token for token in named if not self.deltas.get(token))


def transaction_deltas(
    events: Iterable[ChainEvent], accounts: frozenset[Address]
) -> tuple[TransactionDelta, ...]:
    """Return every transaction's net change of what ``accounts`` hold and owe, in the order of the events.

    A liquidation is no trade of ours: what it moved is for the reconciliation of the book.
    """
    found: dict[tuple[bytes, bytes], TransactionDelta] = {}
    for event in events:
        key = (event.place.block.hash, event.place.transaction_hash)
        one = found.get(key)
        if one is None:
            one = found[key] = TransactionDelta(place=event.place)
        if isinstance(event, OrderFilled):
            one.fills.append(event)
        elif isinstance(event, TokenMoved):
            if event.receiver in accounts:
                one.add(event.token, event.amount)
            if event.sender in accounts:
                one.add(event.token, -event.amount)
        elif isinstance(event, LendingChanged) and event.account in accounts and event.action in _SIGN:
            one.add(event.token, _SIGN[event.action] * event.amount)
    return tuple(found.values())
