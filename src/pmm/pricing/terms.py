"""The price of one direction of one pair at one moment, before a size is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from pmm.domain import Decision, Token
from pmm.domain.value_class import value_class
from pmm.pricing.basis import QuoteBasis
from pmm.pricing.capital import CapitalPolicy
from pmm.pricing.components import PriceComponent, sum_of_shares
from pmm.pricing.depth import DepthStep
from pmm.pricing.fair_value import FairValue
from pmm.pricing.fixed_point import BPS, E36, div_up, share_of_bps_e36, share_up_e36
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.option_value import OptionPolicy
from pmm.pricing.quotation import QuotationPolicy
from pmm.pricing.spread_models import Edge, ModelParameters, ModelReason, SpreadModel

_FIXED: Final = SpreadModel.FIXED


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadPolicy:
    """How we price a pair.

    Raises InvalidInput for basis points of more than 32 decimal places.

    Attributes:
        half_spread_bps: margin on each side of the fair value.
        min_edge_bps: what half-spread and skew together never fall below.
        max_skew_bps: skew when we hold only one asset of the pair.
        impact_share_bps: part of the hedge venue's impact and fee that an inventory quote bears; 10,000 means
            that every fill is hedged at once, less means that flow of both sides nets.
        hedge_gas_units: gas of one hedge transaction.
        hedge_batch_usd: fills are hedged once per this much notional.
        fill_gas_units: gas of a fill of our order.
        relayer_gas_units: gas that the relayer expects of a fill; what ours takes beyond it is priced in.
        model: where half-spread and skew come from; ``half_spread_bps`` and ``max_skew_bps`` are of ``fixed``,
            which also stands in for another model while volatility is unknown.
        parameters: of the other models.
        quotation: whether quotes are centred on our fair value or on an exchange's price.
        option: what the time to fill is worth to the taker.
        capital: what one market may promise; None leaves sizes to the limits of risk.
    """

    half_spread_bps: Decimal = Decimal(5)
    min_edge_bps: Decimal = Decimal(1)
    max_skew_bps: Decimal = Decimal(3)
    impact_share_bps: int = 5_000
    hedge_gas_units: int = 130_000
    hedge_batch_usd: int = 25_000
    fill_gas_units: int = 0
    relayer_gas_units: int = 0
    model: SpreadModel = SpreadModel.FIXED
    parameters: ModelParameters = field(default_factory=ModelParameters)
    quotation: QuotationPolicy = field(default_factory=QuotationPolicy)
    option: OptionPolicy = field(default_factory=OptionPolicy)
    capital: CapitalPolicy | None = None
    # Of the fixed model, as shares: half-spread, skew at most, and at least.
    half_spread_e36: int = field(init=False, repr=False, compare=False)
    max_skew_e36: int = field(init=False, repr=False, compare=False)
    min_skew_e36: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "half_spread_e36", share_of_bps_e36(self.half_spread_bps))
        put(self, "max_skew_e36", share_of_bps_e36(self.max_skew_bps))
        put(self, "min_skew_e36", min(share_of_bps_e36(self.min_edge_bps - self.half_spread_bps), 0))


@value_class(frozen=True, slots=True, kw_only=True)
class TermStep:
    """``taking_amount`` more (of this step alone) at a size impact, a share of the fair value."""

    taking_amount: int
    impact_share_e36: int


@value_class(frozen=True, slots=True, kw_only=True)
class DirectionTerms:
    """What any size of one direction costs: parts that do not depend on size, and steps that do.

    Attributes:
        flat: parts that do not depend on size.
        steps: depth and its size impact.
        quote_cost_e36: cost of a quote of any size, maker base units scaled by 10**36, rounded up; counted as
            gas, and not part of the ladder.
        making_limit: most that allocated capital promises, maker base units; None without allocation.
        closed: why inventory takes no more of the taker asset; None while it does.
        basis: how the price was come by, for the journal.
    """

    maker_asset: Token
    taker_asset: Token
    fair: FairValue
    flat: tuple[PriceComponent, ...]
    steps: tuple[TermStep, ...]
    quote_cost_e36: int = 0
    making_limit: int | None = None
    closed: Decision | None = None
    basis: QuoteBasis | None = None

    @property
    def flat_share_e36(self) -> int:
        """Sum of the parts that do not depend on size."""
        return sum_of_shares(self.flat)

    @property
    def max_taking_amount(self) -> int:
        """Largest amount that the steps cover."""
        return sum(step.taking_amount for step in self.steps)


def inventory_skew_e36(*, taker_value_usd_wad: int, maker_value_usd_wad: int, policy: SpreadPolicy) -> int:
    """Return the skew against a taker who brings what we hold much of, negative where we want it.

    Linear in the imbalance (taker asset value less maker asset value, over their sum), at most
    ``max_skew_bps``, and never so negative that half-spread and skew fall below ``min_edge_bps``.
    """
    total = taker_value_usd_wad + maker_value_usd_wad
    if total == 0:
        return 0
    skew = share_up_e36(policy.max_skew_e36 * (taker_value_usd_wad - maker_value_usd_wad), total)
    return max(skew, policy.min_skew_e36)


def fixed_edge(
    *,
    taker_value_usd_wad: int,
    maker_value_usd_wad: int,
    skewed: bool,
    policy: SpreadPolicy,
    reason: ModelReason,
) -> Edge:
    """Return the edge of the fixed model; without skew where the quote is not centred on our inventory."""
    skew_e36 = 0
    if skewed:
        skew_e36 = inventory_skew_e36(
            taker_value_usd_wad=taker_value_usd_wad, maker_value_usd_wad=maker_value_usd_wad, policy=policy
        )
    return Edge(
        half_spread_e36=policy.half_spread_e36,
        skew_e36=skew_e36,
        model=_FIXED,
        reason=reason,
    )


def fill_gas_cost_e36(
    snapshot: MarketSnapshot, *, gas_asset: Token, maker_asset: Token, policy: SpreadPolicy
) -> int:
    """Return gas of a fill beyond what the relayer expects, in maker base units scaled by 10**36, rounded up.

    ``max((gas used - gas expected) * gas price * price of gas in the asset out, 0)``: the gas compensation of
    Valantis HOT (docs.valantis.xyz, HOT API).
    """
    units = max(policy.fill_gas_units - policy.relayer_gas_units, 0)
    cost_usd_e36 = units * snapshot.gas_price_wei * snapshot.usd_per_unit_e36(gas_asset)
    return div_up(cost_usd_e36 * E36, snapshot.usd_per_unit_e36(maker_asset))


def hedge_gas_share_e36(snapshot: MarketSnapshot, *, gas_asset: Token, policy: SpreadPolicy) -> int:
    """Return gas of one hedge over the notional that one hedge covers, rounded up.

    ``gas_asset`` is the token whose feed prices the chain's gas (WETH on Ethereum).
    """
    cost_e36 = policy.hedge_gas_units * snapshot.gas_price_wei * snapshot.usd_per_unit_e36(gas_asset)
    return share_up_e36(cost_e36, policy.hedge_batch_usd)


def impact_steps(
    steps: tuple[DepthStep, ...], *, fair: FairValue, impact_share_bps: int
) -> tuple[TermStep, ...]:
    """Turn hedge depth into steps of size impact: how far each step's price is below fair, times the share.

    Rounded up. A venue that pays better than fair gives no rebate.
    """
    terms: list[TermStep] = []
    for step in steps:
        fair_out_e36 = step.amount_in * fair.rate_e36
        shortfall = max(fair_out_e36 - step.amount_out * E36, 0)
        impact = share_up_e36(shortfall * E36 * impact_share_bps, fair_out_e36 * BPS)
        terms.append(TermStep(taking_amount=step.amount_in, impact_share_e36=impact))
    return tuple(terms)
