"""From the top of an order book to a price that counts."""

from __future__ import annotations

from pmm.domain import Token
from pmm.errors import InvalidInput
from pmm.execution import BookTop
from pmm.pricing import ReferencePrice, SourceKind
from pmm.pricing.fixed_point import E36

_WAD = 10**18


def micro_price_wad(top: BookTop) -> int:
    """Return the mid weighted crosswise by size (Stoikov 2018), rounded down: more on the bid is higher.

    Raises InvalidInput for a book that is crossed or empty on a side.
    """
    if not 0 < top.bid_wad < top.ask_wad or top.bid_size_wad <= 0 or top.ask_size_wad <= 0:
        raise InvalidInput(
            f"order book: expected a bid below the ask and sizes on both sides, found {top.bid_wad} x "
            f"{top.bid_size_wad} and {top.ask_wad} x {top.ask_size_wad}"
        )
    sizes = top.bid_size_wad + top.ask_size_wad
    return (top.bid_wad * top.ask_size_wad + top.ask_wad * top.bid_size_wad) // sizes


def book_reference(
    top: BookTop, *, source: str, base: Token, quote: Token | None, max_age_s: int
) -> ReferencePrice:
    """Return the micro-price as a source of fair values; ``quote`` None means US dollars. Raises InvalidInput."""
    price_wad = micro_price_wad(top)
    # Quote base units per base base unit; dollars count as a unit of their own.
    quote_decimals = 0 if quote is None else quote.decimals
    rate_e36 = price_wad * E36 * 10**quote_decimals // (_WAD * 10**base.decimals)
    return ReferencePrice(
        source=source,
        kind=SourceKind.BOOK,
        token=base.address,
        unit=None if quote is None else quote.address,
        rate_e36=rate_e36,
        observed_at_s=top.at_ms // 1000,
        max_age_s=max_age_s,
    )
