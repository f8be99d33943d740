"""What each source says of a pair, or why it says nothing that counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pmm.domain import Decision, RefusalReason, Token
from pmm.pricing.fair_rules import FairValueRules, check_feed_of
from pmm.pricing.fixed_point import BPS, E36
from pmm.pricing.market import MarketSnapshot
from pmm.pricing.pool_depth import DeepPool, deep_pools
from pmm.pricing.references import ReferencePrice, SourceKind
from pmm.pricing.robust import SourcePrice, limited_weights, split_by_distance, weighted_median_e36


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedSource:
    """A source that does not count, and why."""

    source: str
    reason: str
    rate_e36: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOpinion:
    """What the pools say together; ``price`` is None when none counts. ``deepest_e36`` is the deepest one's."""

    price: SourcePrice | None
    deepest_e36: int
    members: tuple[SourcePrice, ...]
    dropped: tuple[DroppedSource, ...]


def feed_opinion(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> SourcePrice | Decision:
    """Return the ratio of the two USD feeds, or why they cannot be used.

    Feeds carry more than their weight: sizes, gas and limits are in their dollars. Without them there is no price.
    """
    for token in (taker_asset, maker_asset):
        checked = check_feed_of(token, snapshot, rules)
        if not checked.accepted:
            return checked
        pegged = check_peg(token, snapshot, rules)
        if not pegged.accepted:
            return pegged
    maker_usd_e36 = snapshot.usd_per_unit_e36(maker_asset)
    if maker_usd_e36 == 0:
        return Decision.refuse(
            RefusalReason.STALE_PRICE, f"{maker_asset.symbol}: its feed says worth nothing"
        )
    rate = snapshot.usd_per_unit_e36(taker_asset) * E36 // maker_usd_e36
    return SourcePrice(source="chainlink", rate_e36=rate, weight=rules.feed_weight, kind=SourceKind.FEED)


def check_peg(token: Token, snapshot: MarketSnapshot, rules: FairValueRules) -> Decision:
    """Refuse a token that should be worth a dollar and, by its feed, is not."""
    if token.address not in rules.pegged:
        return Decision.accept()
    dollar_e36 = 10 ** (36 - token.decimals)
    off_bps = abs(snapshot.usd_per_unit_e36(token) - dollar_e36) * BPS // dollar_e36
    if off_bps <= rules.max_depeg_bps:
        return Decision.accept()
    return Decision.refuse(
        RefusalReason.PRICE_DEVIATION,
        f"{token.symbol}: expected its feed within {rules.max_depeg_bps} bps of 1 USD, found {off_bps} bps",
    )


def pool_opinion(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> PoolOpinion:
    """Return what the deep pools say together: their median by depth, a far one left out."""
    pools = deep_pools(
        snapshot, maker_asset=maker_asset, taker_asset=taker_asset, least_usd=rules.min_pool_depth_usd
    )
    known = {pool.reading.pool for pool in pools}
    thin = tuple(
        DroppedSource(
            source=pool.source_name,
            reason=f"does not trade {rules.min_pool_depth_usd} USD near its price both ways",
            rate_e36=pool.spot_rate_e36,
        )
        for pool in snapshot.pools.get((taker_asset.address, maker_asset.address), ())
        if pool.pool not in known
    )
    if not pools:
        return PoolOpinion(price=None, deepest_e36=0, members=(), dropped=thin)
    kept, far = _near_pools(pools, rules)
    centre = weighted_median_e36(limited_weights(kept)) if len(kept) > 2 else kept[0].rate_e36
    dropped = (*thin, *(_far(one, centre, rules.max_deviation_bps) for one in far))
    price = SourcePrice(source="pools", rate_e36=centre, weight=rules.pool_weight, kind=SourceKind.POOL)
    return PoolOpinion(price=price, deepest_e36=kept[0].rate_e36, members=kept, dropped=dropped)


def _near_pools(
    pools: tuple[DeepPool, ...], rules: FairValueRules
) -> tuple[tuple[SourcePrice, ...], tuple[SourcePrice, ...]]:
    """Split pools, deepest first, by their distance from their median; of two, the deepest is believed."""
    named = tuple(
        SourcePrice(
            source=pool.reading.source_name,
            rate_e36=pool.reading.spot_rate_e36,
            weight=pool.depth_usd,
            kind=SourceKind.POOL,
        )
        for pool in pools
    )
    if len(named) > 2:
        _, near, far = split_by_distance(named, max_deviation_bps=rules.max_deviation_bps)
        return (near, far) if near else (named[:1], named[1:])
    deepest = named[0]
    most = rules.max_deviation_bps
    near = tuple(
        one for one in named if abs(one.rate_e36 - deepest.rate_e36) * BPS <= most * deepest.rate_e36
    )
    return near, tuple(one for one in named if one not in near)


def reference_opinions(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, rules: FairValueRules
) -> tuple[tuple[SourcePrice, ...], tuple[DroppedSource, ...]]:
    """Return what sources outside the chain say, and which of them do not count."""
    by_source: dict[tuple[str, SourceKind], list[ReferencePrice]] = {}
    for reference in snapshot.references:
        by_source.setdefault((reference.source, reference.kind), []).append(reference)
    prices: list[SourcePrice] = []
    dropped: list[DroppedSource] = []
    for (source, kind), references in by_source.items():
        if not any(one.token in (maker_asset.address, taker_asset.address) for one in references):
            continue
        weight = rules.weight_of(kind)
        found = _ratio(snapshot, references, maker_asset, taker_asset, rules)
        if isinstance(found, str):
            dropped.append(DroppedSource(source=source, reason=found))
        elif weight == 0:
            dropped.append(DroppedSource(source=source, reason="its weight is 0", rate_e36=found))
        else:
            prices.append(SourcePrice(source=source, rate_e36=found, weight=weight, kind=kind))
    return tuple(prices), tuple(dropped)


def _ratio(
    snapshot: MarketSnapshot,
    references: Iterable[ReferencePrice],
    maker_asset: Token,
    taker_asset: Token,
    rules: FairValueRules,
) -> int | str:
    values: list[int] = []
    known = {reference.token: reference for reference in references}
    for token in (taker_asset, maker_asset):
        reference = known.get(token.address)
        if reference is None:
            if token.address not in rules.pegged:
                return f"says nothing of {token.symbol}"
            # A dollar token is what its own feed says; check_peg has looked at it.
            values.append(snapshot.usd_per_unit_e36(token))
            continue
        found = _usd(snapshot, reference, rules)
        if isinstance(found, str):
            return found
        values.append(found)
    taker_usd, maker_usd = values
    if maker_usd == 0 or taker_usd == 0:
        return "says that one of them is worth nothing"
    return taker_usd * E36 // maker_usd


def _usd(snapshot: MarketSnapshot, reference: ReferencePrice, rules: FairValueRules) -> int | str:
    age_s = snapshot.chain_time_s - reference.observed_at_s
    if age_s > reference.max_age_s:
        return f"is {age_s} s old, expected at most {reference.max_age_s} s"
    if age_s < -rules.heartbeat_grace_s:
        return f"is {-age_s} s ahead of the chain"
    if reference.rate_e36 <= 0:
        return "says a price that is not positive"
    unit_usd: int | None = None
    if reference.unit is not None:
        feed, token = snapshot.feeds.get(reference.unit), rules.token_of(reference.unit)
        if feed is None or token is None or not check_feed_of(token, snapshot, rules).accepted:
            return "is priced in a token without a usable feed"
        if not check_peg(token, snapshot, rules).accepted:
            return f"is priced in {token.symbol}, which is off its peg"
        unit_usd = snapshot.usd_per_unit_e36(token)
    found = reference.usd_per_unit_e36(unit_usd)
    assert found is not None
    return found


def _far(one: SourcePrice, centre_e36: int, max_bps: int) -> DroppedSource:
    off_bps = abs(one.rate_e36 - centre_e36) * BPS // centre_e36
    return DroppedSource(
        source=one.source,
        reason=f"is {off_bps} bps from the others, expected at most {max_bps}",
        rate_e36=one.rate_e36,
    )


def far_sources(
    far: Iterable[SourcePrice], *, centre_e36: int, max_deviation_bps: int
) -> tuple[DroppedSource, ...]:
    """Return why sources far from the centre do not count."""
    return tuple(_far(one, centre_e36, max_deviation_bps) for one in far)
