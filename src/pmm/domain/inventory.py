"""What the settlement contract holds of one asset."""

from __future__ import annotations

from pmm.domain.tokens import Token
from pmm.domain.value_class import value_class
from pmm.domain.words import check_uint, is_uint


@value_class(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Balance on chain and the part of it promised by live quotes, in base units."""

    token: Token
    balance: int
    reserved: int = 0

    def __post_init__(self) -> None:
        # The names are made for a fault only: each quote makes two inventories.
        if not (is_uint(self.balance) and is_uint(self.reserved)):
            check_uint(self.balance, f"balance of {self.token.symbol}")
            check_uint(self.reserved, f"reserved {self.token.symbol}")

    @property
    def free(self) -> int:
        """What a new quote may promise; 0 when a withdrawal left less than live quotes promise."""
        free = self.balance - self.reserved
        return free if free > 0 else 0
