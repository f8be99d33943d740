"""Prices from outside the chain, as they were read: order books, aggregators, our own cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.domain import Address
from pmm.pricing.fixed_point import E36


class SourceKind(StrEnum):
    """Sources of one kind can be moved together, so together they are one opinion."""

    FEED = "feed"
    POOL = "pool"
    BOOK = "book"
    AGGREGATOR = "aggregator"
    COST = "cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePrice:
    """What one base unit of ``token`` is worth, by one source.

    Attributes:
        source: name for the journal, such as ``binance``.
        unit: the token it is priced in, base units scaled by 10**36; None for US dollars scaled by 10**36.
        observed_at_s: unix time of the observation by the source's clock.
        max_age_s: age beyond which it does not count.
    """

    source: str
    kind: SourceKind
    token: Address
    unit: Address | None
    rate_e36: int
    observed_at_s: int
    max_age_s: int

    def usd_per_unit_e36(self, unit_usd_e36: int | None) -> int | None:
        """Return US dollars per base unit, rounded down; None where its unit has no price in dollars."""
        if self.unit is None:
            return self.rate_e36
        return None if unit_usd_e36 is None else self.rate_e36 * unit_usd_e36 // E36
