"""What an operator asks of a pair's quotes beyond its policy: wider, smaller, shifted; never larger."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pmm.errors import InvalidInput
from pmm.pricing.components import ComponentName, PriceComponent
from pmm.pricing.fixed_point import share_of_bps_e36

WHOLE_SIZE_BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteShape:
    """One pair's shape. The default changes nothing.

    Attributes:
        spread_bps: added to each half-spread, at least 0.
        base_skew_bps: shift of both prices of the base asset; negative makes takers buy it.
        size_bps: part of the normal sizes, 1 to 10,000.
    """

    spread_bps: Decimal = Decimal(0)
    base_skew_bps: Decimal = Decimal(0)
    size_bps: int = WHOLE_SIZE_BPS

    def __post_init__(self) -> None:
        if self.spread_bps < 0 or not 0 < self.size_bps <= WHOLE_SIZE_BPS:
            raise InvalidInput(
                "quote shape: expected a spread of at least 0 bps and sizes of 1 to 10,000 bps, found "
                f"{self.spread_bps} and {self.size_bps}; an operator can only widen and cut"
            )

    def parts(
        self, *, taker_brings_base: bool, edge_e36: int, min_edge_bps: Decimal
    ) -> tuple[PriceComponent, ...]:
        """Return the components of an inventory quote, those that are not zero.

        ``edge_e36`` is half-spread and skew of the pair's own policy. What the skew gives the taker never takes the
        edge below ``min_edge_bps``; the spread stands on top of that.
        """
        shift = share_of_bps_e36(self.base_skew_bps)
        skew = max(-shift if taker_brings_base else shift, min(share_of_bps_e36(min_edge_bps) - edge_e36, 0))
        skewed = (PriceComponent(name=ComponentName.OPERATOR_SKEW, share_e36=skew),) if skew else ()
        return (*self.widened, *skewed)

    @property
    def widened(self) -> tuple[PriceComponent, ...]:
        """The component of the spread, for a quote that leaves inventory as it is; none where it is zero."""
        share = share_of_bps_e36(self.spread_bps)
        return (PriceComponent(name=ComponentName.OPERATOR_SPREAD, share_e36=share),) if share else ()

    def to_dict(self) -> dict[str, Any]:
        """Return the value for a journal, without what is neutral; :meth:`from_dict` gives it back exactly."""
        found: dict[str, Any] = {}
        if self.spread_bps:
            found["spread_bps"] = str(self.spread_bps)
        if self.base_skew_bps:
            found["base_skew_bps"] = str(self.base_skew_bps)
        if self.size_bps != WHOLE_SIZE_BPS:
            found["size_bps"] = self.size_bps
        return found

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> QuoteShape:
        """Return the value that :meth:`to_dict` was given."""
        return cls(
            spread_bps=Decimal(found.get("spread_bps", 0)),
            base_skew_bps=Decimal(found.get("base_skew_bps", 0)),
            size_bps=found.get("size_bps", WHOLE_SIZE_BPS),
        )


NO_SHAPE: Final = QuoteShape()
