"""What a pricing model gets and gives; the built-in one and models of others fit the same protocol.

A model is pure: the same inputs give the same answer, without I/O, without a clock, without memory. So live quoting,
shadow, replay and backtest cannot disagree. docs/own-model.md says how to write one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pmm.domain import Address, Decision, Inventory, PriceLevel, QuoteRequest, Token
from pmm.domain.value_class import value_class
from pmm.pricing.fair_value import FairValue
from pmm.pricing.fill_hedge import FillHedgeRules
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.offers import Offer, PairPolicy, RejectedOffer
from pmm.pricing.quote_shape import NO_SHAPE, QuoteShape
from pmm.pricing.state import NEUTRAL_STATE, PricingState


@value_class(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Everything that a price may depend on.

    Attributes:
        snapshot: the market at one block, with references, lending and hedge venues.
        state: what pricing remembers of the past, resolved for who asks.
        pair: how the pair is quoted.
        stock: what the settlement contract holds of both assets, whatever the venue may take.
        deliverable: what quotes on this venue may promise of the maker asset.
        own_domain: the order is settled by our own contract, where flash funds can pay; else by 1inch's.
        can_provide: the lending account can deliver through 1inch's hooks.
        shape: what an operator asks of this pair's quotes now; a model must add its parts to offers and ladder.
        allowance: most of the maker asset that the venue's contract may take, wherever it comes from; None: no limit.
        fill_hedge: how a fill may be hedged inside itself; None where it may not.
    """

    snapshot: MarketSnapshot
    pair: PairPolicy
    maker_asset: Token
    taker_asset: Token
    stock: Mapping[Address, Inventory]
    deliverable: Inventory
    own_domain: bool
    can_provide: bool = False
    allowance: int | None = None
    state: PricingState = NEUTRAL_STATE
    shape: QuoteShape = NO_SHAPE
    fill_hedge: FillHedgeRules | None = None


@value_class(frozen=True, slots=True, kw_only=True)
class ModelOffers:
    """Ways to fund the quote, best first, and those that do not work; ``fair`` for the journal."""

    offers: tuple[Offer, ...]
    rejected: tuple[RejectedOffer, ...] = ()
    fair: FairValue | None = None


class QuoteModel(Protocol):
    """A pricing model."""

    @property
    def name(self) -> str:
        """The name under which it is found and journaled."""
        ...

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        """Return the offers for a request, or why the pair has no price now."""
        ...

    def levels(self, inputs: ModelInputs, *, making_limit: int) -> tuple[PriceLevel, ...] | Decision:
        """Return the ladder to publish, not cumulative; no firm quote from inventory may be better than it."""
        ...
