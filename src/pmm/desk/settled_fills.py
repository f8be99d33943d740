"""Fills of a step of the chain in dollars: what they traded and left, and what a flash loan paid of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pmm.desk.profit import event_key
from pmm.domain import Address, ChainEvent, LendingChanged, OrderFilled, TokenMoved
from pmm.execution.hedging.transaction_deltas import TransactionDelta, TransactionKey, transaction_deltas

_E6_OF_E36 = 10**30


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFill:
    """A fill; all amounts are millionths of a US dollar at the prices given.

    Attributes:
        value_usd_e6: of what was given; of what was taken where that has no price, 0 where neither has one.
        edge_usd_e6: what its transaction changed the value of our holdings by; several share it by value.
        funded_usd_e6: what of the value came from a lender or a pool within the transaction.
    """

    fill: OrderFilled
    event_key: str
    value_usd_e6: int
    edge_usd_e6: int
    funded_usd_e6: int

    @property
    def key(self) -> str:
        """Names the fill for ever, in this block."""
        return f"{self.event_key}:{self.fill.place.log_index}"


def settled_fills(
    events: Iterable[ChainEvent], accounts: frozenset[Address], prices_e36: Mapping[Address, int]
) -> list[SettledFill]:
    """Return every fill of whole transactions, in the order of the chain."""
    events = tuple(events)
    moves: dict[TransactionKey, list[TokenMoved]] = {}
    lent: set[tuple[TransactionKey, Address]] = set()
    for event in events:
        key = (event.place.block.hash, event.place.transaction_hash)
        if isinstance(event, TokenMoved):
            moves.setdefault(key, []).append(event)
        elif isinstance(event, LendingChanged):
            lent.add((key, event.token))

    def usd(token: Address, amount: int) -> int:
        return amount * prices_e36.get(token, 0) // _E6_OF_E36

    found: list[SettledFill] = []
    for one in transaction_deltas(events, accounts):
        values = [
            usd(fill.maker_asset, fill.making_amount) or usd(fill.taker_asset, fill.taking_amount)
            for fill in one.fills
        ]
        edge = _edge_usd_e6(one, prices_e36) if one.fills else 0
        for fill, value in zip(one.fills, values, strict=True):
            # Our own lending account's money is no flash loan.
            supplied = (one.key, fill.maker_asset) in lent
            funded = 0 if supplied else _funded(fill, moves.get(one.key, ()), accounts)
            found.append(
                SettledFill(
                    fill=fill,
                    event_key=event_key(one.key),
                    value_usd_e6=value,
                    edge_usd_e6=edge * value // sum(values) if sum(values) else 0,
                    funded_usd_e6=value * funded // fill.making_amount if fill.making_amount else 0,
                )
            )
    return found


def _edge_usd_e6(one: TransactionDelta, prices_e36: Mapping[Address, int]) -> int:
    # A fill whose transfers were not ours to see left what it says.
    moved = one.deltas or {
        fill_token: amount
        for fill in one.fills
        for fill_token, amount in (
            (fill.taker_asset, fill.taking_amount),
            (fill.maker_asset, -fill.making_amount),
        )
    }
    return sum(amount * prices_e36.get(token, 0) for token, amount in moved.items()) // _E6_OF_E36


def _funded(fill: OrderFilled, moves: Iterable[TokenMoved], accounts: frozenset[Address]) -> int:
    """Return how much of what a taker got came from others than us, before we paid; base units of the maker asset."""
    came = 0
    for move in moves:
        if move.token != fill.maker_asset or (move.sender in accounts) == (move.receiver in accounts):
            continue
        if move.sender in accounts:
            return min(came, fill.making_amount)
        if move.sender != fill.taker:
            came += move.amount
    # A fill whose payment was not ours to see.
    return 0
