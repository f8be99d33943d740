"""How much of one asset hedges another with the least variance left: h = Cov(dS, dF) / Var(dF). Statistics; floats.

Changes, not levels, over the interval between two hedges (Hull, Options, Futures, and Other Derivatives, chapter 3:
h = rho * sigma_S / sigma_F).
"""

from __future__ import annotations

from collections.abc import Sequence

from pmm.errors import InvalidInput

WAD = 10**18
_FEWEST = 3


def ratio_of(correlation: float, sigma_spot: float, sigma_hedge: float) -> float:
    """Return the ratio from a correlation and two volatilities of changes; raise InvalidInput for no volatility."""
    if sigma_hedge <= 0 or not -1 <= correlation <= 1:
        raise InvalidInput(
            f"hedge ratio: expected a correlation of -1 to 1 and a volatility above 0, found {correlation} "
            f"and {sigma_hedge}"
        )
    return correlation * sigma_spot / sigma_hedge


def minimum_variance_ratio(spot_changes: Sequence[float], hedge_changes: Sequence[float]) -> float:
    """Return the ratio from changes of both over the same intervals; raise InvalidInput where it is not defined."""
    if len(spot_changes) != len(hedge_changes) or len(spot_changes) < _FEWEST:
        raise InvalidInput(
            f"hedge ratio: expected at least {_FEWEST} changes of both over the same intervals, found "
            f"{len(spot_changes)} and {len(hedge_changes)}"
        )
    spot_mean = sum(spot_changes) / len(spot_changes)
    hedge_mean = sum(hedge_changes) / len(hedge_changes)
    variance = sum((f - hedge_mean) ** 2 for f in hedge_changes)
    if variance == 0:
        raise InvalidInput("hedge ratio: expected a hedge whose price moves, found one that stands still")
    pairs = zip(spot_changes, hedge_changes, strict=True)
    return sum((s - spot_mean) * (f - hedge_mean) for s, f in pairs) / variance


def ratio_wad(ratio: float, *, highest: float = 1.0) -> int:
    """Return a ratio scaled by 10**18, between 0 and ``highest``: a hedge never adds to what it hedges."""
    return int(min(max(ratio, 0.0), highest) * WAD)
