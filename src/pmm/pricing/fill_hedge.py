"""A hedge inside the fill: what came in is sold on a Uniswap V3 pool by RouterHooks, on 1inch's domain alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pmm.domain import Decision, FundingPlan, FundingSource, QuoteRequest, RefusalReason
from pmm.domain.hook_payloads import InventoryHedge, PostAction, PostHook
from pmm.pricing.amount_text import amount_text
from pmm.pricing.components import ComponentName, PriceComponent
from pmm.pricing.fixed_point import BPS, div_up
from pmm.pricing.market import MarketSnapshot, PoolReading
from pmm.pricing.quoting import PricedAmounts
from pmm.pricing.terms import DirectionTerms, impact_steps

HOOK_GAS: Final = 166_100
"""Gas of the hedge inside a fill on 1inch's contract; the taker pays it. Measured on the offline mainnet's genuine
contract and 0.05 % pool: 152,666 to 166,053 more than the plain fill, 2,500 to 75,000 USD both ways
(``tests/fork/desk/test_fill_hedges.py`` holds it)."""
_MOST_MINIMUM: Final = (1 << 128) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FillHedgeRules:
    """How a fill of one direction may be hedged inside itself.

    Attributes:
        required: a hedge that fails reverts the fill; else the fill stands and the desk hedges later.
        slippage_bps: how far what the pool pays may fall below what it pays now.
        gas_floor: gas that a taker must leave a best-effort hedge; 0 where it is required.
        band_bps: how far the settlement lets it fall below its feeds' price; None for no limit.
    """

    required: bool
    slippage_bps: int
    gas_floor: int = 0
    band_bps: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the value for a journal; the constructor takes it back."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillHedge:
    """The hedge that an order carries.

    ``sale`` is signed; ``expected_out`` is what the pool pays for it now, maker base units, rounded down.
    """

    sale: InventoryHedge
    required: bool
    gas_floor: int
    expected_out: int

    @property
    def hook(self) -> PostHook:
        """What RouterHooks is told after the fill."""
        return PostHook(
            action=PostAction.HEDGE, required=self.required, gas_floor=self.gas_floor, hedge=self.sale
        )


def hedged_terms(
    terms: DirectionTerms,
    pool: PoolReading,
    rules: FillHedgeRules,
    *,
    hedge_gas_e36: int,
    min_edge_e36: int,
) -> DirectionTerms:
    """Return the terms of a quote whose fill is hedged inside on ``pool``.

    The pool's whole impact and fee are borne and the desk's own hedge is not. A required hedge leaves inventory as
    it is and never sells below the quoted price, so skew and the option of the time to fill are left out as well. A
    taker can make a best-effort hedge fail: those stay, but for a skew in the taker's favour.
    """
    half_spread_e36 = sum(part.share_e36 for part in terms.flat if part.name is ComponentName.HALF_SPREAD)
    flat: list[PriceComponent] = []
    for part in terms.flat:
        share = part.share_e36
        if part.name is ComponentName.GAS:
            share = max(share - hedge_gas_e36, 0)
        elif part.name is ComponentName.INVENTORY_SKEW:
            share = max(min_edge_e36 - half_spread_e36, 0 if rules.required else share, 0)
        elif part.name is ComponentName.VOLATILITY_LATENCY and rules.required:
            share = 0
        elif part.name is ComponentName.OPERATOR_SKEW and (rules.required or share < 0):
            continue
        flat.append(replace(part, share_e36=share))
    steps = impact_steps(pool.depth.steps, fair=terms.fair, impact_share_bps=BPS)
    return replace(terms, flat=tuple(flat), steps=steps)


def plan_fill_hedge(
    snapshot: MarketSnapshot,
    request: QuoteRequest,
    priced: PricedAmounts,
    pool: PoolReading,
    rules: FillHedgeRules,
    *,
    sells_all: bool,
) -> FillHedge | Decision:
    """Return the hedge to sign for priced amounts, or why there is none.

    ``sells_all`` sells the whole taking amount and leaves the margin in the maker asset; else as little as brings the
    making amount back, in whole basis points, and the margin stays in the taker asset.

    The signed minimum is rounded up. It is the greater of what the slippage allows and of the sold part's share of
    the making amount: no hedge sells below the price of its own fill.
    """
    making, taking = priced.making_amount, priced.taking_amount
    share_bps = BPS
    if not sells_all:
        needed = pool.depth.in_up(making)
        share_bps = BPS if needed is None else min(div_up(needed * BPS, taking), BPS)
    amount_in = taking * share_bps // BPS
    expected = pool.depth.out_down(amount_in)
    if expected is None:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_LARGE,
            f"the pool is not deep enough, as far as we read it, to sell "
            f"{amount_text(amount_in, request.taker_asset)}",
        )
    cover = div_up(making * amount_in, taking)
    floor = max(cover, band_floor_up(snapshot, request, amount_in, rules))
    if expected < floor:
        return Decision.refuse(
            RefusalReason.UNPROFITABLE,
            f"expected at least {amount_text(floor, request.maker_asset)} from the hedge inside the fill, "
            f"which our price and the settlement's band ask for, found {amount_text(expected, request.maker_asset)}",
        )
    minimum = max(div_up(expected * (BPS - rules.slippage_bps), BPS), cover)
    if minimum > _MOST_MINIMUM:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_LARGE,
            f"expected a minimum of the hedge below 2^128 base units, found {minimum}",
        )
    plan = FundingPlan(source=FundingSource.UNISWAP_V3_SWAP, swap_fee_pips=pool.fee_pips, min_profit=0)
    return FillHedge(
        sale=InventoryHedge(share_bps=share_bps, minimum_out=minimum, plan=plan.encode()),
        required=rules.required,
        gas_floor=rules.gas_floor,
        expected_out=expected,
    )


def band_floor_up(
    snapshot: MarketSnapshot, request: QuoteRequest, amount_in: int, rules: FillHedgeRules
) -> int:
    """Return the least that the settlement's band lets a sale bring, by the feeds as read, rounded up."""
    if rules.band_bps is None:
        return 0
    worth = amount_in * snapshot.usd_per_unit_e36(request.taker_asset) * (BPS - rules.band_bps)
    return div_up(worth, snapshot.usd_per_unit_e36(request.maker_asset) * BPS)
