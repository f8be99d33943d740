"""Moves of WETH that no ``Transfer`` tells of: WETH wraps and unwraps by ``Deposit`` and ``Withdrawal``.

A taker who pays or wants ether leaves no transfer of WETH at our contract, only the fill's own event; Compound's cETH
takes and gives ether, which the lending account wraps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pmm.domain import (
    ZERO_ADDRESS,
    Address,
    ChainEvent,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    TokenMoved,
)

_AFTER_ALL_LOGS = 1 << 32
_LEAVES = (LendingAction.SUPPLY, LendingAction.REPAY)
_COMES = (LendingAction.WITHDRAW, LendingAction.BORROW)


def with_wrapped_legs(
    events: Iterable[ChainEvent], *, native: Address, settlement: Address
) -> tuple[ChainEvent, ...]:
    """Return the events and, behind each that needs it, the move of WETH that no log tells of.

    * A fill in which WETH was to come in and none came: the taker paid ether.
    * A fill in which WETH was to go out and none went, though all of the taker asset came in: the taker got ether.
      Where flash funds paid, the pool takes part of the taker asset, so that less of it comes in.
    * A change on Compound of which the lending account's WETH shows nothing.

    Told of a move by a log, it adds nothing.
    """
    found = tuple(events)
    moves = _moves(found)

    def moved(event: ChainEvent, token: Address, account: Address, comes: bool) -> list[int]:
        return moves.get((event.place.block.hash, event.place.transaction_hash, token, account, comes), [])

    result: list[ChainEvent] = []
    for event in found:
        result.append(event)
        if isinstance(event, OrderFilled):
            came = sum(moved(event, event.taker_asset, settlement, True))
            went = sum(moved(event, event.maker_asset, settlement, False))
            if event.taker_asset == native and came == 0 and went >= event.making_amount:
                result.append(_move(event, native, ZERO_ADDRESS, settlement, event.taking_amount))
            elif event.maker_asset == native and went == 0 and came >= event.taking_amount:
                result.append(_move(event, native, settlement, ZERO_ADDRESS, event.making_amount))
        elif isinstance(event, LendingChanged) and event.market is LendingMarket.COMPOUND_V2:
            account, amount = event.account, event.amount
            if event.token != native:
                continue
            if event.action in _LEAVES and amount not in moved(event, native, account, False):
                result.append(_move(event, native, account, ZERO_ADDRESS, amount))
            elif event.action in _COMES and amount not in moved(event, native, account, True):
                result.append(_move(event, native, ZERO_ADDRESS, account, amount))
    return tuple(result)


_Moves = dict[tuple[bytes, bytes, Address, Address, bool], list[int]]


def _moves(events: Iterable[ChainEvent]) -> _Moves:
    """Return amounts by block, transaction, token, account, and whether they came."""
    found: _Moves = {}
    for event in events:
        if isinstance(event, TokenMoved):
            where = (event.place.block.hash, event.place.transaction_hash, event.token)
            found.setdefault((*where, event.receiver, True), []).append(event.amount)
            found.setdefault((*where, event.sender, False), []).append(event.amount)
    return found


def _move(
    of: OrderFilled | LendingChanged, token: Address, sender: Address, receiver: Address, amount: int
) -> TokenMoved:
    # A name of its own: the event's, behind every log a block can have.
    place = replace(of.place, log_index=of.place.log_index + _AFTER_ALL_LOGS)
    return TokenMoved(place=place, token=token, sender=sender, receiver=receiver, amount=amount)
