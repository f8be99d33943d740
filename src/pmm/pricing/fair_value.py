"""Fair value of one asset in units of another, from sources of which any single one may lie.

Each kind of source (feeds, pools, order books, aggregators, our own cost) is one opinion. With two kinds left the
value is their weighted mean and they must agree; with three and more it is their weighted median, and a kind far
from it is left out. What this promises: where two or more honest opinions are within ``max_deviation_bps`` of each
other, no further one, whatever it says, moves the value out of the range of the honest ones; else there is no
price. With two opinions in all, the bound is ``max_deviation_bps``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pmm.domain import Decision, RefusalReason, Token
from pmm.pricing.fair_rules import FairValueRules, check_feed, check_feed_of
from pmm.pricing.fair_sources import (
    DroppedSource,
    PoolOpinion,
    far_sources,
    feed_opinion,
    pool_opinion,
    reference_opinions,
)
from pmm.pricing.fixed_point import E36, bps_of_share
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.references import SourceKind
from pmm.pricing.robust import (
    SourcePrice,
    distance_e36,
    limited_weights,
    split_by_distance,
    weighted_mean_e36,
    weighted_median_e36,
)

__all__ = [
    "DroppedSource",
    "FairValue",
    "FairValueRules",
    "SourcePrice",
    "check_feed",
    "check_feed_of",
    "combine_sources",
    "fair_value",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FairValue:
    """Maker base units that one taker base unit is worth, scaled by 10**36, rounded down.

    ``sources`` made it, ``dropped`` did not and say why; ``deviation_e36`` is the distance of the farthest source.
    """

    rate_e36: int
    sources: tuple[SourcePrice, ...]
    deviation_e36: int
    dropped: tuple[DroppedSource, ...] = ()

    def inverse(self) -> FairValue:
        """Return the same value seen by someone who trades the other way, rounded down."""
        return FairValue(
            rate_e36=E36 * E36 // self.rate_e36,
            sources=tuple(
                replace(one, rate_e36=E36 * E36 // one.rate_e36 if one.rate_e36 else 0)
                for one in self.sources
            ),
            deviation_e36=self.deviation_e36,
            dropped=tuple(
                replace(one, rate_e36=E36 * E36 // one.rate_e36 if one.rate_e36 else None)
                for one in self.dropped
            ),
        )


def combine_sources(sources: Iterable[SourcePrice], *, max_deviation_bps: int) -> FairValue | Decision:
    """Return the value of several opinions, or the refusal when they disagree.

    Rounded down, which is in the maker's favour: less is given for what is taken.
    """
    counted = tuple(source for source in sources if source.weight > 0)
    if not counted:
        return Decision.refuse(RefusalReason.STALE_PRICE, "fair value: expected a price source, found none")
    centre, near, far = split_by_distance(counted, max_deviation_bps=max_deviation_bps)
    if centre == 0:
        return Decision.refuse(RefusalReason.STALE_PRICE, "fair value: the sources say it is worth nothing")
    enough = min(len(counted), 2)
    if len(near) < enough or (len(counted) <= 2 and far):
        return _disagreement(far or counted, centre, max_deviation_bps)
    if len(near) > 2:
        rate = weighted_median_e36(limited_weights(near))
    elif len(counted) > 2:
        # The others were dropped: of the two that are left neither may lead.
        rate = weighted_mean_e36(limited_weights(near))
    else:
        rate = weighted_mean_e36(near)
    deviation = max(distance_e36(one.rate_e36, centre) for one in near)
    dropped = far_sources(far, centre_e36=centre, max_deviation_bps=max_deviation_bps)
    return FairValue(rate_e36=rate, sources=near, deviation_e36=deviation, dropped=dropped)


def _disagreement(far: Sequence[SourcePrice], centre: int, max_deviation_bps: int) -> Decision:
    worst = max(far, key=lambda source: abs(source.rate_e36 - centre))
    found = bps_of_share(distance_e36(worst.rate_e36, centre))
    return Decision.refuse(
        RefusalReason.PRICE_DEVIATION,
        f"price sources: expected two within {max_deviation_bps} bps of their middle, found "
        f"{worst.source} {found:.1f} bps away",
    )


def fair_value(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> FairValue | Decision:
    """Return the fair value for someone who gives taker asset and gets maker asset.

    The value is kept between the feeds, the deepest pool and the sources outside the chain, so that moving smaller
    pools gains nothing. It is taken in one direction of the pair only, the other being its inverse: two values
    would multiply to more than one, and there and back would gain.
    """
    key = (maker_asset.address, taker_asset.address)
    known = snapshot.fair_values.get(key)
    if isinstance(known, tuple) and known[0] is rules:
        return known[1]  # type: ignore[no-any-return]
    if int(taker_asset.address, 16) > int(maker_asset.address, 16):
        other = _fair_value(snapshot, maker_asset=taker_asset, taker_asset=maker_asset, rules=rules)
        found = other if isinstance(other, Decision) else other.inverse()
    else:
        found = _fair_value(snapshot, maker_asset=maker_asset, taker_asset=taker_asset, rules=rules)
    snapshot.fair_values[key] = (rules, found)
    return found


def _fair_value(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> FairValue | Decision:
    feeds = feed_opinion(snapshot, maker_asset=maker_asset, taker_asset=taker_asset, rules=rules)
    if isinstance(feeds, Decision):
        return feeds
    pools = pool_opinion(snapshot, maker_asset=maker_asset, taker_asset=taker_asset, rules=rules)
    if pools.price is None:
        return Decision.refuse(
            RefusalReason.STALE_PRICE,
            f"expected a pool of {taker_asset.symbol} and {maker_asset.symbol} that trades "
            f"{rules.min_pool_depth_usd} USD near its price, found none",
        )
    outside, silent = reference_opinions(
        snapshot, maker_asset=maker_asset, taker_asset=taker_asset, rules=rules
    )
    found = combine_sources((feeds, pools.price, *outside), max_deviation_bps=rules.max_deviation_bps)
    if isinstance(found, Decision):
        return found
    return replace(_anchored(found, pools), dropped=(*found.dropped, *pools.dropped, *silent))


def _anchored(found: FairValue, pools: PoolOpinion) -> FairValue:
    """Keep the value within the kept sources, the deepest pool standing for all pools; name each pool."""
    anchors = [one.rate_e36 for one in found.sources if one.kind != SourceKind.POOL]
    named = tuple(one for one in found.sources if one.kind != SourceKind.POOL)
    if len(named) < len(found.sources):
        anchors.append(pools.deepest_e36)
        named = (*named, *pools.members)
    rate = min(max(found.rate_e36, min(anchors)), max(anchors))
    return replace(found, rate_e36=rate, sources=named)
