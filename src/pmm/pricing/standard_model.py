"""The built-in model: fair value from several sources, spread, skew, impact, and the cheapest way to fund."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from pmm.domain import Decision, PriceLevel, QuoteRequest
from pmm.pricing.fill_hedge_ladder import ladder_terms
from pmm.pricing.fill_hedge_offers import fill_hedge_offers
from pmm.pricing.funding_choice import funding_offers
from pmm.pricing.offers import (
    INVENTORY,
    Offer,
    RejectedOffer,
    flash_offers,
    inventory_offer,
    inventory_terms,
)
from pmm.pricing.quote_model import ModelInputs, ModelOffers
from pmm.pricing.quoting import ladder
from pmm.pricing.terms import DirectionTerms

STANDARD = "standard"

_cost_rank_e36: Final = attrgetter("cost_rank_e36")


class StandardModel:
    """Implements ``QuoteModel``."""

    @property
    def name(self) -> str:
        """The name under which it is found and journaled."""
        return STANDARD

    def terms(self, inputs: ModelInputs) -> DirectionTerms | Decision:
        """Return the terms of quoting this direction from inventory."""
        return inventory_terms(
            inputs.snapshot,
            inputs.stock,
            inputs.pair,
            maker_asset=inputs.maker_asset,
            taker_asset=inputs.taker_asset,
            state=inputs.state,
            shape=inputs.shape,
        )

    def levels(self, inputs: ModelInputs, *, making_limit: int) -> tuple[PriceLevel, ...] | Decision:
        """Return the ladder of inventory quotes, hedged inside the fill or by the desk."""
        terms = self.terms(inputs)
        if isinstance(terms, Decision):
            return terms
        return ladder(ladder_terms(inputs, terms), making_limit=making_limit)

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        """Return every way to fund the request, the least cost first."""
        terms = self.terms(inputs)
        if isinstance(terms, Decision):
            return terms
        offers: list[Offer] = []
        rejected: list[RejectedOffer] = []
        own = inventory_offer(terms, request, inputs.deliverable)
        if isinstance(own, Decision):
            rejected.append(RejectedOffer(name=INVENTORY, decision=own))
        else:
            offers.append(own)
        # Flash funds cannot span 1inch's two hooks: they must be back before the first returns.
        if inputs.own_domain:
            flash, failed = flash_offers(inputs.snapshot, request, inputs.pair, terms.fair, inputs.shape)
            offers, rejected = [*offers, *flash], [*rejected, *failed]
        others, failed = funding_offers(inputs, request, terms)
        hedged, unhedged = fill_hedge_offers(inputs, request, terms)
        found = (*offers, *others, *hedged)
        if len(found) > 1:
            # Stable: of equal costs the ways that need no hook stand first.
            found = tuple(sorted(found, key=_cost_rank_e36))
        return ModelOffers(offers=found, rejected=(*rejected, *failed, *unhedged), fair=terms.fair)
