"""Limits that every firm quote passes before it is reserved; sums are US dollars scaled by 10**18."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from math import ceil

from pmm.domain import Decision, RefusalReason
from pmm.domain.value_class import value_class

_WAD = 10**18
_WHOLE_BPS = 10_000
_ACCEPT = Decision.accept()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLimits:
    """What one quote and all live quotes together may be worth.

    Attributes:
        min_quote_usd: smaller requests are not worth their hedge.
        max_quote_usd: larger ones are refused.
        max_open_usd: value of all live quotes, the new one included.
        max_live_quotes: how many quotes may be live.
        max_taker_usd: value of the live quotes of one taker, the new one included.
    """

    min_quote_usd: Decimal = Decimal(10)
    max_quote_usd: Decimal = Decimal(500_000)
    max_open_usd: Decimal = Decimal(5_000_000)
    max_live_quotes: int = 6_000
    max_taker_usd: Decimal = Decimal(1_000_000)
    # Least and largest quote, all live quotes, those of one taker: what a whole number of wads must keep.
    bounds_wad: tuple[int, int, int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        most = (int(usd * _WAD) for usd in (self.max_quote_usd, self.max_open_usd, self.max_taker_usd))
        object.__setattr__(self, "bounds_wad", (ceil(self.min_quote_usd * _WAD), *most))


def cut_limits(limits: QuoteLimits, size_bps: int) -> QuoteLimits:
    """Return limits with every largest value cut to a part of it; the least quote and the count stand."""
    return limits if size_bps == _WHOLE_BPS else _cut(limits, size_bps)


@lru_cache(maxsize=256)
def _cut(limits: QuoteLimits, size_bps: int) -> QuoteLimits:
    part = Decimal(size_bps) / _WHOLE_BPS
    return replace(
        limits,
        max_quote_usd=limits.max_quote_usd * part,
        max_open_usd=limits.max_open_usd * part,
        max_taker_usd=limits.max_taker_usd * part,
    )


@value_class(frozen=True, slots=True, kw_only=True)
class OpenQuotes:
    """What live quotes promise together; ``taker_usd_wad`` is the share of the taker who asks."""

    count: int
    usd_wad: int
    taker_usd_wad: int


def check_quote(*, quote_usd_wad: int, open_quotes: OpenQuotes, limits: QuoteLimits) -> Decision:
    """Accept a quote worth ``quote_usd_wad`` if no limit stands against it."""
    size = check_size(quote_usd_wad=quote_usd_wad, limits=limits)
    if not size.accepted:
        return size
    if open_quotes.count >= limits.max_live_quotes:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED,
            f"expected fewer than {limits.max_live_quotes} live quotes, found {open_quotes.count}",
        )
    total = open_quotes.usd_wad + quote_usd_wad
    if total > limits.bounds_wad[2]:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED,
            f"expected at most {limits.max_open_usd} USD in live quotes, this one would make it "
            f"{_dollars(total)} USD",
        )
    of_taker = open_quotes.taker_usd_wad + quote_usd_wad
    if of_taker > limits.bounds_wad[3]:
        return Decision.refuse(
            RefusalReason.LIMIT_REACHED,
            f"expected at most {limits.max_taker_usd} USD in live quotes of one taker, this one would make it "
            f"{_dollars(of_taker)} USD",
        )
    return _ACCEPT


def check_size(*, quote_usd_wad: int, limits: QuoteLimits) -> Decision:
    """Accept a size between the least and the largest quote."""
    least, most, _, _ = limits.bounds_wad
    if quote_usd_wad < least:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_SMALL,
            f"expected at least {limits.min_quote_usd} USD, found {_dollars(quote_usd_wad)} USD",
        )
    if quote_usd_wad > most:
        return Decision.refuse(
            RefusalReason.AMOUNT_TOO_LARGE,
            f"expected at most {limits.max_quote_usd} USD, found {_dollars(quote_usd_wad)} USD",
        )
    return _ACCEPT


def _dollars(usd_wad: int) -> str:
    return f"{usd_wad // _WAD}.{usd_wad % _WAD * 100 // _WAD:02d}"
