"""What the time between our price and the fill is worth to the taker: a free option, volatility x latency."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from pmm.errors import InvalidInput
from pmm.pricing.model_units import share_up_of_bps
from pmm.pricing.state import PricingState

# 1 / sqrt(2 pi): an option at the money is worth this much of sigma * sqrt(T). Source: M. Brenner,
# M. Subrahmanyam, "A simple formula to compute the implied standard deviation", Financial Analysts Journal 44
# (1988).
AT_THE_MONEY = 0.3989422804014327


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionPolicy:
    """``share_bps`` of the option's value is priced in, 0 (the default) for none.

    ``exposed_ms`` is the usual time from price to fill; the feed's smoothed round trip comes on top of it.
    """

    share_bps: int = 0
    exposed_ms: int = 12_000

    def __post_init__(self) -> None:
        if min(self.share_bps, self.exposed_ms) < 0:
            raise InvalidInput(f"option: expected a share and a time of at least 0, found {self}")


def option_share_e36(state: PricingState, policy: OptionPolicy) -> int:
    """Return the option's value as a share, rounded up; 0 while volatility is unknown."""
    if policy.share_bps == 0 or state.sigma_now_bps is None:
        return 0
    exposed_s = policy.exposed_ms / 1_000 + (state.feed_latency_us or 0) / 1_000_000
    value_bps = AT_THE_MONEY * state.sigma_now_bps * sqrt(exposed_s)
    return share_up_of_bps(value_bps * policy.share_bps / 10_000)
