"""A model to start from: the built-in price with a wider spread when the pair is quiet. Copy it and change it.

A model of your own is a package that names it under the entry point group ``pmm.quote_models``; docs/own-model.md.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from pmm.domain import Decision, PriceLevel, QuoteRequest
from pmm.pricing import ModelInputs, ModelOffers, StandardModel

# Basis points on top of the pair's own half-spread.
_EXTRA_BPS = Decimal(2)


class WiderSpread:
    """Implements ``QuoteModel`` on top of the built-in model."""

    name = "wider_spread"

    def __init__(self) -> None:
        self._standard = StandardModel()

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        """Return the built-in offers at the wider spread."""
        return self._standard.offers(_wider(inputs), request)

    def levels(self, inputs: ModelInputs, *, making_limit: int) -> tuple[PriceLevel, ...] | Decision:
        """Return the built-in ladder at the wider spread: it must not promise more than ``offers`` keeps."""
        return self._standard.levels(_wider(inputs), making_limit=making_limit)


def _wider(inputs: ModelInputs) -> ModelInputs:
    spread = inputs.pair.spread
    wider = replace(spread, half_spread_bps=spread.half_spread_bps + _EXTRA_BPS)
    return replace(inputs, pair=replace(inputs.pair, spread=wider))
