"""Inventory that the desk may spend in a turn: what it holds, less what is promised, less what is on its way out.

Whoever spends inventory sees one stock before it plans; ``StockedSender`` takes from it what is sent, and refuses
what it no longer holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from eth_abi.exceptions import DecodingError

from pmm.chain.abi import decode_result, selector
from pmm.chain.lending_commands import MOVE
from pmm.chain.sender import (
    Submission,
    TransactionIntent,
    TransactionRecord,
    TransactionSender,
    TransactionState,
)
from pmm.domain import Address, parse_address
from pmm.errors import InvalidInput, SetupError
from pmm.execution.book import ChainReading
from pmm.venues.uniswap import SWAP_INVENTORY

_NOT_MINED = (TransactionState.RECORDED, TransactionState.PENDING, TransactionState.UNKNOWN)
# Token and amount that a call takes out of the settlement contract: the types of its arguments, and their places.
_SPENDING = {
    selector(SWAP_INVENTORY): (("address", "address", "uint256"), 0, 2),
    selector(MOVE): (("address", "uint256"), 0, 1),
}


class Reservations(Protocol):
    """What live quotes promise."""

    def reserved(self, assets: Sequence[Address], *, block_number: int) -> Mapping[Address, int]:
        """Return base units per asset that must stay, for balances of a block; raise SetupError, InvalidInput."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class Stock:
    """The inventory of one settlement contract; one thread. Nothing may be spent before the first :meth:`look`.

    Without ``reservations`` nothing is taken for promised.
    """

    def __init__(self, settlement: Address, reservations: Reservations | None) -> None:
        self.settlement = settlement
        self.trouble = ""
        """Why nothing may be spent; empty while the reservations are known."""
        self._reservations = reservations
        self._held: dict[Address, int] = {}
        self._free: dict[Address, int] = {}

    def look(self, reading: ChainReading, open_records: Iterable[TransactionRecord]) -> None:
        """Count anew at the block of a reading; ``open_records`` are the operator's transactions.

        Where the journal cannot be read all is taken for promised, until it can.
        """
        block = reading.block.number
        self._held = {
            key.token: amount for key, amount in reading.balances.items() if key.account == self.settlement
        }
        self._free, self.trouble = {}, ""
        if self._reservations is None:
            reserved: Mapping[Address, int] = {}
        else:
            try:
                reserved = self._reservations.reserved(tuple(self._held), block_number=block)
            except (SetupError, InvalidInput) as error:
                self.trouble = f"no inventory is spent: {error}"
                return
        leaving = self._leaving(open_records, block)
        self._free = {
            token: max(amount - reserved.get(token, 0) - leaving.get(token, 0), 0)
            for token, amount in self._held.items()
        }

    @property
    def taken(self) -> dict[Address, int]:
        """What may not be spent, base units per token."""
        return {token: amount - self.free(token) for token, amount in self._held.items()}

    def free(self, token: Address) -> int:
        """Return what may be spent now, base units."""
        return self._free.get(token, 0)

    def spare(self, balances: Mapping[Address, int]) -> dict[Address, int]:
        """Return what may be spent of balances of a newer block."""
        return {token: min(amount, self.free(token)) for token, amount in balances.items()}

    def take(self, token: Address, amount: int) -> bool:
        """Take an amount out; return False, and take nothing, where there is less."""
        if amount > self.free(token):
            return False
        self._free[token] = self.free(token) - amount
        return True

    def spent_by(self, to: str, data: bytes) -> tuple[Address, int] | None:
        """Return token and base units that a call takes out of the inventory, None where it takes nothing."""
        layout = _SPENDING.get(data[:4]) if to == self.settlement else None
        if layout is None:
            return None
        types, token, amount = layout
        try:
            values: tuple[Any, ...] = decode_result(types, data[4:])
        except DecodingError as error:
            raise InvalidInput(f"expected a call of the settlement contract, found {error}") from error
        return parse_address(values[token]), int(values[amount])

    def close(self) -> None:
        """Close the journal."""
        if self._reservations is not None:
            self._reservations.close()

    def _leaving(self, records: Iterable[TransactionRecord], block: int) -> dict[Address, int]:
        """Return what the operator's transactions take out that the balances of a block do not show yet."""
        found: dict[Address, int] = {}
        for record in records:
            spent = self.spent_by(record.intent.to, record.intent.data)
            above = record.inclusion is not None and record.inclusion.block_number > block
            if spent is not None and (record.state in _NOT_MINED or above):
                found[spent[0]] = found.get(spent[0], 0) + spent[1]
        return found


class StockedSender(TransactionSender):
    """Sends nothing that spends more than the stock has; what it sends is taken from the stock."""

    def __init__(self, *, stock: Stock, **others: Any) -> None:
        super().__init__(**others)
        self._stock = stock

    def submit(self, intent: TransactionIntent) -> Submission:
        """Send an intent as ``TransactionSender`` does, unless what it spends is promised or spent already."""
        spent = self._stock.spent_by(intent.to, intent.data)
        if spent is None or self.find(intent.key) is not None:
            return super().submit(intent)
        token, amount = spent
        if amount > self._stock.free(token):
            return Submission(
                state=TransactionState.REFUSED,
                detail=f"expected {amount} of {token} that nobody else is to get, found {self._stock.free(token)}"
                + (f"; {self._stock.trouble}" if self._stock.trouble else ""),
            )
        # Before it is sent: where the answer is lost it may be on its way.
        self._stock.take(token, amount)
        return super().submit(intent)
