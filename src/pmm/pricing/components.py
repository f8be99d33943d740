"""What stands between the fair value and the quoted price, each part named."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pmm.domain.value_class import value_class
from pmm.errors import InvariantViolated
from pmm.pricing.fixed_point import E36, bps_of_share, div_up

# 22 decimal places of a basis point: enough for amounts below 10**26 base units, and for Decimal's 28 digits.
_READABLE_STEP_E36 = 10**10


class ComponentName(StrEnum):
    """Parts of a price. Positive is what the taker pays, negative what the taker is given.

    ``FAIR_VALUE`` is how far the price that the quote is centred on lies below the fair value: zero unless the
    quote is centred on an exchange's price. The ``OPERATOR_*`` parts are there only while an operator, or risk, asks
    for them. The list is closed: nothing else stands between fair and quoted.
    """

    FAIR_VALUE = "fair_value"
    HALF_SPREAD = "half_spread"
    INVENTORY_SKEW = "inventory_skew"
    SIZE_IMPACT = "size_impact"
    VOLATILITY_LATENCY = "volatility_latency"
    GAS = "gas"
    FUNDING = "funding"
    RELAYER_FEE = "relayer_fee"
    TOXICITY = "toxicity"
    OPERATOR_SPREAD = "operator_spread"
    OPERATOR_SKEW = "operator_skew"
    ROUNDING = "rounding"


@value_class(frozen=True, slots=True, kw_only=True)
class PriceComponent:
    """One part of a price as a share of the fair value, scaled by 10**36."""

    name: ComponentName
    share_e36: int

    @property
    def bps(self) -> Decimal:
        """The share in basis points, exactly."""
        return bps_of_share(self.share_e36)


@value_class(frozen=True, slots=True, kw_only=True)
class PriceBreakdown:
    """A quoted price: the fair value less the sum of its components.

    For the amounts of the quote, ``making == floor(taking * quoted_rate_e72 / 10**72)`` exactly, the rounding
    being a component like the others.
    """

    fair_rate_e36: int
    components: tuple[PriceComponent, ...]

    @property
    def total_share_e36(self) -> int:
        """Sum of the components, exactly."""
        return sum(component.share_e36 for component in self.components)

    @property
    def total_bps(self) -> Decimal:
        """Sum of the components in basis points, exactly."""
        return bps_of_share(self.total_share_e36)

    @property
    def quoted_rate_e72(self) -> int:
        """Quoted price, maker base units per taker base unit, scaled by 10**72."""
        return self.fair_rate_e36 * (E36 - self.total_share_e36)

    def making_for(self, taking_amount: int) -> int:
        """Return the making amount that this price gives for a taking amount, rounded down."""
        return taking_amount * self.quoted_rate_e72 // (E36 * E36)


def with_rounding(
    *, fair_rate_e36: int, components: tuple[PriceComponent, ...], making_amount: int, taking_amount: int
) -> PriceBreakdown:
    """Append what rounding to base units costs the taker, so that the breakdown gives the amounts exactly.

    The components given must allow at least ``making_amount`` for ``taking_amount``.
    """
    spent = sum(component.share_e36 for component in components)
    # Largest rounding share that still gives making_amount: the floor in making_for then hits it exactly.
    exact = div_up(making_amount * E36 * E36, taking_amount * fair_rate_e36)
    for step in (_READABLE_STEP_E36, 1):
        quoted = div_up(exact, step) * step
        rounding = PriceComponent(name=ComponentName.ROUNDING, share_e36=E36 - quoted - spent)
        found = PriceBreakdown(fair_rate_e36=fair_rate_e36, components=(*components, rounding))
        if found.making_for(taking_amount) == making_amount:
            return found
    raise InvariantViolated(
        f"price of {making_amount} for {taking_amount}: no rounding share gives the amounts back"
    )
