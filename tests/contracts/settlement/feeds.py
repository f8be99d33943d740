"""The two price feeds of the settlement's tests, and what the oracle band makes of their answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tests.contracts.settlement.desk import Desk

# 8 decimals each; both tokens have 18.
BASE_PRICE = 10**8
QUOTE_PRICE = 2_000 * 10**8
HEARTBEAT_S = 3_600
BAND_ON = 1
CAPS_ON = 2


class FeedOddity(IntEnum):
    """As in contracts/mocks/MockOddFeed.sol."""

    NONE = 0
    REVERTS = 1
    ANSWERS_FOUR_WORDS = 2
    ANSWERS_SIX_WORDS = 3
    CALLS_BACK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """Feeds of base and quote."""

    desk: Desk
    base: Any
    quote: Any

    def answer(self, feed: Any, value: int, updated_at_s: int | None = None) -> int:
        """Set an answer of now, or of another time; returns that time."""
        at_s = self.desk.now_s() if updated_at_s is None else updated_at_s
        feed.setAnswer(value, at_s, sender=self.desk.owner)
        return at_s

    def odd(self, feed: Any, oddity: FeedOddity, *, data: bytes = b"", expected: bytes = b"") -> None:
        feed.setOddity(oddity, self.desk.settlement, data, expected, sender=self.desk.owner)


def floor_of(making: int, *, maker_price: int, taker_price: int, units: int, shift: int = 0) -> int:
    """Least taking amount for a band of ``units`` of 5 bps, rounded up.

    ``shift``: decimals of taker asset and its feed less those of maker asset and its feed.
    """
    above = making * maker_price * (2_000 - units) * _ten_to(shift)
    below = taker_price * 2_000 * _ten_to(-shift)
    return -(-above // below)


def _ten_to(exponent: int) -> int:
    return int("1" + "0" * max(exponent, 0))
