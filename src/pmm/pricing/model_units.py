"""The one place where a model's float becomes part of a price: basis points to shares, rounded for the maker."""

from __future__ import annotations

from math import ceil, isfinite

from pmm.errors import InvalidInput

# Shares from models stop at six decimal places of a basis point: a float's last digit, which may differ between
# machines, must not show in a replayed price.
_UNITS_PER_BPS = 1_000_000
_UNIT_E36 = 10**26
# Far above any price: a model that says more is broken.
_MOST_BPS = 1e6


def share_up_of_bps(bps: float) -> int:
    """Return a share (scaled by 10**36) for a model's basis points, rounded up: what the taker pays grows.

    Raises InvalidInput for what is not a finite number of at most a million basis points.
    """
    if not isfinite(bps) or abs(bps) > _MOST_BPS:
        raise InvalidInput(f"model: expected finite basis points, found {bps}; check the pair's parameters")
    return ceil(bps * _UNITS_PER_BPS) * _UNIT_E36
