"""What pricing must know beyond the market of one block: a frozen value, resolved for one pair and one request."""

from __future__ import annotations

from typing import Any

from pmm.domain.value_class import value_class


@value_class(frozen=True, slots=True, kw_only=True)
class ExchangePrice:
    """An order book's micro-price for a pair.

    ``rate_e36``: quote base units per base base unit, scaled by 10**36; ``age_ms``: since the book was seen.
    """

    venue: str
    rate_e36: int
    age_ms: int


@value_class(frozen=True, slots=True, kw_only=True)
class PricingState:
    """Everything that moves between two quotes on the same market. The default is neutral: nothing is known.

    Attributes:
        sigma_now_bps: volatility now, basis points per square root of a second; None while unknown.
        sigma_base_bps: its 24-hour baseline, same unit.
        toxic_flow: the pair's fills have come from one side too fast.
        toxicity_e36: add-on for who asks, as a share; see :mod:`pmm.pricing.markouts`.
        feed_latency_us: smoothed round trip of the price feed.
        exchange: the order book's price, if there is a book.
        halted: why nothing is quoted now; None when quotes may be made.
    """

    sigma_now_bps: float | None = None
    sigma_base_bps: float | None = None
    toxic_flow: bool = False
    toxicity_e36: int = 0
    feed_latency_us: int | None = None
    exchange: ExchangePrice | None = None
    halted: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the value for a journal, without what is neutral; :meth:`from_dict` gives it back exactly."""
        found: dict[str, Any] = {}
        if self.sigma_now_bps is not None:
            found["sigma_now_bps"] = self.sigma_now_bps
        if self.sigma_base_bps is not None:
            found["sigma_base_bps"] = self.sigma_base_bps
        if self.feed_latency_us is not None:
            found["feed_latency_us"] = self.feed_latency_us
        if self.halted is not None:
            found["halted"] = self.halted
        if self.toxic_flow:
            found["toxic_flow"] = True
        if self.toxicity_e36:
            found["toxicity_e36"] = str(self.toxicity_e36)
        if self.exchange is not None:
            found["exchange"] = {
                "venue": self.exchange.venue,
                "rate_e36": str(self.exchange.rate_e36),
                "age_ms": self.exchange.age_ms,
            }
        return found

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> PricingState:
        """Return the value that :meth:`to_dict` was given."""
        values = dict(found)
        exchange = values.pop("exchange", None)
        if exchange is not None:
            exchange = ExchangePrice(
                venue=exchange["venue"], rate_e36=int(exchange["rate_e36"]), age_ms=exchange["age_ms"]
            )
        return cls(exchange=exchange, toxicity_e36=int(values.pop("toxicity_e36", 0)), **values)


NEUTRAL_STATE = PricingState()
