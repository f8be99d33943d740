"""Prices: fair value, spread, skew, size impact, gas, funding; pure, synchronous, without I/O or clock.

A price is the fair value less named components that sum to it exactly. Amounts are base units; every rounding
is in the maker's favour.
"""

from pmm.pricing.basis import QuoteBasis
from pmm.pricing.capital import CapitalPolicy
from pmm.pricing.components import ComponentName, PriceBreakdown, PriceComponent
from pmm.pricing.depth import DepthCurve, DepthStep
from pmm.pricing.fair_rules import FairValueRules
from pmm.pricing.fair_value import DroppedSource, FairValue, SourcePrice, fair_value
from pmm.pricing.fill_hedge import FillHedge, FillHedgeRules
from pmm.pricing.funding import FundingPolicy
from pmm.pricing.funding_cost import CostName, FundingCost
from pmm.pricing.hedge_venues import LendingReading, OtcQuote, PerpQuote
from pmm.pricing.market import FeedReading, MarketSnapshot, PoolKind, PoolReading
from pmm.pricing.offers import (
    INVENTORY,
    Offer,
    PairPolicy,
    RejectedOffer,
    flash_offers,
    inventory_offer,
    inventory_terms,
    market_rate_e36,
    price_request,
)
from pmm.pricing.option_value import OptionPolicy
from pmm.pricing.quotation import QuotationPolicy, QuotationRule
from pmm.pricing.quote_model import ModelInputs, ModelOffers, QuoteModel
from pmm.pricing.quote_shape import NO_SHAPE, QuoteShape
from pmm.pricing.quoting import PricedAmounts, ladder, price_exact_in, price_exact_out
from pmm.pricing.references import ReferencePrice, SourceKind
from pmm.pricing.spread_models import ModelParameters, SpreadModel
from pmm.pricing.standard_model import STANDARD, StandardModel
from pmm.pricing.state import NEUTRAL_STATE, ExchangePrice, PricingState
from pmm.pricing.state_tracker import StatePolicy, StateTracker
from pmm.pricing.terms import DirectionTerms, SpreadPolicy, TermStep

__all__ = [
    "INVENTORY",
    "NEUTRAL_STATE",
    "NO_SHAPE",
    "STANDARD",
    "CapitalPolicy",
    "ComponentName",
    "CostName",
    "DepthCurve",
    "DepthStep",
    "DirectionTerms",
    "DroppedSource",
    "ExchangePrice",
    "FairValue",
    "FairValueRules",
    "FeedReading",
    "FillHedge",
    "FillHedgeRules",
    "FundingCost",
    "FundingPolicy",
    "LendingReading",
    "MarketSnapshot",
    "ModelInputs",
    "ModelOffers",
    "ModelParameters",
    "Offer",
    "OptionPolicy",
    "OtcQuote",
    "PairPolicy",
    "PerpQuote",
    "PoolKind",
    "PoolReading",
    "PriceBreakdown",
    "PriceComponent",
    "PricedAmounts",
    "PricingState",
    "QuotationPolicy",
    "QuotationRule",
    "QuoteBasis",
    "QuoteModel",
    "QuoteShape",
    "ReferencePrice",
    "RejectedOffer",
    "SourceKind",
    "SourcePrice",
    "SpreadModel",
    "SpreadPolicy",
    "StandardModel",
    "StatePolicy",
    "StateTracker",
    "TermStep",
    "fair_value",
    "flash_offers",
    "inventory_offer",
    "inventory_terms",
    "ladder",
    "market_rate_e36",
    "price_exact_in",
    "price_exact_out",
    "price_request",
]
