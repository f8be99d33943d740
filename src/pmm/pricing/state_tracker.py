"""Folds observations into the pricing state: prices, order books, fills, the feed's round trips.

Pure but for its own memory: no clock, no I/O; the same observations give the same states.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

from pmm.domain import Address
from pmm.pricing.jump_filter import JumpFilterPolicy, JumpFilterState, observe_divergence
from pmm.pricing.latency_gate import LatencyChange, LatencyPolicy, LatencyState, observe_round_trip
from pmm.pricing.markouts import FillObservation, Flow, Markout, MarkoutPolicy, MarkoutTaker, ToxicityBook
from pmm.pricing.micro_price import TopOfBook, divergence_e36, micro_price_e36
from pmm.pricing.model_units import share_up_of_bps
from pmm.pricing.state import ExchangePrice, PricingState
from pmm.pricing.toxic_flow import ToxicFlowPolicy, ToxicFlowState, observe_fill
from pmm.pricing.volatility import VolatilityPolicy, VolatilityState, observe_price

PairKey: TypeAlias = tuple[Address, Address]
"""Base and quote asset of a pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePolicy:
    """How observations are weighed, each part with the defaults of its own module."""

    volatility: VolatilityPolicy = field(default_factory=VolatilityPolicy)
    jump: JumpFilterPolicy = field(default_factory=JumpFilterPolicy)
    latency: LatencyPolicy = field(default_factory=LatencyPolicy)
    toxic_flow: ToxicFlowPolicy = field(default_factory=ToxicFlowPolicy)
    markouts: MarkoutPolicy = field(default_factory=MarkoutPolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    venue: str
    rate_e36: int
    at_ms: int


class _PairTrack:
    def __init__(self, policy: StatePolicy) -> None:
        self.volatility = VolatilityState()
        # Of this volatility, found with it: many quotes ask for what one price moves.
        self.sigma_now_bps: float | None = None
        self.sigma_base_bps: float | None = None
        self.jump = JumpFilterState()
        self.toxic_flow = ToxicFlowState()
        self.markouts = MarkoutTaker(policy.markouts)
        self.book: _Book | None = None


class StateTracker:
    """The memory between quotes. Times are unix milliseconds; not thread-safe."""

    def __init__(self, policy: StatePolicy | None = None) -> None:
        self._policy = policy or StatePolicy()
        self._pairs: defaultdict[PairKey, _PairTrack] = defaultdict(lambda: _PairTrack(self._policy))
        self._latency = LatencyState()
        self._toxicity = ToxicityBook(self._policy.markouts)

    def observe_price(self, pair: PairKey, rate_e36: int, at_ms: int) -> list[Markout]:
        """Take a pair's price (quote per base unit, scaled by 10**36); return the markouts it completes."""
        track = self._pairs[pair]
        # Statistics only: the float never comes back into a price but through model_units.
        price = rate_e36 / 10**36
        policy = self._policy.volatility
        track.volatility = observe_price(track.volatility, price, at_ms, policy)
        track.sigma_now_bps = track.volatility.sigma_now_bps(policy)
        track.sigma_base_bps = track.volatility.sigma_base_bps(policy)
        found = track.markouts.observe_price(price, at_ms)
        for markout in found:
            self._toxicity.add(markout)
        return found

    def observe_book(self, pair: PairKey, venue: str, book: TopOfBook, at_ms: int) -> None:
        """Take the top of a pair's order book: prices as rates of base units, quote per base."""
        track = self._pairs[pair]
        # Of several venues the one that spoke last; one that is late does not speak for the pair.
        if track.book is None or track.book.venue == venue or track.book.at_ms <= at_ms:
            track.book = _Book(venue=venue, rate_e36=micro_price_e36(book), at_ms=at_ms)

    def observe_jump(self, pair: PairKey, book: TopOfBook, at_ms: int) -> None:
        """Pause the pair if the book's micro-price is away from its mid; prices in any one unit."""
        track = self._pairs[pair]
        track.jump = observe_divergence(track.jump, divergence_e36(book), at_ms, self._policy.jump)

    def observe_fill(self, pair: PairKey, fill: FillObservation) -> None:
        """Take a fill of ours; its price is quote per base unit, as a float."""
        track = self._pairs[pair]
        track.toxic_flow = observe_fill(track.toxic_flow, fill.side, fill.at_ms, self._policy.toxic_flow)
        track.markouts.observe_fill(fill)

    def observe_round_trip(self, round_trip_us: int) -> LatencyChange:
        """Take a round trip of the price feed, microseconds; return what must be done about it."""
        self._latency, change = observe_round_trip(self._latency, round_trip_us, self._policy.latency)
        return change

    def state(self, pair: PairKey, now_ms: int, flow: Flow | None = None) -> PricingState:
        """Return the state for a request of ``flow`` on a pair; without flow, for a ladder to anybody."""
        track = self._pairs.get(pair) or _PairTrack(self._policy)
        book = track.book
        exchange = None
        if book is not None:
            age_ms = max(now_ms - book.at_ms, 0)
            exchange = ExchangePrice(venue=book.venue, rate_e36=book.rate_e36, age_ms=age_ms)
        toxicity_e36 = 0
        if flow is not None and len(self._toxicity):
            toxicity_e36 = share_up_of_bps(self._toxicity.addon_bps(flow, now_ms))
        return PricingState(
            sigma_now_bps=track.sigma_now_bps,
            sigma_base_bps=track.sigma_base_bps,
            toxic_flow=track.toxic_flow.is_toxic(now_ms),
            toxicity_e36=toxicity_e36,
            feed_latency_us=self._latency.smoothed_us,
            exchange=exchange,
            halted=self._halted(track, now_ms),
        )

    def _halted(self, track: _PairTrack, now_ms: int) -> str | None:
        if self._latency.stopped:
            return (
                f"expected a price feed that answers within {self._policy.latency.resume_ms} ms, found "
                f"{(self._latency.smoothed_us or 0) // 1_000} ms; ask again later"
            )
        if track.jump.is_paused(now_ms):
            return (
                f"expected micro-price and mid within {self._policy.jump.max_divergence_bps} bps, found a "
                f"jump; ask again in {track.jump.paused_until_ms - now_ms} ms"
            )
        return None
