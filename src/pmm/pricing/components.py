"""What stands between the fair value and the quoted price, each part named."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from pmm.domain.value_class import value_class
from pmm.errors import InvariantViolated
from pmm.pricing.fixed_point import E36, bps_of_share, div_up

# 22 decimal places of a basis point: enough for amounts below 10**26 base units, and for Decimal's 28 digits.
_READABLE_STEP_E36 = 10**10
_E72 = E36 * E36


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


# Members by a name of their own: to reach one through its class takes longer than to make a component of it.
_ROUNDING: Final = ComponentName.ROUNDING


@value_class(frozen=True, slots=True, kw_only=True)
class PriceComponent:
    """One part of a price as a share of the fair value, scaled by 10**36."""

    name: ComponentName
    share_e36: int

    @property
    def bps(self) -> Decimal:
        """The share in basis points, exactly."""
        return bps_of_share(self.share_e36)


def sum_of_shares(components: tuple[PriceComponent, ...]) -> int:
    """Return what components come to, as a share of the fair value scaled by 10**36."""
    # Of nine components a loop takes half the time of a sum over a generator.
    total = 0
    for component in components:
        total += component.share_e36
    return total


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
        return sum_of_shares(self.components)

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
        return taking_amount * self.quoted_rate_e72 // _E72


def with_rounding(
    *,
    fair_rate_e36: int,
    components: tuple[PriceComponent, ...],
    spent_e36: int,
    making_amount: int,
    taking_amount: int,
) -> PriceBreakdown:
    """Append what rounding to base units costs the taker, so that the breakdown gives the amounts exactly.

    The components given, which come to ``spent_e36``, must allow at least ``making_amount`` for ``taking_amount``.
    """
    worth_e36, wanted_e72 = taking_amount * fair_rate_e36, making_amount * _E72
    # Largest rounding share that still gives making_amount: the floor in making_for then hits it exactly.
    exact = div_up(wanted_e72, worth_e36)
    for step in (_READABLE_STEP_E36, 1):
        quoted_e36 = div_up(exact, step) * step
        # That is, making_for gives making_amount once the rounding below stands among the components.
        if 0 <= worth_e36 * quoted_e36 - wanted_e72 < _E72:
            rounding = PriceComponent(name=_ROUNDING, share_e36=E36 - quoted_e36 - spent_e36)
            return PriceBreakdown(fair_rate_e36=fair_rate_e36, components=(*components, rounding))
    raise InvariantViolated(
        f"price of {making_amount} for {taking_amount}: no rounding share gives the amounts back"
    )
