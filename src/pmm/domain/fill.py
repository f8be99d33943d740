"""A fill of one of our orders, as read back from the chain."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain.tokens import Address, Token
from pmm.domain.words import check_uint


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Amounts are base units that moved; ``settled_by`` is the contract called, 1inch's router or ours."""

    order_hash: bytes
    settled_by: Address
    taker: Address
    maker_asset: Token
    taker_asset: Token
    making_amount: int
    taking_amount: int
    transaction_hash: bytes
    block_number: int
    block_timestamp_s: int

    def __post_init__(self) -> None:
        check_uint(self.making_amount, "makingAmount")
        check_uint(self.taking_amount, "takingAmount")
