"""When the desk hedges, from its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from pmm.desk.measured_ratio import MeasuredRatio, Ratio
from pmm.domain import Token
from pmm.execution.hedging import (
    BandHedge,
    BatchHedge,
    HedgedAsset,
    HedgeDecision,
    HedgeLimits,
    HedgeStrategy,
    Immediate,
    NoHedge,
    OpenDelta,
    RatioHedge,
)
from pmm.risk.price_record import PriceRecord
from pmm.settings import parse_pair
from pmm.settings_sections import DeskSettings, Hedging

_WAD = 10**18
DUST_USD_WAD = 10 * _WAD
"""Less is not worth a swap: gas alone takes a good part of it. Risk does not ask for it to be hedged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DollarBand:
    """``BandHedge`` with edges in US dollars (wad), at the price of each decision. Without a price it waits."""

    inner_usd_wad: int
    outer_usd_wad: int
    name: str = "band"

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Trade to the inner edge, rounded towards zero, once the outer one is passed."""
        if delta.usd_wad <= self.outer_usd_wad:
            return None
        inner = abs(delta.amount) * self.inner_usd_wad // delta.usd_wad
        return BandHedge(inner=inner, outer=inner).decide(delta)


@dataclass(frozen=True, slots=True)
class AboveDust:
    """What another strategy does, once it is worth it: a fill hedged inside itself leaves less than that open."""

    inside: HedgeStrategy

    @property
    def name(self) -> str:
        """The other strategy's."""
        return self.inside.name

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Wait below ``DUST_USD_WAD``; without a price the other strategy decides, and the routes say what lacks."""
        if 0 < delta.usd_wad < DUST_USD_WAD:
            return None
        return self.inside.decide(delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceHedge:
    """``RatioHedge`` with the ratio of each decision; the whole is hedged while it is not known."""

    ratio: Callable[[], Ratio]
    inside: HedgeStrategy
    name: str = "minimum_variance"

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Scale the other strategy's trade, rounded towards zero."""
        now = self.ratio()
        found = RatioHedge(ratio_wad=now.wad, inside=self.inside).decide(delta)
        if found is None or not now.unknown:
            return found
        return replace(found, reason=f"{found.reason}: {now.unknown}")


def strategy_of(desk: DeskSettings, ratio: Callable[[], Ratio]) -> HedgeStrategy:
    """Return the strategy that is set; ``ratio`` measures the one of least variance."""
    if desk.hedging is not Hedging.MINIMUM_VARIANCE:
        return _plain(desk, desk.hedging)
    if desk.variance_ratio is not None:
        return RatioHedge(ratio_wad=_wad(desk.variance_ratio), inside=_plain(desk, desk.variance_inside))
    return VarianceHedge(ratio=ratio, inside=_plain(desk, desk.variance_inside))


def hedged_assets(desk: DeskSettings, prices: PriceRecord) -> tuple[HedgedAsset, ...]:
    """Return what is hedged, and how; ``prices`` are those that the desk has seen."""
    limits = HedgeLimits(max_slippage_bps=desk.max_slippage_bps, max_cost_bps=desk.max_cost_bps)

    def of(asset: Token, quote: Token) -> HedgeStrategy:
        return strategy_of(desk, MeasuredRatio(prices, asset.symbol, quote.symbol))

    pairs = [parse_pair(name) for name in desk.hedged]
    return tuple(
        HedgedAsset(asset=asset, quote=quote, strategy=of(asset, quote), limits=limits)
        for asset, quote in pairs
    )


def ratio_of(strategy: HedgeStrategy) -> Ratio | None:
    """Return the part that a strategy hedges now, None for one that takes the whole."""
    if isinstance(strategy, RatioHedge):
        return Ratio(wad=strategy.ratio_wad)
    return strategy.ratio() if isinstance(strategy, VarianceHedge) else None


def _plain(desk: DeskSettings, kind: Hedging) -> HedgeStrategy:
    if kind is Hedging.NONE:
        return NoHedge()
    if kind is Hedging.IMMEDIATE:
        return AboveDust(Immediate())
    if kind is Hedging.BATCH:
        return BatchHedge(usd_wad=_wad(desk.batch_usd), age_ms=desk.batch_age_ms)
    return DollarBand(inner_usd_wad=_wad(desk.band_inner_usd), outer_usd_wad=_wad(desk.band_outer_usd))


def _wad(usd: Decimal) -> int:
    return int(usd * _WAD)
