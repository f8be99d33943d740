"""Limits hold at their edge and are refused beyond it."""

from decimal import Decimal

import pytest

from pmm.domain import RefusalReason
from pmm.risk import OpenQuotes, QuoteLimits, check_quote, check_size

_WAD = 10**18
_LIMITS = QuoteLimits(
    min_quote_usd=Decimal(10), max_quote_usd=Decimal(1_000), max_open_usd=Decimal(2_500), max_live_quotes=3
)
_NOTHING_OPEN = OpenQuotes(count=0, usd_wad=0, taker_usd_wad=0)


@pytest.mark.parametrize(
    ("usd_wad", "reason"),
    [
        (10 * _WAD, None),
        (10 * _WAD - 1, RefusalReason.AMOUNT_TOO_SMALL),
        (1_000 * _WAD, None),
        (1_000 * _WAD + 1, RefusalReason.AMOUNT_TOO_LARGE),
        (0, RefusalReason.AMOUNT_TOO_SMALL),
    ],
)
def test_check_size__at_and_beyond_the_edges__holds(usd_wad: int, reason: RefusalReason | None) -> None:
    assert check_size(quote_usd_wad=usd_wad, limits=_LIMITS).reason is reason
    assert check_quote(quote_usd_wad=usd_wad, open_quotes=_NOTHING_OPEN, limits=_LIMITS).reason is reason


@pytest.mark.parametrize(
    ("open_usd", "accepted"), [(2_000 * _WAD, True), (2_000 * _WAD + 1, False)], ids=["reaches", "passes"]
)
def test_check_quote__sum_of_live_quotes__is_bounded(open_usd: int, accepted: bool) -> None:
    decision = check_quote(
        quote_usd_wad=500 * _WAD,
        open_quotes=OpenQuotes(count=1, usd_wad=open_usd, taker_usd_wad=0),
        limits=_LIMITS,
    )
    assert decision.accepted is accepted
    if not accepted:
        assert decision.reason is RefusalReason.LIMIT_REACHED
        assert "2500.00 USD" in decision.detail


def test_check_quote__number_of_live_quotes__is_bounded() -> None:
    decision = check_quote(
        quote_usd_wad=20 * _WAD, open_quotes=OpenQuotes(count=3, usd_wad=0, taker_usd_wad=0), limits=_LIMITS
    )
    assert decision.reason is RefusalReason.LIMIT_REACHED


def test_check_quote__taker_at_its_cap__is_refused_and_the_next_dollar_only() -> None:
    limits = QuoteLimits(max_taker_usd=Decimal(1_000))
    held = OpenQuotes(count=3, usd_wad=5_000 * 10**18, taker_usd_wad=900 * 10**18)
    assert check_quote(quote_usd_wad=100 * 10**18, open_quotes=held, limits=limits).accepted
    refused = check_quote(quote_usd_wad=100 * 10**18 + 1, open_quotes=held, limits=limits)
    assert refused.reason is RefusalReason.LIMIT_REACHED
    assert "of one taker" in refused.detail
