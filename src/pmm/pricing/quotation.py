"""What a quote is centred on: our fair value with the skew of our inventory, or an exchange's micro-price."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36, share_up_e36
from pmm.pricing.state import PricingState

_WAD = 10**18


class Quotation(StrEnum):
    """How one quote is centred; the value is what the journal says."""

    INVENTORY = "inventory"
    EXCHANGE = "exchange"


class QuotationRule(StrEnum):
    """How a pair is quoted. ``AUTO``: on the exchange while inventory is balanced, else by inventory."""

    INVENTORY = "inventory"
    EXCHANGE = "exchange"
    AUTO = "auto"


class QuotationReason(StrEnum):
    """Why a quotation was chosen; the value is what the journal says."""

    BY_POLICY = "by_policy"
    NO_EXCHANGE_PRICE = "no_exchange_price"
    EXCHANGE_PRICE_OLD = "exchange_price_old"
    EXCHANGE_PRICE_DEVIATES = "exchange_price_deviates"
    INVENTORY_BALANCED = "inventory_balanced"
    INVENTORY_IMBALANCED = "inventory_imbalanced"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotationPolicy:
    """When an exchange's price is what we quote around.

    Attributes:
        rule: how the pair is quoted.
        max_age_ms: oldest order book that counts.
        max_deviation_bps: distance from the fair value above which the exchange's price does not count.
        balanced_usd: under ``AUTO``, imbalance of the pair's two assets (value of one less value of the other)
            up to which inventory is balanced.
    """

    rule: QuotationRule = QuotationRule.INVENTORY
    max_age_ms: int = 1_000
    max_deviation_bps: int = 50
    balanced_usd: int = 25_000

    def __post_init__(self) -> None:
        if min(self.max_age_ms, self.max_deviation_bps, self.balanced_usd) < 0:
            raise InvalidInput(f"quotation: expected limits of at least 0, found {self}")


@value_class(frozen=True, slots=True, kw_only=True)
class Centre:
    """The choice, and how far its price lies below the fair value: a share, negative where it lies above."""

    quotation: Quotation
    reason: QuotationReason
    shift_e36: int = 0


_BY_INVENTORY: Final = QuotationRule.INVENTORY
_INVENTORY_BY_POLICY: Final = Centre(quotation=Quotation.INVENTORY, reason=QuotationReason.BY_POLICY)


def choose_centre(
    state: PricingState,
    policy: QuotationPolicy,
    *,
    fair_rate_e36: int,
    taker_brings_base: bool,
    imbalance_usd_wad: int,
) -> Centre:
    """Choose how a request is quoted; the same for both directions of a pair at one moment.

    ``fair_rate_e36`` is maker per taker base unit. The shift is rounded up, and so is the other direction's:
    the two centres never multiply to more than one.
    """
    if policy.rule is _BY_INVENTORY:
        return _INVENTORY_BY_POLICY
    if state.exchange is None:
        return Centre(quotation=Quotation.INVENTORY, reason=QuotationReason.NO_EXCHANGE_PRICE)
    if state.exchange.age_ms > policy.max_age_ms:
        return Centre(quotation=Quotation.INVENTORY, reason=QuotationReason.EXCHANGE_PRICE_OLD)
    rate_e36 = state.exchange.rate_e36 if taker_brings_base else E36 * E36 // state.exchange.rate_e36
    shift_e36 = share_up_e36((fair_rate_e36 - rate_e36) * E36, fair_rate_e36)
    if abs(shift_e36) > policy.max_deviation_bps * SHARE_PER_BPS_E36:
        return Centre(quotation=Quotation.INVENTORY, reason=QuotationReason.EXCHANGE_PRICE_DEVIATES)
    reason = QuotationReason.BY_POLICY
    if policy.rule is QuotationRule.AUTO:
        if abs(imbalance_usd_wad) > policy.balanced_usd * _WAD:
            return Centre(quotation=Quotation.INVENTORY, reason=QuotationReason.INVENTORY_IMBALANCED)
        reason = QuotationReason.INVENTORY_BALANCED
    return Centre(quotation=Quotation.EXCHANGE, reason=reason, shift_e36=shift_e36)
