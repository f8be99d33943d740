"""How a quote's price was come by, beside its components: small enough for every journal row."""

from __future__ import annotations

from typing import Any

from pmm.domain.value_class import value_class
from pmm.pricing.quotation import Quotation, QuotationReason
from pmm.pricing.spread_models import ModelReason, SpreadModel
from pmm.pricing.state import PricingState


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteBasis:
    """Choices made for one direction at one moment, and the state they were made on.

    ``gamma`` (per bps and lot) and ``lots`` (of the taker asset beyond target) are None for the fixed model.
    """

    quotation: Quotation
    quotation_reason: QuotationReason
    model: SpreadModel
    model_reason: ModelReason
    state: PricingState
    gamma: float | None = None
    lots: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the value for a journal; floats keep every digit, so that a replay finds the same price."""
        found: dict[str, Any] = {
            "quotation": self.quotation._value_,
            "quotationReason": self.quotation_reason._value_,
            "model": self.model._value_,
            "modelReason": self.model_reason._value_,
            "state": self.state.to_dict(),
        }
        if self.gamma is not None:
            found |= {"gamma": self.gamma, "lots": self.lots}
        return found
