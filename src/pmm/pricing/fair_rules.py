"""Weights and gates of the sources of a fair value."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import DAI, MAINNET_TOKENS, USDC, USDT, Address, Decision, RefusalReason, Token
from pmm.pricing.market import FeedReading, MarketSnapshot
from pmm.pricing.references import SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FairValueRules:
    """Weights of the sources and how far they may be old or apart.

    Weights are relative; pools share theirs by depth; a source of weight 0 is reported and does not count.
    ``heartbeat_grace_s`` is added to each feed's heartbeat. ``max_deviation_bps`` bounds the distance of a source
    from the middle of all. ``min_pool_depth_usd`` is what a pool must trade near its mid price, both ways, to
    count at all. ``pegged`` tokens are refused beyond ``max_depeg_bps`` from one dollar by their feed.
    """

    feed_weight: int = 25
    pool_weight: int = 75
    book_weight: int = 50
    aggregator_weight: int = 10
    cost_weight: int = 0
    heartbeat_grace_s: int = 300
    max_deviation_bps: int = 100
    min_pool_depth_usd: int = 50_000
    pegged: tuple[Address, ...] = (USDC.address, USDT.address, DAI.address)
    max_depeg_bps: int = 200

    def weight_of(self, kind: SourceKind) -> int:
        """Return the weight of a source of this kind."""
        return {
            SourceKind.FEED: self.feed_weight,
            SourceKind.POOL: self.pool_weight,
            SourceKind.BOOK: self.book_weight,
            SourceKind.AGGREGATOR: self.aggregator_weight,
            SourceKind.COST: self.cost_weight,
        }[kind]

    @staticmethod
    def token_of(address: Address) -> Token | None:
        """Return a token that prices may be stated in."""
        return MAINNET_TOKENS.find(address)


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


def check_feed_of(token: Token, snapshot: MarketSnapshot, rules: FairValueRules) -> Decision:
    """Accept a token that has a feed with a usable answer; see :func:`check_feed`."""
    feed = snapshot.feeds.get(token.address)
    if feed is None:
        return Decision.refuse(RefusalReason.STALE_PRICE, f"expected a USD feed for {token.symbol}")
    return check_feed(feed, chain_time_s=snapshot.chain_time_s, heartbeat_grace_s=rules.heartbeat_grace_s)
