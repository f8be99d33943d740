"""One number out of several opinions, of which any single one may be a lie.

Weighted median: Edgeworth 1888; breakdown point of one half: Hampel 1971, Huber and Ronchetti, Robust Statistics
(2009), 1.4 and 3.2. The weight of an opinion is cut so that with three or more none is half of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36, div_up

# Weights are multiplied by this, so that "less than half" costs a millionth of a weight and not a whole one.
_FINE = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePrice:
    """One opinion: maker base units per taker base unit, and how much it counts."""

    source: str
    rate_e36: int
    weight: int
    kind: str = ""


def distance_e36(rate_e36: int, centre_e36: int) -> int:
    """Return how far a rate is from a centre, as a share of the centre, rounded up."""
    return div_up(abs(rate_e36 - centre_e36) * E36, centre_e36)


def limited_weights(opinions: Sequence[SourcePrice]) -> tuple[SourcePrice, ...]:
    """Return the opinions with every weight below the sum of the others; two opinions count the same at most."""
    fine = [replace(opinion, weight=opinion.weight * _FINE) for opinion in opinions]
    total = sum(opinion.weight for opinion in fine)
    if len(fine) == 2:
        least = min(opinion.weight for opinion in fine)
        return tuple(replace(opinion, weight=least) for opinion in fine)
    return tuple(
        replace(opinion, weight=max(min(opinion.weight, total - opinion.weight - 1), 1)) for opinion in fine
    )


def weighted_median_e36(opinions: Sequence[SourcePrice]) -> int:
    """Return the lowest rate with at least half of the weight at or below it; there must be an opinion."""
    ranked = sorted(opinions, key=lambda opinion: opinion.rate_e36)
    half = sum(opinion.weight for opinion in ranked)
    below = 0
    for opinion in ranked:
        below += opinion.weight
        if 2 * below >= half:
            return opinion.rate_e36
    return ranked[-1].rate_e36


def weighted_mean_e36(opinions: Sequence[SourcePrice]) -> int:
    """Return the weighted mean, rounded down."""
    total = sum(opinion.weight for opinion in opinions)
    return sum(opinion.rate_e36 * opinion.weight for opinion in opinions) // total


def split_by_distance(
    opinions: Sequence[SourcePrice], *, max_deviation_bps: int
) -> tuple[int, tuple[SourcePrice, ...], tuple[SourcePrice, ...]]:
    """Return the centre, the opinions within ``max_deviation_bps`` of it, and the others.

    The centre is the median of three and more, the mean of two: which of two lies nobody can tell.
    """
    several = len(opinions) > 2
    centre = weighted_median_e36(limited_weights(opinions)) if several else weighted_mean_e36(opinions)
    if centre <= 0:
        return 0, (), tuple(opinions)
    most = max_deviation_bps * SHARE_PER_BPS_E36
    near = tuple(one for one in opinions if distance_e36(one.rate_e36, centre) <= most)
    return centre, near, tuple(one for one in opinions if one not in near)
