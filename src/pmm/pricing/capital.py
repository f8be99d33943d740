"""Sizes from allocated capital: what one market may promise is the capital over markets and price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import E36

_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class CapitalPolicy:
    """``allocated_usd`` is shared evenly by ``markets`` pairs. Raises InvalidInput unless both are positive."""

    allocated_usd: Decimal
    markets: int

    def __post_init__(self) -> None:
        if self.allocated_usd <= 0 or self.markets < 1:
            raise InvalidInput(
                f"capital: expected a positive sum for at least 1 market, found {self.allocated_usd} USD "
                f"for {self.markets}"
            )


def size_down(policy: CapitalPolicy, *, usd_per_unit_e36: int) -> int:
    """Return base units of an asset that one market may promise: capital / (markets x price), rounded down."""
    usd_wad = int(policy.allocated_usd * _WAD)
    return usd_wad * E36 // (policy.markets * usd_per_unit_e36 * _WAD)
