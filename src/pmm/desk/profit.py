"""What transactions of a step of the chain earned and cost, by component, at the prices of now. Pure.

A fill earns its spread: what was taken less what was given. What its transaction changed our wealth by beyond that
is the cost of what it did besides: the premium of a flash loan; the rest is of a hedge inside it, or else a fee.
The components of a transaction sum to what it changed our wealth by, to the millionth of a dollar. A transaction
without a fill that gave one token and brought another is a trade of ours, and what it lost is the slippage of a
hedge; one that only brought or only gave is the owner's, and no profit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pmm.desk.flash_loans import FlashLoan, flash_loans
from pmm.domain import Address, ChainEvent, OrderFilled
from pmm.execution.hedging.transaction_deltas import TransactionDelta, transaction_deltas
from pmm.risk.events import PnlBooked, PnlComponent

_E6_OF_E36 = 10**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Amounts of one transaction; ``event_key`` names it for ever, also where it is mined again elsewhere."""

    event_key: str
    block_time_s: int
    booked: tuple[PnlBooked, ...]
    fills: tuple[OrderFilled, ...]


class ProfitOf:
    """Books transactions. ``symbols`` are the tokens that have one, ``numeraires`` those profit is counted in."""

    def __init__(
        self, accounts: frozenset[Address], symbols: Mapping[Address, str], numeraires: frozenset[Address]
    ) -> None:
        self._accounts, self._symbols, self._numeraires = accounts, symbols, numeraires

    def transactions(
        self, events: Iterable[ChainEvent], prices_e36: Mapping[Address, int], now_ms: int
    ) -> list[Earned]:
        """Return what each earned; a transaction with a token without a price earns nothing that can be said."""
        events = tuple(events)
        loans = flash_loans(events, self._accounts)
        return [
            Earned(
                event_key=event_key(one.key),
                block_time_s=one.place.block.time_s,
                booked=tuple(self._booked(one, loans.get(one.key, ()), prices_e36, now_ms)),
                fills=tuple(one.fills),
            )
            for one in transaction_deltas(events, self._accounts)
            if one.fills or _is_trade(one)
        ]

    def _booked(
        self,
        one: TransactionDelta,
        loans: Iterable[FlashLoan],
        prices_e36: Mapping[Address, int],
        now_ms: int,
    ) -> Iterable[PnlBooked]:
        named = {token for fill in one.fills for token in (fill.maker_asset, fill.taker_asset)}
        moved = {token for token, amount in one.deltas.items() if amount}
        if any(prices_e36.get(token, 0) <= 0 for token in named | moved):
            return
        booked = 0
        for fill in one.fills:
            gain_e36 = (
                fill.taking_amount * prices_e36[fill.taker_asset]
                - fill.making_amount * prices_e36[fill.maker_asset]
            )
            earned = gain_e36 // _E6_OF_E36
            booked += earned
            yield PnlBooked(
                now_ms, self._of((fill.maker_asset, fill.taker_asset)), PnlComponent.SPREAD, earned
            )
        # A fill whose transfers were not ours to see says nothing of what it cost.
        if not one.deltas:
            return
        for loan in loans:
            # Rounded up: a cost. Without a price it stays in what is left.
            cost = -(-loan.premium * prices_e36.get(loan.token, 0) // _E6_OF_E36)
            if cost:
                booked -= cost
                yield PnlBooked(now_ms, self._of(sorted(named or moved)), PnlComponent.FLASH_PREMIUM, -cost)
        edge = sum(one.deltas[token] * prices_e36[token] for token in moved) // _E6_OF_E36
        inside = not one.fills or bool(one.hedged_inside)
        component = PnlComponent.HEDGE_SLIPPAGE if inside else PnlComponent.FEE
        if edge != booked:
            yield PnlBooked(now_ms, self._of(sorted(named or moved)), component, edge - booked)

    def _of(self, tokens: Iterable[Address]) -> str:
        """Return the symbol that profit belongs to: the token that is no numeraire, if there is one."""
        found = list(tokens)
        mine = [token for token in found if token not in self._numeraires] or found
        return self._symbols.get(mine[0], mine[0])


def event_key(key: tuple[bytes, bytes]) -> str:
    """Return a transaction's name: block and transaction hash."""
    return f"{key[0].hex()}:{key[1].hex()}"


def _is_trade(one: TransactionDelta) -> bool:
    return any(amount > 0 for amount in one.deltas.values()) and any(
        amount < 0 for amount in one.deltas.values()
    )
