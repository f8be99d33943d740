"""Firm quotes as the journal has them, read in their order and by their hash beside the server that writes it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from pmm.domain import Address, RfqOrder
from pmm.journal.live_journal import LiveJournal
from pmm.journal.store import Row

_COLUMNS: Final = 'seq, received_at_ms, relayer, "order", allowed_sender, usd_wad, pricing, expiration_s'
# Rows are written one transaction after the other: a number at or below one that is there was not given later.
_BEHIND: Final = (
    f"SELECT {_COLUMNS} FROM quotes WHERE seq > ? AND seq <= ? AND order_hash IS NOT NULL ORDER BY seq"  # noqa: S608 - constants
)
_OF_HASH: Final = f"SELECT {_COLUMNS} FROM quotes WHERE order_hash = ?"  # noqa: S608 - constants
_ENDS: Final = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM quotes"
_FROM: Final = "SELECT seq, received_at_ms FROM quotes WHERE seq >= ? ORDER BY seq LIMIT 1"
_NO_PRICE: Final[dict[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenQuote:
    """A firm quote that left the server.

    Attributes:
        given_ms: when its request was received, unix ms.
        taker: the last 80 bits of its address, as the order names it; "any" where anybody may fill it.
        usd_wad: value of what it gives, US dollars scaled by 10**18.
        pricing: the journal's text of its price.
        salt: of its order, as 64 hexadecimal digits.
        expires_s: unix seconds from which on it cannot be filled.
    """

    seq: int
    given_ms: int
    relayer: str
    maker_asset: Address
    taker_asset: Address
    taking_amount: int
    taker: str
    usd_wad: int
    pricing: dict[str, Any]
    salt: str = ""
    expires_s: int = 0

    def component_bps(self, *names: str) -> Decimal:
        """Return the sum of these parts of the price, basis points of the fair value; 0 for parts it has not."""
        parts = self.pricing.get("componentsBps", _NO_PRICE)
        return sum((Decimal(parts.get(name, 0)) for name in names), Decimal(0))

    @property
    def total_bps(self) -> Decimal:
        """How far the price stands below the fair value, basis points of it."""
        return Decimal(self.pricing.get("totalBps", 0))

    @property
    def expected_profit(self) -> int | None:
        """What a flash funded fill was expected to leave, base units of the taker asset; None for inventory."""
        found = self.pricing.get("expectedProfit")
        return None if found is None else int(found)


class GivenQuotes:
    """Reads a journal as ``LiveJournal`` does, and raises what it raises."""

    def __init__(self, journal: LiveJournal) -> None:
        self._journal = journal

    def before(self, at_ms: int) -> int:
        """Return a place: the number behind which the requests stand that were received from a time on.

        Requests are numbered about in the order of their receipt; found by halving, without an index of times.
        """
        ((low, newest),) = self._journal.look(_ENDS, ())
        high = newest + 1
        while low < high:
            middle = (low + high) // 2
            found = self._journal.look(_FROM, (middle,))
            if found and found[0][1] < at_ms:
                low = int(found[0][0]) + 1
            else:
                high = middle
        return int(low) - 1

    def behind(self, place: int, *, most: int) -> tuple[int, list[GivenQuote]]:
        """Return the quotes among the next ``most`` requests behind a place, and the place behind them."""
        ((_, newest),) = self._journal.look(_ENDS, ())
        if newest < place:
            # Another file in the place of the one that was read: all of it is new.
            place = 0
        until = min(newest, place + most)
        rows = self._journal.look(_BEHIND, (place, until)) if until > place else []
        return until, [_quote(row) for row in rows]

    def find(self, order_hash: bytes) -> GivenQuote | None:
        """Return the quote of an order, None where none was given."""
        rows = self._journal.look(_OF_HASH, (order_hash,))
        return _quote(rows[0]) if rows else None


def _quote(row: Row) -> GivenQuote:
    seq, given_ms, relayer, order_text, sender, usd_wad, pricing, expires_s = row
    order = RfqOrder.from_dict(orjson.loads(order_text))
    return GivenQuote(
        seq=seq,
        given_ms=given_ms,
        relayer=relayer,
        maker_asset=order.maker_asset,
        taker_asset=order.taker_asset,
        taking_amount=order.taking_amount,
        taker=f"0x..{int(sender):020x}" if int(sender) else "any",
        usd_wad=int(usd_wad),
        pricing=orjson.loads(pricing) if pricing else {},
        salt=f"{order.salt:064x}",
        expires_s=int(expires_s),
    )
