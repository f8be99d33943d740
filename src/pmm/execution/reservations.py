"""Inventory promised by live quotes: one reservation backs one signature, until it cannot be filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pmm.domain import Address, allowed_sender_of
from pmm.errors import InvariantViolated
from pmm.execution.chain_view import ChainView
from pmm.execution.live_index import LiveIndex, NonceWords
from pmm.execution.records import LiveQuote, OutcomeKind
from pmm.risk import OpenQuotes

_BPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedQuote:
    """A reservation that the chain has ended."""

    quote: LiveQuote
    kind: OutcomeKind
    block_number: int


class BookWatch(Protocol):
    """Told of every quote that may still be filled."""

    def reserved(self, quote: LiveQuote, fill_probability_bps: int) -> None:
        """A quote is live, or its probability changed."""
        ...

    def released(self, order_hash: bytes, *, filled_by: int | None) -> None:
        """A quote is over; ``filled_by``: block in which a fill of it stands at the latest, None without one."""
        ...


class ReservationBook:
    """Reservations of live quotes, ended only by what the chain says ``confirmations`` blocks deep."""

    def __init__(self, *, confirmations: int) -> None:
        self._confirmations = confirmations
        self._live: dict[bytes, LiveQuote] = {}
        self._reserved: dict[Address, int] = {}
        self._usd_wad = 0
        # By the taker as the order names it; a taker without live quotes has no entry.
        self._usd_wad_of: dict[int, int] = {}
        # Order hash -> (why, block in which it was first seen to be over).
        self._ending: dict[bytes, tuple[OutcomeKind, int]] = {}
        self._index = LiveIndex()
        self._fill_probability_bps: dict[bytes, int] = {}
        self._watch: BookWatch | None = None
        self.version = 0
        self.block_number = 0
        """Newest block that quotes were ended by."""

    def watch(self, watch: BookWatch) -> None:
        """Tell of what is live now, and of every change from now on."""
        self._watch = watch
        for quote in self._live.values():
            watch.reserved(quote, self._fill_probability_bps[quote.order_hash])

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, order_hash: object) -> bool:
        return order_hash in self._live

    def __iter__(self) -> Iterator[LiveQuote]:
        return iter(self._live.values())

    def get(self, order_hash: bytes) -> LiveQuote | None:
        """Return a live quote, or None."""
        return self._live.get(order_hash)

    def nonces(self) -> NonceWords:
        """Return the nonces of live quotes, as they are now."""
        return self._index.nonces()

    def open_quotes(self, taker: Address) -> OpenQuotes:
        """Return how many quotes are live, their value, and the value of those of one taker."""
        of_taker = self._usd_wad_of.get(allowed_sender_of(taker), 0)
        return OpenQuotes(count=len(self._live), usd_wad=self._usd_wad, taker_usd_wad=of_taker)

    def reserved(self, token: Address) -> int:
        """Return base units of a token that live quotes promise."""
        return self._reserved.get(token, 0)

    def expected(self, token: Address) -> int:
        """Return base units of a token that live quotes will take by their fill probabilities, rounded up.

        Never more than :meth:`reserved`: what is reserved is what could be filled.
        """
        scaled = sum(
            quote.reserved_amount * self._fill_probability_bps[quote.order_hash]
            for quote in self._live.values()
            if quote.maker_asset == token
        )
        return -(-scaled // _BPS)

    def fill_probability_bps(self, order_hash: bytes) -> int:
        """Return how likely a live quote is to be filled; raises KeyError for one that is not live."""
        return self._fill_probability_bps[order_hash]

    def not_selected(self, order_hash: bytes, *, fill_probability_bps: int) -> bool:
        """Lower the fill probability of a live quote, never raise it; its reservation stays.

        Return False when the quote is not live.
        """
        if order_hash not in self._live:
            return False
        if not 0 <= fill_probability_bps <= _BPS:
            raise InvariantViolated(
                f"expected a probability of 0 to {_BPS} bps, found {fill_probability_bps}"
            )
        known = self._fill_probability_bps[order_hash]
        self._fill_probability_bps[order_hash] = least = min(known, fill_probability_bps)
        if self._watch is not None:
            self._watch.reserved(self._live[order_hash], least)
        return True

    def add(self, quote: LiveQuote) -> None:
        """Reserve; raise InvariantViolated when the order hash is reserved already."""
        if quote.order_hash in self._live:
            raise InvariantViolated(f"order 0x{quote.order_hash.hex()} is reserved already")
        self._live[quote.order_hash] = quote
        self._index.add(quote.order_hash, quote.nonce, quote.expiration_s)
        self._fill_probability_bps[quote.order_hash] = quote.fill_probability_bps
        self._reserved[quote.maker_asset] = self.reserved(quote.maker_asset) + quote.reserved_amount
        self._count_usd(quote, quote.usd_wad)
        self.version += 1
        if self._watch is not None:
            self._watch.reserved(quote, quote.fill_probability_bps)

    def remove(self, order_hash: bytes, *, filled_by: int | None = None) -> None:
        """Release a reservation; ``filled_by``: block in which a fill of it stands at the latest."""
        quote = self._live.pop(order_hash)
        self._index.remove(order_hash)
        self._ending.pop(order_hash, None)
        self._fill_probability_bps.pop(order_hash, None)
        self._reserved[quote.maker_asset] -= quote.reserved_amount
        self._count_usd(quote, -quote.usd_wad)
        self.version += 1
        if self._watch is not None:
            self._watch.released(order_hash, filled_by=filled_by)

    def _count_usd(self, quote: LiveQuote, usd_wad: int) -> None:
        self._usd_wad += usd_wad
        left = self._usd_wad_of.pop(quote.allowed_sender, 0) + usd_wad
        if left:
            self._usd_wad_of[quote.allowed_sender] = left

    def end_by(self, view: ChainView) -> tuple[EndedQuote, ...]:
        """Release what the view shows to be over and return it.

        A quote is over when its nonce is dead on chain or when its expiry lies before the chain's clock, each
        for as many blocks as ``confirmations``. A reorganisation that revives it starts the count again.
        """
        block = self.block_number = view.market.block_number
        ended: list[EndedQuote] = []
        dead, expired = self._index.dead(view.spent), self._index.take_expired(view.expiry_clock_s)
        for order_hash in dict.fromkeys((*self._ending, *dead, *expired)):
            quote = self._live[order_hash]
            kind = self._verdict(quote, view)
            if kind is None:
                self._ending.pop(order_hash, None)
                self._index.give_back(order_hash)
                continue
            seen_kind, since = self._ending.setdefault(order_hash, (kind, block))
            if seen_kind is not kind or block < since:
                self._ending[order_hash] = (kind, block)
                since = block
            if block - since >= self._confirmations:
                ended.append(EndedQuote(quote=quote, kind=kind, block_number=block))
        for end in ended:
            self.remove(
                end.quote.order_hash, filled_by=end.block_number if end.kind is OutcomeKind.SPENT else None
            )
        return tuple(ended)

    @staticmethod
    def _verdict(quote: LiveQuote, view: ChainView) -> OutcomeKind | None:
        if quote.nonce in view.spent:
            return OutcomeKind.SPENT
        if quote.expiration_s < view.expiry_clock_s:
            return OutcomeKind.EXPIRED
        return None
