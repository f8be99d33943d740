"""The terms of one direction from inventory: what the market says once per view, what a request adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pmm.domain import Decision, Token
from pmm.pricing.basis import QuoteBasis
from pmm.pricing.capital import size_down
from pmm.pricing.components import ComponentName, PriceComponent
from pmm.pricing.depth import merge_steps
from pmm.pricing.fair_value import FairValue
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.option_value import option_share_e36
from pmm.pricing.quotation import Quotation, choose_centre
from pmm.pricing.quote_shape import NO_SHAPE, QuoteShape
from pmm.pricing.spread_models import Edge, ModelReason, SpreadModel, lots_of_taker_asset, model_edge
from pmm.pricing.state import PricingState
from pmm.pricing.terms import (
    DirectionTerms,
    SpreadPolicy,
    TermStep,
    fill_gas_cost_e36,
    fixed_edge,
    hedge_gas_share_e36,
    impact_steps,
)

_FAIR_VALUE: Final = ComponentName.FAIR_VALUE
_HALF_SPREAD: Final = ComponentName.HALF_SPREAD
_INVENTORY_SKEW: Final = ComponentName.INVENTORY_SKEW
_VOLATILITY_LATENCY: Final = ComponentName.VOLATILITY_LATENCY
_TOXICITY: Final = ComponentName.TOXICITY
_BY_INVENTORY: Final = Quotation.INVENTORY
_FIXED: Final = SpreadModel.FIXED
_BY_POLICY: Final = ModelReason.BY_POLICY
_NO_FUNDING = PriceComponent(name=ComponentName.FUNDING, share_e36=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """What any request on one direction of one snapshot shares."""

    maker_asset: Token
    taker_asset: Token
    fair: FairValue
    gas: PriceComponent
    quote_cost_e36: int
    making_limit: int | None
    steps: tuple[TermStep, ...]


def market_terms(
    snapshot: MarketSnapshot,
    fair: FairValue,
    policy: SpreadPolicy,
    *,
    gas_asset: Token,
    maker_asset: Token,
    taker_asset: Token,
) -> MarketTerms:
    """Return gas, depth and capital limit of a direction."""
    limit = None
    if policy.capital is not None:
        limit = size_down(policy.capital, usd_per_unit_e36=snapshot.usd_per_unit_e36(maker_asset))
    return MarketTerms(
        maker_asset=maker_asset,
        taker_asset=taker_asset,
        fair=fair,
        gas=PriceComponent(
            name=ComponentName.GAS,
            share_e36=hedge_gas_share_e36(snapshot, gas_asset=gas_asset, policy=policy),
        ),
        quote_cost_e36=fill_gas_cost_e36(
            snapshot, gas_asset=gas_asset, maker_asset=maker_asset, policy=policy
        ),
        making_limit=limit,
        steps=impact_steps(
            merge_steps(pool.depth for pool in snapshot.pools[taker_asset.address, maker_asset.address]),
            fair=fair,
            impact_share_bps=policy.impact_share_bps,
        ),
    )


def direction_terms(
    market: MarketTerms,
    state: PricingState,
    policy: SpreadPolicy,
    *,
    taker_brings_base: bool,
    taker_value_usd_wad: int,
    maker_value_usd_wad: int,
    shape: QuoteShape = NO_SHAPE,
) -> DirectionTerms:
    """Return the terms as inventory and state stand for the one who asks."""
    centre = choose_centre(
        state,
        policy.quotation,
        fair_rate_e36=market.fair.rate_e36,
        taker_brings_base=taker_brings_base,
        imbalance_usd_wad=taker_value_usd_wad - maker_value_usd_wad,
    )
    edge, closed = _edge(
        state,
        policy,
        skewed=centre.quotation is _BY_INVENTORY,
        taker_brings_base=taker_brings_base,
        taker_value_usd_wad=taker_value_usd_wad,
        maker_value_usd_wad=maker_value_usd_wad,
    )
    return DirectionTerms(
        maker_asset=market.maker_asset,
        taker_asset=market.taker_asset,
        fair=market.fair,
        flat=(
            PriceComponent(name=_FAIR_VALUE, share_e36=centre.shift_e36),
            PriceComponent(name=_HALF_SPREAD, share_e36=edge.half_spread_e36),
            PriceComponent(name=_INVENTORY_SKEW, share_e36=edge.skew_e36),
            PriceComponent(name=_VOLATILITY_LATENCY, share_e36=option_share_e36(state, policy.option)),
            market.gas,
            _NO_FUNDING,
            PriceComponent(name=_TOXICITY, share_e36=state.toxicity_e36),
            *_shaped(shape, edge, policy, taker_brings_base=taker_brings_base),
        ),
        steps=market.steps,
        quote_cost_e36=market.quote_cost_e36,
        making_limit=market.making_limit,
        closed=closed,
        basis=QuoteBasis(
            quotation=centre.quotation,
            quotation_reason=centre.reason,
            model=edge.model,
            model_reason=edge.reason,
            state=state,
            gamma=edge.gamma,
            lots=edge.lots,
        ),
    )


def _shaped(
    shape: QuoteShape, edge: Edge, policy: SpreadPolicy, *, taker_brings_base: bool
) -> tuple[PriceComponent, ...]:
    if shape is NO_SHAPE:
        return ()
    return shape.parts(
        taker_brings_base=taker_brings_base,
        edge_e36=edge.half_spread_e36 + edge.skew_e36,
        min_edge_bps=policy.min_edge_bps,
    )


def _edge(
    state: PricingState,
    policy: SpreadPolicy,
    *,
    skewed: bool,
    taker_brings_base: bool,
    taker_value_usd_wad: int,
    maker_value_usd_wad: int,
) -> tuple[Edge, Decision | None]:
    reason, closed = _BY_POLICY, None
    if policy.model is not _FIXED:
        lots = 0.0
        if skewed:
            lots = lots_of_taker_asset(
                policy.parameters,
                taker_value_usd_wad=taker_value_usd_wad,
                maker_value_usd_wad=maker_value_usd_wad,
                taker_brings_base=taker_brings_base,
            )
        found = model_edge(
            policy.model, policy.parameters, state, lots=lots, min_edge_bps=policy.min_edge_bps
        )
        if isinstance(found, Edge):
            return found, None
        reason, closed = ModelReason.VOLATILITY_UNKNOWN, found
        if found is not None:
            reason = ModelReason.CLOSED
    edge = fixed_edge(
        taker_value_usd_wad=taker_value_usd_wad,
        maker_value_usd_wad=maker_value_usd_wad,
        skewed=skewed,
        policy=policy,
        reason=reason,
    )
    return edge, closed
