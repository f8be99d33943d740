"""What funding one quote costs, part by part; the parts add up exactly."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from pmm.domain.value_class import value_class
from pmm.pricing.components import ComponentName, PriceBreakdown
from pmm.pricing.fixed_point import bps_of_share


class CostName(StrEnum):
    """Parts of the cost. Each is a share of the fair value."""

    GAS = "gas"
    FEE = "fee"
    SLIPPAGE = "slippage"
    INTEREST = "interest"
    FUNDING_RATE = "funding_rate"


_GAS: Final = CostName.GAS
_SLIPPAGE: Final = CostName.SLIPPAGE
_PRICED_GAS: Final = ComponentName.GAS
_SIZE_IMPACT: Final = ComponentName.SIZE_IMPACT


@value_class(frozen=True, slots=True, kw_only=True)
class FundingCost:
    """Cost of a plan as shares of the fair value, scaled by 10**36.

    Attributes:
        parts: what the price holds for us, by name; they add up to the gas, funding and size impact of the price.
        taker_gas_share_e36: gas that the taker pays beyond a plain fill. No part of the price, but of the ranking:
            a taker compares what is left.
    """

    parts: tuple[tuple[CostName, int], ...]
    taker_gas_share_e36: int = 0

    @property
    def total_share_e36(self) -> int:
        """Sum of the parts, exactly."""
        return sum(share for _, share in self.parts)

    @property
    def total_bps(self) -> Decimal:
        """Sum of the parts in basis points, exactly."""
        return bps_of_share(self.total_share_e36)


def cost_of(
    breakdown: PriceBreakdown,
    *,
    funding: tuple[tuple[CostName, int], ...] = (),
    taker_gas_share_e36: int = 0,
) -> FundingCost:
    """Return the cost of a price whose funding component consists of ``funding``."""
    gas = slippage = 0
    for part in breakdown.components:
        if part.name is _PRICED_GAS:
            gas = part.share_e36
        elif part.name is _SIZE_IMPACT:
            slippage = part.share_e36
    return FundingCost(
        parts=((_GAS, gas), (_SLIPPAGE, slippage), *funding), taker_gas_share_e36=taker_gas_share_e36
    )
