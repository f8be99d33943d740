"""When the desk hedges, from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pmm.execution.hedging import (
    BandHedge,
    HedgedAsset,
    HedgeDecision,
    HedgeLimits,
    HedgeStrategy,
    Immediate,
    NoHedge,
    OpenDelta,
)
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


def strategy_of(desk: DeskSettings) -> HedgeStrategy:
    """Return the strategy that is set."""
    if desk.hedging is Hedging.NONE:
        return NoHedge()
    if desk.hedging is Hedging.IMMEDIATE:
        return Immediate()
    return DollarBand(inner_usd_wad=_wad(desk.band_inner_usd), outer_usd_wad=_wad(desk.band_outer_usd))


def hedged_assets(desk: DeskSettings) -> tuple[HedgedAsset, ...]:
    """Return what is hedged, and how."""
    limits = HedgeLimits(max_slippage_bps=desk.max_slippage_bps, max_cost_bps=desk.max_cost_bps)
    pairs = [parse_pair(name) for name in desk.hedged]
    return tuple(
        HedgedAsset(asset=asset, quote=quote, strategy=strategy_of(desk), limits=limits)
        for asset, quote in pairs
    )


def _wad(usd: Decimal) -> int:
    return int(usd * _WAD)
