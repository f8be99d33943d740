"""Ways to fund a quote beyond inventory and flash funds: lending account, negotiated price, perp hedge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pmm.domain import Decision, QuoteRequest, RefusalReason
from pmm.domain.hook_payloads import InventorySource
from pmm.domain.value_class import value_class
from pmm.pricing.amount_text import amount_text
from pmm.pricing.components import ComponentName, PriceComponent
from pmm.pricing.fixed_point import BPS, E36, SHARE_PER_BPS_E36, share_up_e36
from pmm.pricing.funding import FundingPolicy
from pmm.pricing.funding_cost import CostName, cost_of
from pmm.pricing.hedge_venues import LendingReading, interest_share_up_e36
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.offers import Offer, PairPolicy, RejectedOffer, price_request
from pmm.pricing.quote_model import ModelInputs
from pmm.pricing.quoting import PricedAmounts
from pmm.pricing.terms import DirectionTerms, TermStep, impact_steps

_PIPS = 1_000_000
_HOUR_S = 3_600


@value_class(frozen=True, slots=True, kw_only=True)
class FundingWay:
    """One way, before it is priced: what it adds to the price, and what it can deliver.

    ``terms`` hold ``funding`` already; deliveries stay below ``most_making``.
    """

    name: str
    terms: DirectionTerms
    funding: tuple[tuple[CostName, int], ...]
    most_making: int
    promise_limit: int | None = None
    provide: InventorySource = InventorySource.NONE
    taker_gas_units: int = 0


def funding_offers(
    inputs: ModelInputs, request: QuoteRequest, terms: DirectionTerms
) -> tuple[tuple[Offer, ...], tuple[RejectedOffer, ...]]:
    """Return the offers of these ways, and those that do not work; none where nothing is known of any."""
    market = inputs.snapshot
    if not (market.lending or market.otc or market.perps):
        return (), ()
    offers: list[Offer] = []
    rejected: list[RejectedOffer] = []
    for plan in (*lending_ways(inputs, request, terms), *_otc(inputs, terms), *_perps(inputs, terms)):
        if isinstance(plan, RejectedOffer):
            rejected.append(plan)
            continue
        offer = price_way(inputs, request, plan)
        if isinstance(offer, Decision):
            rejected.append(RejectedOffer(name=plan.name, decision=offer))
        else:
            offers.append(offer)
    return tuple(offers), tuple(rejected)


def taker_gas_share_e36(
    snapshot: MarketSnapshot, pair: PairPolicy, priced: PricedAmounts, request: QuoteRequest, *, units: int
) -> int:
    """Return gas that the taker pays beyond a plain fill, as a share of what he brings, rounded up."""
    brought_usd_wad = snapshot.usd_wad(request.taker_asset, priced.taking_amount)
    return gas_share_up_e36(snapshot, pair, units=units, notional_usd_wad=brought_usd_wad)


def price_way(inputs: ModelInputs, request: QuoteRequest, plan: FundingWay) -> Offer | Decision:
    """Return the priced offer of a way, or why there is none."""
    priced = price_request(plan.terms, request)
    if isinstance(priced, Decision):
        return priced
    if priced.making_amount >= plan.most_making:
        return Decision.refuse(
            RefusalReason.INSUFFICIENT_INVENTORY,
            f"{plan.name}: expected less than {amount_text(plan.most_making, request.maker_asset)}, found "
            f"{amount_text(priced.making_amount, request.maker_asset)}",
        )
    gas = taker_gas_share_e36(inputs.snapshot, inputs.pair, priced, request, units=plan.taker_gas_units)
    cost = cost_of(priced.breakdown, funding=plan.funding, taker_gas_share_e36=gas)
    return Offer(
        name=plan.name, priced=priced, provide=plan.provide, promise_limit=plan.promise_limit, cost=cost
    )


def _with_funding(
    terms: DirectionTerms,
    funding: Sequence[tuple[CostName, int]],
    *,
    steps: tuple[TermStep, ...] | None = None,
    extra_gas_e36: int = 0,
) -> DirectionTerms:
    flat = tuple(
        replace(part, share_e36=part.share_e36 + extra_gas_e36) if part.name is ComponentName.GAS else part
        for part in terms.flat
    )
    share = sum(part for _, part in funding)
    flat = (*flat, PriceComponent(name=ComponentName.FUNDING, share_e36=share))
    return replace(terms, flat=flat, steps=terms.steps if steps is None else steps)


def lending_ways(
    inputs: ModelInputs, request: QuoteRequest, terms: DirectionTerms
) -> Iterator[FundingWay | RejectedOffer]:
    """Yield withdrawal and borrowing from each lending market, on 1inch's domain only: our own has no hook for it."""
    if inputs.own_domain or not inputs.can_provide:
        return
    snapshot, policy = inputs.snapshot, inputs.pair.funding
    unit_e36 = snapshot.usd_per_unit_e36(inputs.maker_asset)
    for reading in snapshot.lending:
        if reading.token != inputs.maker_asset.address:
            continue
        ways = (
            ("withdraw", reading.withdraw_source, reading.withdrawable(unit_e36), reading.supply_rate_wad),
            ("borrow", reading.borrow_source, reading.borrowable(unit_e36), reading.borrow_rate_wad),
        )
        for way, source, room, rate_wad in ways:
            yield _lending_plan(inputs, request, terms, policy, reading, way, source, room, rate_wad)


def _lending_plan(
    inputs: ModelInputs,
    request: QuoteRequest,
    terms: DirectionTerms,
    policy: FundingPolicy,
    reading: LendingReading,
    way: str,
    source: InventorySource,
    room: int,
    rate_wad: int,
) -> FundingWay | RejectedOffer:
    name = f"{reading.market}_{way}"
    if room == 0:
        return RejectedOffer(
            name=name,
            decision=Decision.refuse(
                RefusalReason.INSUFFICIENT_INVENTORY, f"{name}: the lending account can provide nothing"
            ),
        )
    interest = _rounded(interest_share_up_e36(rate_wad, policy.holding_s))
    funding = ((CostName.INTEREST, interest),)
    # Putting back what was taken costs us one transaction more.
    gas = gas_share_up_e36(
        inputs.snapshot,
        inputs.pair,
        units=policy.restore_gas_units,
        notional_usd_wad=_requested_usd_wad(inputs.snapshot, request),
    )
    # The hook takes what the settlement lacks: what other quotes have not reserved of both counts.
    promised = inputs.deliverable.reserved
    held = inputs.stock[inputs.maker_asset.address].balance
    most = held + room if inputs.allowance is None else min(held + room, inputs.allowance)
    return FundingWay(
        name=name,
        terms=_with_funding(terms, funding, extra_gas_e36=gas),
        funding=funding,
        most_making=max(most - promised, 0),
        promise_limit=most,
        provide=source,
        taker_gas_units=policy.provide_gas_units,
    )


def _otc(inputs: ModelInputs, terms: DirectionTerms) -> Iterator[FundingWay | RejectedOffer]:
    """Yield negotiated prices for closing the position; what is delivered comes out of inventory."""
    for quote in inputs.snapshot.otc:
        if (quote.taker_asset, quote.maker_asset) != (inputs.taker_asset.address, inputs.maker_asset.address):
            continue
        name, curve = f"otc_{quote.counterparty}", quote.curve()
        if quote.valid_until_s <= inputs.snapshot.chain_time_s or curve is None:
            late_s = inputs.snapshot.chain_time_s - quote.valid_until_s
            yield _no_use(name, f"its price ended {max(late_s, 0)} s ago or is for nothing")
            continue
        funding = ((CostName.FEE, quote.fee_bps * SHARE_PER_BPS_E36),)
        steps = impact_steps(curve.steps, fair=terms.fair, impact_share_bps=BPS)
        yield FundingWay(
            name=name,
            terms=_with_funding(terms, funding, steps=steps),
            funding=funding,
            most_making=inputs.deliverable.free,
        )


def _perps(inputs: ModelInputs, terms: DirectionTerms) -> Iterator[FundingWay | RejectedOffer]:
    """Yield hedging on a perp; what is delivered comes out of inventory."""
    for quote in inputs.snapshot.perps:
        if (quote.taker_asset, quote.maker_asset) != (inputs.taker_asset.address, inputs.maker_asset.address):
            continue
        name = f"perp_{quote.venue}"
        age_s = inputs.snapshot.chain_time_s - quote.observed_at_s
        if age_s > quote.max_age_s:
            yield _no_use(name, f"its quote is {age_s} s old, expected at most {quote.max_age_s} s")
            continue
        holding_s = inputs.pair.funding.holding_s
        # What the position may earn is not promised: funding can turn before it is closed.
        rate = max(quote.funding_rate_e36_per_hour, 0)
        funding = (
            (CostName.FEE, _rounded(-(-quote.fee_pips * E36 // _PIPS))),
            (CostName.FUNDING_RATE, _rounded(-(-rate * holding_s // _HOUR_S))),
        )
        steps = impact_steps(quote.depth.steps, fair=terms.fair, impact_share_bps=BPS)
        yield FundingWay(
            name=name,
            terms=_with_funding(terms, funding, steps=steps),
            funding=funding,
            most_making=inputs.deliverable.free,
        )


def _no_use(name: str, why: str) -> RejectedOffer:
    return RejectedOffer(name=name, decision=Decision.refuse(RefusalReason.STALE_PRICE, f"{name}: {why}"))


def _rounded(share_e36: int) -> int:
    return share_up_e36(share_e36, 1)


def _requested_usd_wad(snapshot: MarketSnapshot, request: QuoteRequest) -> int:
    if request.taking_amount is not None:
        return snapshot.usd_wad(request.taker_asset, request.taking_amount)
    assert request.making_amount is not None
    return snapshot.usd_wad(request.maker_asset, request.making_amount)


def gas_share_up_e36(snapshot: MarketSnapshot, pair: PairPolicy, *, units: int, notional_usd_wad: int) -> int:
    """Return gas as a share of a notional, rounded up."""
    if units == 0:
        return 0
    cost_e36 = units * snapshot.gas_price_wei * snapshot.usd_per_unit_e36(pair.gas_asset)
    # An amount worth nothing cannot bear gas: any price is refused as too small later.
    return share_up_e36(cost_e36 * 10**18, max(notional_usd_wad, 1))
