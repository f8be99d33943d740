"""What the journal keeps: one record per request, one outcome per thing that happens to a quote later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pmm.domain import Address, Decision, RfqOrder, Token
from pmm.execution.chain_view import NonceKey, Settlement
from pmm.execution.quote_inputs import QuoteInputs
from pmm.pricing import MarketSnapshot, Offer, RejectedOffer


@dataclass(frozen=True, slots=True, kw_only=True)
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
    reserved_amount: int
    usd_wad: int
    allowed_sender: int


@dataclass(frozen=True, slots=True, kw_only=True)
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
            reserved_amount=self.reserved_amount,
            usd_wad=self.usd_wad,
            allowed_sender=self.order.traits.allowed_sender,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRecord:
    """One request and what became of it; ``admitted`` is None for a refusal."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteOutcome:
    """The end of a quote.

    The signature is in it because nothing can be done with it any more; None if it never left.
    """

    order_hash: bytes
    kind: OutcomeKind
    at_ms: int
    block_number: int
    signature: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """What a journal holds that a starting server needs.

    ``next_nonces`` gives, per (signer, settlement, lane), the lowest nonce never recorded; on 1inch's domain
    the signer is the zero address, because all signers share the maker's nonces.
    """

    live: tuple[LiveQuote, ...]
    next_nonces: Mapping[tuple[Address, Settlement, int], int]
