"""Half-spread and inventory skew of a quote by the pair's model: fixed, Avellaneda-Stoikov, or GLFT.

Models work in basis points of the fair value and in seconds: ``sigma`` bps per sqrt second, ``gamma`` per bps and
lot, ``k`` per bps, intensity fills per second. A lot is a sum in US dollars of the pair's base asset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from math import isfinite

from pmm.domain import Decision, RefusalReason
from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput
from pmm.pricing.avellaneda_stoikov import reservation_price, spread
from pmm.pricing.fixed_point import share_of_bps_e36
from pmm.pricing.glft import GlftParameters, bid_distance
from pmm.pricing.model_units import share_up_of_bps
from pmm.pricing.risk_aversion import RiskAversionPolicy, risk_aversion
from pmm.pricing.state import PricingState

_WAD = 10**18


class SpreadModel(StrEnum):
    """The model of a pair; the value is what settings and the journal say."""

    FIXED = "fixed"
    AVELLANEDA_STOIKOV = "avellaneda_stoikov"
    GLFT = "glft"


class ModelReason(StrEnum):
    """Why a model was used.

    ``VOLATILITY_UNKNOWN``: the fixed one stood in for another. ``CLOSED``: the model does not quote.
    """

    BY_POLICY = "by_policy"
    VOLATILITY_UNKNOWN = "volatility_unknown"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameters:
    """Parameters of the two models with risk aversion.

    Attributes:
        gamma: base risk aversion, per bps and lot.
        k: how fast fills thin out with distance from the mid, per bps.
        horizon_s: time a position is expected to be held (Avellaneda-Stoikov).
        intensity: fills per second at no distance (GLFT).
        lot_usd: one lot.
        max_lots: inventory beyond target at which the side that adds to it stops.
        max_distance_bps: distance from the fair value beyond which a side stops: volatility out of all measure.
        target_base_bps: share of the pair's value that we want to hold in its base asset.
        risk_aversion: how volatility and toxic flow raise gamma.
    """

    gamma: float = 0.005
    k: float = 0.3
    horizon_s: float = 60.0
    intensity: float = 0.1
    lot_usd: int = 25_000
    max_lots: int = 10
    max_distance_bps: float = 500.0
    target_base_bps: int = 5_000
    risk_aversion: RiskAversionPolicy = field(default_factory=RiskAversionPolicy)

    def __post_init__(self) -> None:
        positive = (self.gamma, self.k, self.horizon_s, self.intensity, self.max_distance_bps, self.lot_usd)
        if not all(value > 0 and isfinite(value) for value in positive):
            raise InvalidInput(
                f"spread model: expected positive gamma, k, horizon, intensity, lot and distance, found {self}"
            )
        if not 1 <= self.max_lots <= 100 or not 0 <= self.target_base_bps <= 10_000:
            raise InvalidInput(
                "spread model: expected 1 to 100 lots and a target of 0 to 10000 bps, found "
                f"{self.max_lots} and {self.target_base_bps}"
            )


@value_class(frozen=True, slots=True, kw_only=True)
class Edge:
    """Half-spread and skew as shares, and how they were come by; ``gamma`` and ``lots`` None for ``fixed``."""

    half_spread_e36: int
    skew_e36: int
    model: SpreadModel
    reason: ModelReason
    gamma: float | None = None
    lots: float | None = None


def lots_of_taker_asset(
    parameters: ModelParameters,
    *,
    taker_value_usd_wad: int,
    maker_value_usd_wad: int,
    taker_brings_base: bool,
) -> float:
    """Return how much more of the taker asset we hold than we want, in lots, negative where we want more."""
    total = taker_value_usd_wad + maker_value_usd_wad
    target_bps = parameters.target_base_bps if taker_brings_base else 10_000 - parameters.target_base_bps
    return (taker_value_usd_wad * 10_000 - total * target_bps) / (10_000 * parameters.lot_usd * _WAD)


def model_edge(
    model: SpreadModel,
    parameters: ModelParameters,
    state: PricingState,
    *,
    lots: float,
    min_edge_bps: Decimal,
) -> Edge | Decision | None:
    """Return the edge for a taker who brings the asset of which we hold ``lots`` too many.

    Half-spread and skew together never fall below ``min_edge_bps``. None while volatility is unknown; a refusal
    where the model buys no more of the asset.
    """
    if state.sigma_now_bps is None:
        return None
    gamma = risk_aversion(
        parameters.gamma,
        sigma_now=state.sigma_now_bps,
        sigma_base=state.sigma_base_bps,
        toxic_flow=state.toxic_flow,
        policy=parameters.risk_aversion,
    ).gamma
    if lots > parameters.max_lots - 1:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED,
            f"expected less than {parameters.max_lots} lots of {parameters.lot_usd} USD beyond the target, "
            f"found {lots:.1f}; we take no more of this asset",
        )
    half_bps, skew_bps = _half_spread_and_skew(
        model, parameters, gamma=gamma, sigma=state.sigma_now_bps, lots=lots
    )
    if not max(half_bps, half_bps + skew_bps) <= parameters.max_distance_bps:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED,
            f"expected to quote within {parameters.max_distance_bps:.0f} bps of the fair value, found "
            f"{half_bps:.0f} and {skew_bps:.0f} bps of spread and skew at a volatility of "
            f"{state.sigma_now_bps:.2f} bps per sqrt second",
        )
    least = share_of_bps_e36(min_edge_bps)
    half_spread_e36 = max(share_up_of_bps(half_bps), least)
    return Edge(
        half_spread_e36=half_spread_e36,
        skew_e36=max(share_up_of_bps(max(skew_bps, -half_bps)), least - half_spread_e36),
        model=model,
        reason=ModelReason.BY_POLICY,
        gamma=gamma,
        lots=lots,
    )


def _half_spread_and_skew(
    model: SpreadModel, parameters: ModelParameters, *, gamma: float, sigma: float, lots: float
) -> tuple[float, float]:
    """Return both in basis points; what is wanted beyond ``max_lots`` is wanted no more than at them."""
    p = parameters
    if model is SpreadModel.AVELLANEDA_STOIKOV:
        half = spread(gamma=gamma, sigma=sigma, k=p.k, horizon=p.horizon_s) / 2
        held = max(lots, -float(p.max_lots))
        return half, -reservation_price(0.0, held, gamma=gamma, sigma=sigma, horizon=p.horizon_s)
    glft = GlftParameters(gamma=gamma, sigma=sigma, k=p.k, intensity=p.intensity, max_lots=p.max_lots)
    half_spread, distance = bid_distance(0.0, glft), bid_distance(lots, glft)
    assert half_spread is not None
    assert distance is not None
    return half_spread, distance - half_spread
