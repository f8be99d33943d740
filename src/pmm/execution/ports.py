"""What the desk needs from outside, as protocols; chain, journal and server implement them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pmm.domain import Address, Decision, OrderDomain, RfqOrder, Signature
from pmm.errors import SetupError, UnsafeToSign
from pmm.execution.chain_view import ChainView
from pmm.execution.records import (
    BookChanges,
    LadderRecord,
    LaneLease,
    QuoteOutcome,
    QuoteRecord,
    Receipt,
    Selection,
)
from pmm.pricing import OtcQuote, PerpQuote, ReferencePrice


class JournalUnavailable(SetupError):
    """A record could not be made durable: full disk, locked or broken database, closed journal."""


class JournalUncertain(JournalUnavailable):
    """A record was written and may not be on the disk: what it reserves stays reserved, and nobody signs it."""


class SignerUnavailable(UnsafeToSign):
    """A remote signer did not answer in time, refused, or answered what is no signature of its address."""


class RemoteSigner(Protocol):
    """A key outside this process: it sees the whole order, so that it can judge it for itself."""

    @property
    def address(self) -> Address:
        """The signer's address."""
        ...

    async def sign_order(self, order: RfqOrder, domain: OrderDomain, digest: bytes) -> Signature:
        """Sign an order; raise SignerUnavailable."""
        ...


class SigningMode(StrEnum):
    """Which kind of key signs."""

    DEVELOPMENT = "development"
    LIVE = "live"


class Clock(Protocol):
    """Time of this process."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        ...

    def wall_ms(self) -> int:
        """Return unix time in milliseconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the market is beyond the chain, as last heard; its age is judged by pricing."""

    references: tuple[ReferencePrice, ...] = ()
    otc: tuple[OtcQuote, ...] = ()
    perps: tuple[PerpQuote, ...] = ()


NOTHING_OUTSIDE = Outside()


class OutsideMarket(Protocol):
    """Order books, aggregators, negotiated prices, perps."""

    def current(self) -> Outside:
        """Return what was heard last, at once: no waiting and no I/O; called from the market reader's thread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTop:
    """The best prices of an order book, scaled by 10**18, in quote per base; sizes in base, scaled by 10**18."""

    bid_wad: int
    bid_size_wad: int
    ask_wad: int
    ask_size_wad: int
    at_ms: int


class BookFeed(Protocol):
    """An order book that moves: recorded or live. Live ones are async iterators over a venue's websocket."""

    def tops(self) -> Iterator[BookTop]:
        """Yield the best prices each time they change, in order; raises InvalidInput for a broken recording."""
        ...


class PerpVenue(Protocol):
    """A venue of perps, for what a hedge there would cost; orders go through another port."""

    def quotes(self) -> tuple[PerpQuote, ...]:
        """Return the quotes as last heard."""
        ...


class MarketSource(Protocol):
    """Where chain views come from."""

    async def current(self) -> ChainView | Decision:
        """Return a view that is young enough to quote on, or why there is none."""
        ...


class OrderSigner(Protocol):
    """A signing key behind the rules that say when it may be used."""

    @property
    def address(self) -> Address:
        """The signer's address."""
        ...

    @property
    def mode(self) -> SigningMode:
        """Which kind of key it is."""
        ...

    @property
    def is_remote(self) -> bool:
        """Whether the key is outside this process: what it signs has left then."""
        ...

    def check(self, view: ChainView) -> Decision:
        """Accept when the node that gave ``view`` is the one that signing was allowed for."""
        ...

    def sign(self, digest: bytes) -> Signature:
        """Sign a digest in this process; raise UnsafeToSign when the signature does not recover to the signer."""
        ...

    def sign_order(
        self, order: RfqOrder, domain: OrderDomain, digest: bytes
    ) -> Signature | Awaitable[Signature]:
        """Sign an order, at once or, with a remote signer, when it has answered; raises as :meth:`sign`."""
        ...


class QuoteJournal(Protocol):
    """The append-only record. Awaiting means durable; raises JournalUnavailable otherwise."""

    def append(self, record: QuoteRecord) -> Awaitable[None]:
        """Append a request with its decision."""
        ...

    def admit(self, record: QuoteRecord) -> Awaitable[Receipt]:
        """Append a request, and in the same step hold it against keys, limits and balances of all replicas."""
        ...

    def append_selection(self, selection: Selection) -> Awaitable[None]:
        """Append that a relayer chose another maker."""
        ...

    def append_ladder(self, record: LadderRecord) -> Awaitable[None]:
        """Append a published ladder."""
        ...

    def append_outcomes(self, outcomes: tuple[QuoteOutcome, ...]) -> Awaitable[None]:
        """Append what became of quotes."""
        ...


class NonceLeases(Protocol):
    """Who may issue which nonces, among replicas; every future raises JournalUnavailable."""

    @property
    def shared(self) -> bool:
        """Whether there may be other replicas."""
        ...

    def lease_lanes(
        self, signer: Address, lanes: tuple[int, ...], *, most: int
    ) -> Future[tuple[LaneLease, ...]]:
        """Renew our leases and take free lanes up to ``most``; the future has every lane that we hold then."""
        ...

    def adopt(self, signer: Address, leases: tuple[LaneLease, ...]) -> None:
        """From now on admit under these leases; called in the same step as their nonces are taken over."""
        ...

    def take_block(self, *, at_least: int) -> Future[range]:
        """Take a block of nonces of 1inch's contract that nobody ever had."""
        ...

    def changes(self, cursor: tuple[int, int], known: Callable[[bytes], bool]) -> Future[BookChanges]:
        """Return what replicas admitted and ended behind ``cursor``; ``known`` tells which quotes we have."""
        ...
