"""Every way to fund a quote with its full price, best for the taker first; the desk takes what risk accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pmm.domain import (
    Address,
    Decision,
    FundingPlan,
    Inventory,
    QuoteRequest,
    RefusalReason,
    Token,
)
from pmm.domain.hook_payloads import InventorySource
from pmm.domain.value_class import value_class
from pmm.pricing.amount_text import amount_text
from pmm.pricing.basis import QuoteBasis
from pmm.pricing.direction_terms import MarketTerms, direction_terms, market_terms
from pmm.pricing.fair_value import FairValue, FairValueRules, check_feed_of, fair_value
from pmm.pricing.fill_hedge import FillHedge
from pmm.pricing.fixed_point import share_of_bps_e36, share_up_e36
from pmm.pricing.funding import (
    FlashRoute,
    FundingPolicy,
    expected_profit_down,
    extra_gas,
    flash_routes,
    funding_plan,
    min_profit_up,
)
from pmm.pricing.funding_cost import CostName, FundingCost, cost_of
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.quote_shape import NO_SHAPE, QuoteShape
from pmm.pricing.quoting import PricedAmounts, price_exact_in, price_exact_out
from pmm.pricing.state import NEUTRAL_STATE, PricingState
from pmm.pricing.terms import DirectionTerms, SpreadPolicy

_WAD = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPolicy:
    """A pair that we quote in both directions, and how.

    Attributes:
        gas_asset: token whose feed prices the chain's gas.
        max_fee_bps: relayer fee above which a request is refused.
    """

    base: Token
    quote: Token
    gas_asset: Token
    spread: SpreadPolicy = field(default_factory=SpreadPolicy)
    funding: FundingPolicy = field(default_factory=FundingPolicy)
    fair: FairValueRules = field(default_factory=FairValueRules)
    max_fee_bps: int = 100


@value_class(frozen=True, slots=True, kw_only=True)
class Offer:
    """A priced way to fund the quote.

    ``plan`` is None for inventory; ``basis`` says how an inventory price was come by. ``expected_profit`` (taker
    base units, after the hedge) is known for flash funding only, where the hedge is part of the fill. ``provide`` is
    what the lending account is asked for on 1inch's domain, ``promise_limit`` (maker base units) what it and the
    inventory can deliver to all quotes together; None where inventory alone delivers. ``cost`` names the parts of
    what this way costs; ``hedge`` is done inside the fill, None where hedging is the desk's.
    """

    name: str
    priced: PricedAmounts
    plan: FundingPlan | None = None
    expected_profit: int | None = None
    basis: QuoteBasis | None = None
    provide: InventorySource = InventorySource.NONE
    promise_limit: int | None = None
    cost: FundingCost | None = None
    hedge: FillHedge | None = None

    @property
    def cost_rank_e36(self) -> int:
        """What the taker gives up against the fair value, with the gas of this way beyond a plain fill."""
        extra = 0 if self.cost is None else self.cost.taker_gas_share_e36
        return self.priced.breakdown.total_share_e36 + extra


@value_class(frozen=True, slots=True, kw_only=True)
class RejectedOffer:
    """A way to fund the quote that does not work, and why."""

    name: str
    decision: Decision


INVENTORY = "inventory"


def inventory_terms(
    snapshot: MarketSnapshot,
    inventories: Mapping[Address, Inventory],
    pair: PairPolicy,
    *,
    maker_asset: Token,
    taker_asset: Token,
    state: PricingState = NEUTRAL_STATE,
    shape: QuoteShape = NO_SHAPE,
) -> DirectionTerms | Decision:
    """Return the terms of quoting one direction from inventory, as ``state`` stands for the one who asks."""
    if state.halted is not None:
        return Decision.refuse(RefusalReason.PAUSED, state.halted)
    market = _market_terms(snapshot, pair, maker_asset=maker_asset, taker_asset=taker_asset)
    if isinstance(market, Decision):
        return market
    return direction_terms(
        market,
        state,
        pair.spread,
        taker_brings_base=taker_asset.address == pair.base.address,
        taker_value_usd_wad=_free_usd_wad(snapshot, inventories, taker_asset),
        maker_value_usd_wad=_free_usd_wad(snapshot, inventories, maker_asset),
        shape=shape,
    )


def _free_usd_wad(snapshot: MarketSnapshot, inventories: Mapping[Address, Inventory], token: Token) -> int:
    held = inventories.get(token.address)
    return snapshot.usd_wad(token, 0 if held is None else held.free)


def market_rate_e36(snapshot: MarketSnapshot, pair: PairPolicy) -> int | None:
    """Return quote base units per base base unit at the fair value, scaled by 10**36; None where none is fair.

    Both directions are computed and kept for the quotes to come on this snapshot.
    """
    if (pair.base.address, pair.quote.address) not in snapshot.pools:
        return None
    found = _market_terms(snapshot, pair, maker_asset=pair.quote, taker_asset=pair.base)
    if isinstance(found, Decision):
        return None
    _market_terms(snapshot, pair, maker_asset=pair.base, taker_asset=pair.quote)
    return found.fair.rate_e36


def _market_terms(
    snapshot: MarketSnapshot, pair: PairPolicy, *, maker_asset: Token, taker_asset: Token
) -> MarketTerms | Decision:
    """Return what follows from the snapshot alone, computed once per snapshot, pair and direction."""
    key = (id(pair), taker_asset.address, maker_asset.address)
    known = snapshot.memo.get(key)
    if known is not None and known[0] is pair:
        found: MarketTerms | Decision = known[1]
        return found
    found = _find_market_terms(snapshot, pair, maker_asset=maker_asset, taker_asset=taker_asset)
    # The pair is kept beside the terms: its id names it for as long as it lives.
    snapshot.memo[key] = (pair, found)
    return found


def _find_market_terms(
    snapshot: MarketSnapshot, pair: PairPolicy, *, maker_asset: Token, taker_asset: Token
) -> MarketTerms | Decision:
    fair = fair_value(snapshot, maker_asset=maker_asset, taker_asset=taker_asset, rules=pair.fair)
    if isinstance(fair, Decision):
        return fair
    gas = _check_gas_price(snapshot, pair, (maker_asset, taker_asset))
    if gas is not None:
        return gas
    return market_terms(
        snapshot,
        fair,
        pair.spread,
        gas_asset=pair.gas_asset,
        maker_asset=maker_asset,
        taker_asset=taker_asset,
    )


def _check_gas_price(
    snapshot: MarketSnapshot, pair: PairPolicy, assets: tuple[Token, Token]
) -> Decision | None:
    """Return why the gas asset's feed cannot be used, None when it can.

    Where the gas asset is no asset of the pair, its pools with one of them must agree with the feed.
    """
    checked = check_feed_of(pair.gas_asset, snapshot, pair.fair)
    if not checked.accepted:
        return checked
    if pair.gas_asset in assets:
        return None
    for asset in assets:
        if (pair.gas_asset.address, asset.address) in snapshot.pools:
            found = fair_value(snapshot, maker_asset=asset, taker_asset=pair.gas_asset, rules=pair.fair)
            return found if isinstance(found, Decision) else None
    return None


def price_request(terms: DirectionTerms, request: QuoteRequest) -> PricedAmounts | Decision:
    """Price a request, exact input or exact output, on given terms."""
    if request.taking_amount is not None:
        return price_exact_in(terms, request.taking_amount, fee_bps=request.fee_bps)
    assert request.making_amount is not None
    return price_exact_out(terms, request.making_amount, fee_bps=request.fee_bps)


def inventory_offer(terms: DirectionTerms, request: QuoteRequest, inventory: Inventory) -> Offer | Decision:
    """Return the offer from inventory, or the refusal when free inventory does not cover it.

    One base unit always stays behind: an emptied balance slot makes the next fill dearer.
    """
    priced = price_request(terms, request)
    if isinstance(priced, Decision):
        return priced
    if priced.making_amount >= inventory.free:
        return Decision.refuse(
            RefusalReason.INSUFFICIENT_INVENTORY,
            f"expected less than {amount_text(inventory.free, inventory.token)} from inventory, "
            f"found {amount_text(priced.making_amount, inventory.token)}",
        )
    return Offer(name=INVENTORY, priced=priced, basis=terms.basis, cost=cost_of(priced.breakdown))


def flash_offers(
    snapshot: MarketSnapshot,
    request: QuoteRequest,
    pair: PairPolicy,
    fair: FairValue,
    shape: QuoteShape = NO_SHAPE,
) -> tuple[tuple[Offer, ...], tuple[RejectedOffer, ...]]:
    """Return the flash-funded offers, best price for the taker first, and those that do not pay."""
    routes = flash_routes(
        snapshot.pools[request.taker_asset.address, request.maker_asset.address],
        maker_asset=request.maker_asset,
        taker_asset=request.taker_asset,
        fair=fair,
        policy=pair.funding,
        shape=shape,
    )
    offers: list[Offer] = []
    rejected: list[RejectedOffer] = []
    for route in routes:
        offer = _flash_offer(snapshot, route, request, pair)
        if isinstance(offer, Decision):
            rejected.append(RejectedOffer(name=route.name, decision=offer))
        else:
            offers.append(offer)
    # Stable: equal prices keep the order of the routes, cheapest lender and least gas first.
    offers.sort(key=lambda offer: (-offer.priced.making_amount, offer.priced.taking_amount))
    return tuple(offers), tuple(rejected)


def _flash_offer(
    snapshot: MarketSnapshot, route: FlashRoute, request: QuoteRequest, pair: PairPolicy
) -> Offer | Decision:
    policy = pair.funding
    priced = price_request(route.terms, request)
    if isinstance(priced, Decision):
        return priced
    profit = expected_profit_down(route.pool.depth, priced, premium_bps=route.premium_bps)
    if profit is None:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_LARGE, f"{route.name}: the pool is not deep enough as far as we read it"
        )
    least = min_profit_up(priced.taking_amount, policy=policy)
    if profit < least:
        return Decision.refuse(
            RefusalReason.UNPROFITABLE,
            f"{route.name}: expected a profit of {amount_text(least, request.taker_asset)} "
            f"after the hedge, found {amount_text(profit, request.taker_asset)}",
        )
    plan = funding_plan(route, profit=profit, policy=policy)
    premium = share_of_bps_e36(route.premium_bps)
    brought = snapshot.usd_wad(request.taker_asset, priced.taking_amount)
    gas_e36 = extra_gas(route.source) * snapshot.gas_price_wei * snapshot.usd_per_unit_e36(pair.gas_asset)
    cost = cost_of(
        priced.breakdown,
        funding=((CostName.FEE, premium),),
        taker_gas_share_e36=share_up_e36(gas_e36 * _WAD, max(brought, 1)),
    )
    return Offer(name=route.name, priced=priced, plan=plan, expected_profit=profit, cost=cost)
