"""What funding one quote costs, part by part; the parts add up exactly."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

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
    shares = {part.name: part.share_e36 for part in breakdown.components}
    parts = (
        (CostName.GAS, shares.get(ComponentName.GAS, 0)),
        (CostName.SLIPPAGE, shares.get(ComponentName.SIZE_IMPACT, 0)),
        *funding,
    )
    return FundingCost(parts=parts, taker_gas_share_e36=taker_gas_share_e36)
