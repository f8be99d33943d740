"""What the journal keeps: one record per request, one outcome per thing that happens to a quote later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pmm.domain import Address, Decision, RfqOrder, Token
from pmm.domain.value_class import value_class
from pmm.execution.chain_view import NonceKey, Settlement
from pmm.execution.quote_inputs import QuoteInputs
from pmm.pricing import MarketSnapshot, Offer, RejectedOffer
from pmm.risk import QuoteLimits


@value_class(frozen=True, slots=True, kw_only=True)
class LiveQuote:
    """What a restart must know of a quote that may still be filled.

    ``allowed_sender`` is the taker as the order names it: the last 80 bits of the address.
    """

    order_hash: bytes
    settlement: Settlement
    signer: Address
    nonce: NonceKey
    expiration_s: int
    maker_asset: Address
    taker_asset: Address
    reserved_amount: int
    usd_wad: int
    allowed_sender: int
    fill_probability_bps: int = 10_000


@value_class(frozen=True, slots=True, kw_only=True)
class AdmittedQuote:
    """An order that will be signed once this is durable.

    ``reserved_amount`` is inventory of ``maker_asset`` held back for it, 0 when flash funds pay.
    """

    order: RfqOrder
    order_hash: bytes
    extension: bytes
    settlement: Settlement
    settled_by: Address
    chain_id: int
    signer: Address
    nonce: NonceKey
    expiration_s: int
    maker_asset: Token
    taker_asset: Token
    reserved_amount: int
    usd_wad: int
    offer: Offer

    @property
    def live(self) -> LiveQuote:
        """What the reservation book keeps of it."""
        return LiveQuote(
            order_hash=self.order_hash,
            settlement=self.settlement,
            signer=self.signer,
            nonce=self.nonce,
            expiration_s=self.expiration_s,
            maker_asset=self.maker_asset.address,
            taker_asset=self.taker_asset.address,
            reserved_amount=self.reserved_amount,
            usd_wad=self.usd_wad,
            allowed_sender=self.order.allowed_sender,
        )


@value_class(frozen=True, slots=True, kw_only=True)
class Claim:
    """What an admitted quote may take at most; the journal holds it against what all replicas have admitted.

    Attributes:
        balance: of the maker asset in the settlement contract, base units.
        ceiling: what all live quotes together may promise of it on this venue, base units.
        provided: what of that the lending account would deliver, beyond the balance.
        block_number: block that both were read at.
        limits: limits that count and value of all live quotes must keep.
    """

    balance: int
    ceiling: int
    block_number: int
    limits: QuoteLimits
    provided: int = 0


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteRecord:
    """One request and what became of it; ``admitted`` is None for a refusal.

    ``idempotency_key`` is the relayer's name for the request, ``claim`` is there for an admitted quote.
    """

    quote_id: str
    received_at_ms: int
    relayer: str
    body: bytes
    decision: Decision
    market: MarketSnapshot | None = None
    admitted: AdmittedQuote | None = None
    losing: tuple[RejectedOffer | Offer, ...] = ()
    inputs: QuoteInputs | None = None
    # A refusal that has no RefusalReason, because the request could not even be read.
    unreadable_code: str | None = None
    idempotency_key: str | None = None
    claim: Claim | None = None


@value_class(frozen=True, slots=True, kw_only=True)
class StoredQuote:
    """A live quote as the journal gives it back; signing ``order_hash`` again gives the same signature.

    ``usd_wad`` is its value in US dollars scaled by 10**18, ``reserved_amount`` base units of the maker asset.
    """

    quote_id: str
    order: RfqOrder
    order_hash: bytes
    extension: bytes
    settlement: Settlement
    settled_by: Address
    chain_id: int
    signer: Address
    nonce: NonceKey
    expiration_s: int
    reserved_amount: int
    usd_wad: int
    offer: Offer

    def admitted(self, *, maker_asset: Token, taker_asset: Token) -> AdmittedQuote:
        """Return it as it was admitted; the journal knows tokens by address only."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "quote_id"}
        return AdmittedQuote(maker_asset=maker_asset, taker_asset=taker_asset, **fields)


@value_class(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the journal made of a record: written as it was, refused after all, or asked before.

    ``earlier`` is the live quote that the same request got before; then nothing was written.
    """

    decision: Decision
    earlier: StoredQuote | None = None


@value_class(frozen=True, slots=True, kw_only=True)
class LadderRecord:
    """A ladder as published."""

    published_at_ms: int
    relayer: str
    market: MarketSnapshot
    body: bytes


class OutcomeKind(StrEnum):
    """What ended a quote. ``SPENT``: its nonce is dead on chain, by a fill or by a cancel."""

    SPENT = "spent"
    EXPIRED = "expired"


@value_class(frozen=True, slots=True, kw_only=True)
class QuoteOutcome:
    """The end of a quote.

    The signature is in it because nothing can be done with it any more; None if it never left. ``balance`` is
    what the contract held of the quote's maker asset at ``block_number``, base units.
    """

    order_hash: bytes
    kind: OutcomeKind
    at_ms: int
    block_number: int
    signature: bytes | None = None
    balance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """What a journal holds that a starting server needs.

    ``next_nonces`` gives, per (signer, settlement, lane), the lowest nonce never recorded; on 1inch's domain
    the signer is the zero address, because all signers share the maker's nonces.
    """

    live: tuple[LiveQuote, ...]
    next_nonces: Mapping[tuple[Address, Settlement, int], int]
    # How far quotes and outcomes were read; see BookChanges.
    cursor: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A relayer said that a quote was not selected: it is less likely to be filled, and can be all the same."""

    order_hash: bytes
    fill_probability_bps: int
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChanges:
    """What other replicas admitted and ended since ``cursor`` was last given."""

    live: tuple[LiveQuote, ...]
    ended: tuple[bytes, ...]
    cursor: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLease:
    """One lane of nonces that this replica alone may use until the lease ends.

    ``fence`` rises with every new holder. For a lane taken just now ``next_nonce`` is the lowest nonce never
    recorded and ``live`` are those of quotes that may still be filled; for one that was renewed it is None.
    """

    lane: int
    fence: int
    next_nonce: int | None = None
    live: tuple[int, ...] = ()
