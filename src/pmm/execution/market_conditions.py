"""What the desk has seen move: feeds every market view and every fill to the pricing state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pmm.domain.value_class import value_class
from pmm.execution.chain_view import ChainView
from pmm.execution.live_index import QuoteIndex
from pmm.execution.ports import Clock
from pmm.execution.records import AdmittedQuote
from pmm.execution.requests import FirmQuoteRequest
from pmm.pricing import PairPolicy, PricingState, StateTracker, market_rate_e36
from pmm.pricing.latency_gate import LatencyChange
from pmm.pricing.markouts import FillObservation, Flow
from pmm.pricing.micro_price import TopOfBook
from pmm.pricing.state_tracker import PairKey
from pmm.pricing.toxic_flow import TakerSide

_SELLS: Final = TakerSide.SELLS
_BUYS: Final = TakerSide.BUYS


@value_class(frozen=True, slots=True, kw_only=True)
class _Open:
    """A quote that may be filled: what its fill would say."""

    pair: PairKey
    side: TakerSide
    price: float
    flow: Flow


def flow_of(request: FirmQuoteRequest) -> Flow:
    """Return who asks; no relayer names the user behind the taker yet."""
    return Flow(source=request.relayer, taker=request.quote.taker)


class MarketConditions:
    """Keeps the pricing state of the desk. Belongs to one event loop; times are the clock's wall time."""

    def __init__(
        self, *, clock: Clock, pairs: Iterable[PairPolicy], tracker: StateTracker | None = None
    ) -> None:
        self._clock = clock
        self._pairs = tuple(pairs)
        self._tracker = tracker or StateTracker()
        self._open: dict[bytes, _Open] = {}
        self._index = QuoteIndex()

    def reload(self, pairs: Iterable[PairPolicy]) -> None:
        """Read prices by other rules from now on; what was seen stays."""
        self._pairs = tuple(pairs)

    def state(self, pair: PairPolicy, flow: Flow | None = None) -> PricingState:
        """Return the state for a request; without flow, for a ladder to anybody."""
        return self._tracker.state(_key(pair), self._clock.wall_ms(), flow)

    def observe(self, view: ChainView) -> None:
        """Take a market view: a price per pair that has one, and the open quotes whose nonces are dead.

        A nonce dies by a fill or by a cancel; a cancel counts as a fill here, on the careful side.
        """
        now_ms = self._clock.wall_ms()
        for order_hash in self._index.dead(view.spent):
            quote = self._open[order_hash]
            fill = FillObservation(at_ms=now_ms, side=quote.side, price=quote.price, flow=quote.flow)
            self._tracker.observe_fill(quote.pair, fill)
            self.forget(order_hash)
        for order_hash in self._index.take_expired(view.expiry_clock_s):
            self.forget(order_hash)
        for pair in self._pairs:
            rate_e36 = market_rate_e36(view.market, pair)
            if rate_e36 is not None:
                self._tracker.observe_price(_key(pair), rate_e36, now_ms)

    def observe_book(
        self, pair: PairPolicy, venue: str, book: TopOfBook, *, said_at_ms: int | None = None
    ) -> None:
        """Take the top of a venue's order book for a pair, prices in quote per base unit; said now by default."""
        now_ms = self._clock.wall_ms()
        self._tracker.observe_jump(_key(pair), book, now_ms)
        self._tracker.observe_book(_key(pair), venue, book, now_ms if said_at_ms is None else said_at_ms)

    def observe_jump(self, pair: PairPolicy, book: TopOfBook) -> None:
        """Take a book of the pair's base against something else: it may pause the pair and prices nothing."""
        self._tracker.observe_jump(_key(pair), book, self._clock.wall_ms())

    def observe_round_trip(self, round_trip_us: int) -> LatencyChange:
        """Take a round trip of the price feed; ``CANCEL_OUTSTANDING`` asks to cancel the live quotes."""
        return self._tracker.observe_round_trip(round_trip_us)

    def admitted(self, pair: PairPolicy, quote: AdmittedQuote, flow: Flow) -> None:
        """Remember a quote until it is filled or expires."""
        sells = quote.taker_asset.address == pair.base.address
        base, quoted = quote.order.taking_amount, quote.order.making_amount
        if not sells:
            base, quoted = quoted, base
        self._open[quote.order_hash] = _Open(
            pair=_key(pair),
            side=_SELLS if sells else _BUYS,
            price=quoted / base,
            flow=flow,
        )
        self._index.add(quote.order_hash, quote.nonce, quote.expiration_s)

    def forget(self, order_hash: bytes) -> None:
        """Forget a quote that is over, or was never signed."""
        self._open.pop(order_hash, None)
        self._index.remove(order_hash)

    @property
    def open_quotes(self) -> int:
        """How many quotes are remembered."""
        return len(self._open)


def _key(pair: PairPolicy) -> PairKey:
    return pair.base.address, pair.quote.address
