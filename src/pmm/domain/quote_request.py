"""A taker asking for a price."""

from __future__ import annotations

from pmm.domain.tokens import ZERO_ADDRESS, Address, Token
from pmm.domain.value_class import value_class
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteRequest:
    """A request to receive ``maker_asset`` for ``taker_asset``.

    Exactly one of ``making_amount`` (exact output) and ``taking_amount`` (exact input) is set, in base units
    and at least 1. ``taker`` is the address that will call the contract. Raises InvalidInput otherwise.
    """

    request_id: str
    chain_id: int
    maker_asset: Token
    taker_asset: Token
    making_amount: int | None = None
    taking_amount: int | None = None
    taker: Address
    fee_bps: int = 0

    def __post_init__(self) -> None:
        making, taking = self.making_amount, self.taking_amount
        if (making is None) == (taking is None):
            found = "neither" if making is None else "both"
            raise InvalidInput(f"quote request: expected one of makingAmount and takingAmount, found {found}")
        if making is not None and check_uint(making, "makingAmount") == 0:
            raise InvalidInput("makingAmount: expected at least 1 base unit, found 0")
        if taking is not None and check_uint(taking, "takingAmount") == 0:
            raise InvalidInput("takingAmount: expected at least 1 base unit, found 0")
        if self.maker_asset.address == self.taker_asset.address:
            raise InvalidInput(f"quote request: maker and taker asset are both {self.maker_asset.symbol}")
        if self.taker == ZERO_ADDRESS:
            raise InvalidInput("taker: expected an address, found the zero address")
        if not 0 <= self.fee_bps < 10_000:
            raise InvalidInput(f"feeBps: expected 0 to 9999, found {self.fee_bps}")
