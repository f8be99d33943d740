"""How the maker asset of a quote is paid for: inventory where it suffices, else flash funds with the hedge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pmm.domain import FundingPlan, FundingSource, Token
from pmm.pricing.components import ComponentName, PriceComponent
from pmm.pricing.depth import DepthCurve
from pmm.pricing.fair_value import FairValue
from pmm.pricing.fixed_point import BPS, E36, div_up, share_of_bps_e36
from pmm.pricing.market import PoolKind, PoolReading
from pmm.pricing.quote_shape import NO_SHAPE, QuoteShape
from pmm.pricing.quoting import PricedAmounts
from pmm.pricing.terms import DirectionTerms, impact_steps

# Gas of the whole fill, docs/gas.md: one WETH for USDC on the offline mainnet. Uniswap V3's flash is that of a 0.3 %
# pool; ERC-3156 and a second signed order have no row and count as the dearest loan.
_FILL_GAS = {
    FundingSource.UNISWAP_V3_SWAP: 139_317,
    FundingSource.MORPHO_BLUE_LOAN: 182_574,
    FundingSource.BALANCER_V2_LOAN: 187_070,
    FundingSource.AAVE_V3_LOAN: 291_993,
    FundingSource.UNISWAP_V3_FLASH: 196_007,
    FundingSource.ERC3156_LOAN: 291_993,
    FundingSource.UNISWAP_V2_SWAP: 158_262,
    FundingSource.UNISWAP_V4_SWAP: 172_161,
    FundingSource.SIGNED_ORDER: 291_993,
}
_PLAIN_FILL_GAS = 85_535

WITHOUT_HEDGER = frozenset({FundingSource.UNISWAP_V3_SWAP})
"""Sources of plans that the settlement carries out itself: ``funding_plan`` closes on one pool."""


def extra_gas(source: FundingSource) -> int:
    """Return the gas of a fill funded by a source beyond that of a plain fill; the taker pays it."""
    return _FILL_GAS[source] - _PLAIN_FILL_GAS


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPolicy:
    """Which flash sources may fund a quote and what it must earn.

    Attributes:
        sources: flash sources to fund quotes by.
        premium_bps: what each lender charges; a source left out charges nothing.
        half_spread_bps: margin of a funded quote.
        min_profit_bps: expected profit of a funded quote, over its taking amount, below which it is refused.
        signed_profit_share_bps: part of the expected profit that is signed as the minimum: the rest is room for
            the pool to move before the fill, and bounds what a sandwich can take.
        holding_s: how long a position funded by the lending account or hedged on a perp is expected to last.
        provide_gas_units: gas that just-in-time inventory adds to a fill on 1inch's contract.
        restore_gas_units: gas of putting it back. Both are estimates: docs/gas.md has no row for them yet.
    """

    sources: tuple[FundingSource, ...] = (
        FundingSource.UNISWAP_V3_SWAP,
        FundingSource.MORPHO_BLUE_LOAN,
        FundingSource.BALANCER_V2_LOAN,
    )
    premium_bps: tuple[tuple[FundingSource, int], ...] = ((FundingSource.AAVE_V3_LOAN, 5),)
    half_spread_bps: Decimal = Decimal(8)
    min_profit_bps: Decimal = Decimal(2)
    signed_profit_share_bps: int = 2_500
    holding_s: int = 3_600
    provide_gas_units: int = 250_000
    restore_gas_units: int = 200_000

    def premium_bps_of(self, source: FundingSource) -> int:
        """Return what a lender charges, in basis points of the loan."""
        return dict(self.premium_bps).get(source, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashRoute:
    """A source, the pool that the hedge swap goes through, and the terms of quoting on it."""

    source: FundingSource
    pool: PoolReading
    premium_bps: int
    terms: DirectionTerms

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return f"{self.source.name.lower()}_{self.pool.fee_pips}"


def flash_routes(
    pools: Sequence[PoolReading],
    *,
    maker_asset: Token,
    taker_asset: Token,
    fair: FairValue,
    policy: FundingPolicy,
    shape: QuoteShape = NO_SHAPE,
) -> tuple[FlashRoute, ...]:
    """Return every allowed source on every pool, cheapest lender first, then least gas."""
    ranked = sorted(policy.sources, key=lambda source: (policy.premium_bps_of(source), _FILL_GAS[source]))
    routes: list[FlashRoute] = []
    for source in ranked:
        wanted = PoolKind.UNISWAP_V2 if source is FundingSource.UNISWAP_V2_SWAP else PoolKind.UNISWAP_V3
        premium_bps = policy.premium_bps_of(source)
        flat = (
            PriceComponent(
                name=ComponentName.HALF_SPREAD, share_e36=share_of_bps_e36(policy.half_spread_bps)
            ),
            PriceComponent(name=ComponentName.FUNDING, share_e36=share_of_bps_e36(premium_bps)),
            # No skew: the hedge inside the fill leaves inventory as it is.
            *shape.widened,
        )
        for pool in pools:
            if pool.kind is not wanted:
                continue
            # The swap happens inside the fill, so the quote bears all of its impact and fee.
            steps = impact_steps(pool.depth.steps, fair=fair, impact_share_bps=BPS)
            terms = DirectionTerms(
                maker_asset=maker_asset, taker_asset=taker_asset, fair=fair, flat=flat, steps=steps
            )
            routes.append(FlashRoute(source=source, pool=pool, premium_bps=premium_bps, terms=terms))
    return tuple(routes)


def expected_profit_down(depth: DepthCurve, priced: PricedAmounts, *, premium_bps: int) -> int | None:
    """Return taker asset left after the hedge has repaid the lender, rounded down; None beyond the depth.

    Negative when the hedge costs more than the taker pays.
    """
    repaid = priced.making_amount + div_up(priced.making_amount * premium_bps, BPS)
    needed = depth.in_up(repaid)
    return None if needed is None else priced.taking_amount - needed


def min_profit_up(taking_amount: int, *, policy: FundingPolicy) -> int:
    """Return the least profit for which a funded quote is given, in taker base units, at least 1."""
    return max(div_up(taking_amount * share_of_bps_e36(policy.min_profit_bps), E36), 1)


def funding_plan(route: FlashRoute, *, profit: int, policy: FundingPolicy) -> FundingPlan:
    """Return the plan to sign: its minimum is a share of the expected profit, at least 1 base unit."""
    signed = max(profit * policy.signed_profit_share_bps // BPS, 1)
    fee_pips = route.pool.fee_pips if route.pool.kind is PoolKind.UNISWAP_V3 else 0
    return FundingPlan(source=route.source, swap_fee_pips=fee_pips, min_profit=signed)
