"""A trade that was agreed on with a counterparty, as the operator enters it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pmm.domain import ZERO_ADDRESS, Address, Token
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

MOST_TEXT = 100
"""Longest reference and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtcTrade:
    """We give ``making_amount`` of the maker asset and get ``taking_amount`` of the taker asset, base units.

    Attributes:
        reference: name of the trade in the operator's books; entered again, it gives the same order again.
        counterparty: who it is with, in words.
        taker: the one address that may fill it.
        life_s: how long the order may be filled.

    Raises InvalidInput naming what is wrong.
    """

    reference: str
    counterparty: str
    taker: Address
    maker_asset: Token
    taker_asset: Token
    making_amount: int
    taking_amount: int
    life_s: int

    def __post_init__(self) -> None:
        for name, text in (("reference", self.reference), ("counterparty", self.counterparty)):
            if not (0 < len(text) <= MOST_TEXT and text.isascii() and text.isprintable()):
                raise InvalidInput(
                    f"{name}: expected 1 to {MOST_TEXT} printable ASCII characters, found {text[:20]!r}"
                )
        if self.taker == ZERO_ADDRESS:
            raise InvalidInput("taker: expected the counterparty's address, found the zero address")
        if self.maker_asset == self.taker_asset:
            raise InvalidInput(f"trade: expected two assets, found {self.maker_asset.symbol} twice")
        for name, amount in (("makingAmount", self.making_amount), ("takingAmount", self.taking_amount)):
            if check_uint(amount, name) == 0:
                raise InvalidInput(f"{name}: expected at least 1 base unit, found 0")
        if self.life_s < 1:
            raise InvalidInput(f"lifeS: expected at least 1 s, found {self.life_s}")

    def body(self) -> bytes:
        """Return the trade as the journal keeps it: the same trade gives the same bytes."""
        fields = {
            "reference": self.reference,
            "counterparty": self.counterparty,
            "taker": self.taker,
            "makerAsset": self.maker_asset.address,
            "takerAsset": self.taker_asset.address,
            "makingAmount": str(self.making_amount),
            "takingAmount": str(self.taking_amount),
            "lifeS": self.life_s,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
