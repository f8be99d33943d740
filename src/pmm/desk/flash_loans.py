"""Loans that a transaction took and gave back, read from its transfers: what their lenders charged. Pure.

A lender hands one of our contracts a token and gets at least as much of it back, within the transaction. The pool of
a flash swap is paid in the other token and charges no premium: its fee is part of the price, and stands in slippage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pmm.domain import Address, ChainEvent, LendingChanged, OrderFilled, TokenMoved
from pmm.execution.hedging.transaction_deltas import TransactionKey

_DEAREST_BPS: Final = 100
"""Highest fee tier of Uniswap V3's flash; Aave asks 5. Somebody who gave us one unit and took a fill is no lender."""
_BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashLoan:
    """Base units of a token; ``premium`` is what was given back beyond ``amount``."""

    token: Address
    amount: int
    premium: int


def flash_loans(
    events: Iterable[ChainEvent], accounts: frozenset[Address]
) -> Mapping[TransactionKey, tuple[FlashLoan, ...]]:
    """Return the loans of each transaction that had any.

    A token of which the transaction moved a lending position is left out: what came from that market and went back
    is supply and debt.
    """
    transfers: dict[TransactionKey, dict[tuple[Address, Address, Address], list[int]]] = {}
    positions: set[tuple[TransactionKey, Address]] = set()
    takers: set[tuple[TransactionKey, Address]] = set()
    for event in events:
        key = (event.place.block.hash, event.place.transaction_hash)
        if isinstance(event, OrderFilled):
            takers.add((key, event.taker))
        elif isinstance(event, LendingChanged):
            positions.add((key, event.token))
        elif isinstance(event, TokenMoved):
            came = event.receiver in accounts
            if came == (event.sender in accounts):
                continue
            ours, other = (event.receiver, event.sender) if came else (event.sender, event.receiver)
            seen = transfers.setdefault(key, {}).setdefault((other, ours, event.token), [0, 0])
            if came:
                seen[0] += event.amount
            elif seen[0]:
                # What we gave before anything came was no loan's return.
                seen[1] += event.amount
    found: dict[TransactionKey, tuple[FlashLoan, ...]] = {}
    for key, ways in transfers.items():
        loans = tuple(
            FlashLoan(token=token, amount=came, premium=went - came)
            for (other, _, token), (came, went) in ways.items()
            if (key, token) not in positions
            and (key, other) not in takers
            and 0 < came <= went
            and (went - came) * _BPS <= came * _DEAREST_BPS
        )
        if loans:
            found[key] = loans
    return found
