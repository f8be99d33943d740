"""Offers whose fill is hedged inside itself: inventory or the lending account delivers, a pool takes what came in."""

from __future__ import annotations

from dataclasses import replace

from pmm.domain import Decision, QuoteRequest
from pmm.pricing.fill_hedge import HOOK_GAS, FillHedgeRules, hedged_terms, plan_fill_hedge
from pmm.pricing.fixed_point import share_of_bps_e36
from pmm.pricing.funding_choice import FundingWay, lending_ways, price_way
from pmm.pricing.market import PoolKind, PoolReading
from pmm.pricing.offers import INVENTORY, Offer, RejectedOffer
from pmm.pricing.quote_model import ModelInputs
from pmm.pricing.terms import DirectionTerms, hedge_gas_share_e36


def fill_hedge_offers(
    inputs: ModelInputs, request: QuoteRequest, terms: DirectionTerms
) -> tuple[tuple[Offer, ...], tuple[RejectedOffer, ...]]:
    """Return the offers hedged inside their fill, and those that do not work; none where it is not allowed.

    ``terms`` are those of inventory. Every way to deliver is tried on every pool.
    """
    rules = inputs.fill_hedge
    if rules is None or inputs.own_domain:
        return (), ()
    offers: list[Offer] = []
    rejected: list[RejectedOffer] = []
    pools = hedge_pools(inputs)
    own = FundingWay(name=INVENTORY, terms=terms, funding=(), most_making=inputs.deliverable.free)
    for way in (own, *lending_ways(inputs, request, terms)):
        if isinstance(way, RejectedOffer):
            # It stands among the ways without a hedge already.
            continue
        for pool in pools:
            name = f"{way.name}_hedged_{pool.source_name}"
            found = _offer(inputs, request, replace(way, name=name), pool, rules)
            if isinstance(found, Decision):
                rejected.append(RejectedOffer(name=name, decision=found))
            else:
                offers.append(found)
    return tuple(offers), tuple(rejected)


def hedge_pools(inputs: ModelInputs) -> tuple[PoolReading, ...]:
    """Return the pools that a fill of this direction can be hedged on: Uniswap V3's, as they were read."""
    pools = inputs.snapshot.pools.get((inputs.taker_asset.address, inputs.maker_asset.address), ())
    return tuple(pool for pool in pools if pool.kind is PoolKind.UNISWAP_V3)


def hedged_on(
    inputs: ModelInputs, terms: DirectionTerms, pool: PoolReading, rules: FillHedgeRules
) -> DirectionTerms:
    """Return terms with the hedge inside the fill in place of the desk's own."""
    spread = inputs.pair.spread
    return hedged_terms(
        terms,
        pool,
        rules,
        hedge_gas_e36=hedge_gas_share_e36(inputs.snapshot, gas_asset=inputs.pair.gas_asset, policy=spread),
        min_edge_e36=share_of_bps_e36(spread.min_edge_bps),
    )


def _offer(
    inputs: ModelInputs, request: QuoteRequest, way: FundingWay, pool: PoolReading, rules: FillHedgeRules
) -> Offer | Decision:
    way = replace(
        way,
        terms=hedged_on(inputs, way.terms, pool, rules),
        taker_gas_units=way.taker_gas_units + HOOK_GAS,
    )
    offer = price_way(inputs, request, way)
    if isinstance(offer, Decision):
        return offer
    hedge = plan_fill_hedge(
        inputs.snapshot,
        request,
        offer.priced,
        pool,
        rules,
        # The base asset's delta is what hedging is about: the margin stays in the quote asset.
        sells_all=request.taker_asset.address == inputs.pair.base.address,
    )
    if isinstance(hedge, Decision):
        return hedge if hedge.reason is None else Decision.refuse(hedge.reason, f"{way.name}: {hedge.detail}")
    return replace(offer, hedge=hedge, basis=way.terms.basis)
