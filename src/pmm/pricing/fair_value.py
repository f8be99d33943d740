"""Fair value of one asset in units of another, from sources that must agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pmm.domain import Decision, RefusalReason, Token
from pmm.pricing.fixed_point import E36, SHARE_PER_BPS_E36, bps_of_share, div_up
from pmm.pricing.market import FeedReading, MarketSnapshot
from pmm.pricing.pool_depth import DeepPool, deep_pools


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePrice:
    """One opinion: maker base units per taker base unit, and how much it counts."""

    source: str
    rate_e36: int
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FairValue:
    """Maker base units that one taker base unit is worth, scaled by 10**36, rounded down."""

    rate_e36: int
    sources: tuple[SourcePrice, ...]
    deviation_e36: int

    def inverse(self) -> FairValue:
        """Return the same value seen by someone who trades the other way, rounded down."""
        return FairValue(
            rate_e36=E36 * E36 // self.rate_e36,
            sources=tuple(
                SourcePrice(
                    source=source.source,
                    rate_e36=E36 * E36 // source.rate_e36 if source.rate_e36 else 0,
                    weight=source.weight,
                )
                for source in self.sources
            ),
            deviation_e36=self.deviation_e36,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FairValueRules:
    """Weights of the sources and how far they may be old or apart.

    ``feed_weight`` and ``pool_weight`` are relative; pools share theirs by depth. ``heartbeat_grace_s`` is
    added to each feed's heartbeat. ``max_deviation_bps`` bounds the distance of any source from the mean.
    ``min_pool_depth_usd`` is what a pool must trade near its mid price, both ways, to count at all.
    """

    feed_weight: int = 25
    pool_weight: int = 75
    heartbeat_grace_s: int = 300
    max_deviation_bps: int = 100
    min_pool_depth_usd: int = 50_000


def check_feed(feed: FeedReading, *, chain_time_s: int, heartbeat_grace_s: int) -> Decision:
    """Accept a feed answer that is positive, not from the future and younger than heartbeat plus grace."""
    if feed.answer <= 0:
        return Decision.refuse(
            RefusalReason.STALE_PRICE, f"feed {feed.name}: expected a positive answer, found {feed.answer}"
        )
    age_s = chain_time_s - feed.updated_at_s
    limit_s = feed.heartbeat_s + heartbeat_grace_s
    if feed.updated_at_s <= 0 or age_s > limit_s:
        return Decision.refuse(
            RefusalReason.STALE_PRICE,
            f"feed {feed.name}: expected an answer of at most {limit_s} s of age, found {age_s} s",
        )
    if age_s < -heartbeat_grace_s:
        return Decision.refuse(
            RefusalReason.STALE_PRICE,
            f"feed {feed.name}: expected an answer of the past, found one {-age_s} s ahead of the chain",
        )
    return Decision.accept()


def combine_sources(sources: Iterable[SourcePrice], *, max_deviation_bps: int) -> FairValue | Decision:
    """Return the weighted mean of the sources, or the refusal when one is too far from it.

    The mean is rounded down, which is in the maker's favour: less is given for what is taken.
    """
    counted = tuple(source for source in sources if source.weight > 0)
    total = sum(source.weight for source in counted)
    if total == 0:
        return Decision.refuse(RefusalReason.STALE_PRICE, "fair value: expected a price source, found none")
    mean_e36 = sum(source.rate_e36 * source.weight for source in counted) // total
    if mean_e36 == 0:
        return Decision.refuse(RefusalReason.STALE_PRICE, "fair value: the sources say it is worth nothing")
    worst = max(counted, key=lambda source: abs(source.rate_e36 - mean_e36))
    deviation_e36 = div_up(abs(worst.rate_e36 - mean_e36) * E36, mean_e36)
    if deviation_e36 > max_deviation_bps * SHARE_PER_BPS_E36:
        return Decision.refuse(
            RefusalReason.PRICE_DEVIATION,
            f"price sources: expected them within {max_deviation_bps} bps of their mean, found "
            f"{worst.source} {bps_of_share(deviation_e36):.1f} bps away",
        )
    return FairValue(rate_e36=mean_e36, sources=counted, deviation_e36=deviation_e36)


def fair_value(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> FairValue | Decision:
    """Return the fair value for someone who gives taker asset and gets maker asset.

    Sources are the ratio of the two USD feeds and the mid prices of the deep pools, weighted by depth; the
    mean is then kept between the feeds and the deepest pool, so that moving smaller pools gains nothing. It is
    taken in one direction of the pair only, the other being its inverse: two means would multiply to more than
    one, and there and back would gain.
    """
    if int(taker_asset.address, 16) > int(maker_asset.address, 16):
        found = fair_value(snapshot, maker_asset=taker_asset, taker_asset=maker_asset, rules=rules)
        return found if isinstance(found, Decision) else found.inverse()
    for token in (taker_asset, maker_asset):
        checked = check_feed_of(token, snapshot, rules)
        if not checked.accepted:
            return checked
    maker_usd_e36 = snapshot.usd_per_unit_e36(maker_asset)
    if maker_usd_e36 == 0:
        return Decision.refuse(
            RefusalReason.STALE_PRICE, f"{maker_asset.symbol}: its feed says worth nothing"
        )
    pools = deep_pools(
        snapshot, maker_asset=maker_asset, taker_asset=taker_asset, least_usd=rules.min_pool_depth_usd
    )
    if not pools:
        return Decision.refuse(
            RefusalReason.STALE_PRICE,
            f"expected a pool of {taker_asset.symbol} and {maker_asset.symbol} that trades "
            f"{rules.min_pool_depth_usd} USD near its price, found none",
        )
    by_feeds = snapshot.usd_per_unit_e36(taker_asset) * E36 // maker_usd_e36
    found = combine_sources(_sources(by_feeds, pools, rules), max_deviation_bps=rules.max_deviation_bps)
    if isinstance(found, Decision):
        return found
    lowest, highest = sorted((by_feeds, pools[0].reading.spot_rate_e36))
    return replace(found, rate_e36=min(max(found.rate_e36, lowest), highest))


def _sources(by_feeds: int, pools: tuple[DeepPool, ...], rules: FairValueRules) -> list[SourcePrice]:
    # Weights are multiplied by the depth of all pools so that each pool's share stays an integer.
    total_usd = sum(pool.depth_usd for pool in pools)
    sources = [SourcePrice(source="chainlink", rate_e36=by_feeds, weight=rules.feed_weight * total_usd)]
    sources += [
        SourcePrice(
            source=f"uniswap_v3_{pool.reading.fee_pips}",
            rate_e36=pool.reading.spot_rate_e36,
            weight=rules.pool_weight * pool.depth_usd,
        )
        for pool in pools
    ]
    return sources


def check_feed_of(token: Token, snapshot: MarketSnapshot, rules: FairValueRules) -> Decision:
    """Accept a token that has a feed with a usable answer; see :func:`check_feed`."""
    feed = snapshot.feeds.get(token.address)
    if feed is None:
        return Decision.refuse(RefusalReason.STALE_PRICE, f"expected a USD feed for {token.symbol}")
    return check_feed(feed, chain_time_s=snapshot.chain_time_s, heartbeat_grace_s=rules.heartbeat_grace_s)
