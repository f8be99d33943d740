"""Micro-price of an order book's top: the mid weighted by the opposite side's size (cross weighting)."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import E36, div_up


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """Best bid and ask: prices as rates scaled by 10**36, sizes in any one integer unit.

    Raises InvalidInput for a price or a size that is not positive and for a bid above the ask.
    """

    bid_e36: int
    ask_e36: int
    bid_size: int
    ask_size: int

    def __post_init__(self) -> None:
        if min(self.bid_e36, self.ask_e36, self.bid_size, self.ask_size) <= 0 or self.bid_e36 > self.ask_e36:
            raise InvalidInput(
                f"book: expected positive prices and sizes and a bid not above the ask, found bid "
                f"{self.bid_size} at {self.bid_e36} and ask {self.ask_size} at {self.ask_e36}"
            )

    @property
    def mid_e36(self) -> int:
        """Mean of bid and ask, rounded down."""
        return (self.bid_e36 + self.ask_e36) // 2


def micro_price_e36(book: TopOfBook) -> int:
    """Return ``Pb * (1 - I) + Pa * I`` with ``I = Qb / (Qb + Qa)``, rounded down.

    A large bid pulls the price to the ask: it is the ask that goes next. Source: S. Stoikov, "The micro-price",
    Quantitative Finance 18 (2018), weighted mid.
    """
    size = book.bid_size + book.ask_size
    return (book.bid_e36 * book.ask_size + book.ask_e36 * book.bid_size) // size


def divergence_e36(book: TopOfBook) -> int:
    """Return how far the micro-price is from the mid, as a share of the mid, rounded up."""
    return div_up(abs(micro_price_e36(book) - book.mid_e36) * E36, book.mid_e36)
