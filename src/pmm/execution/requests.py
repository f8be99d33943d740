"""A firm-quote request as the desk takes it from any relayer."""

from __future__ import annotations

from typing import Final, Protocol

from pmm.domain import Decision, OkxDecay, QuoteRequest, allowed_sender_of
from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput
from pmm.execution.chain_view import Settlement
from pmm.pricing import ModelInputs, ModelOffers

MAX_KEY_LENGTH = 128
_ONEINCH: Final = Settlement.ONEINCH


class AgreedPrice(Protocol):
    """A price that was agreed on beforehand and stands in the place of the desk's model."""

    @property
    def name(self) -> str:
        """The name under which it is journaled."""
        ...

    def offers(self, inputs: ModelInputs, request: QuoteRequest) -> ModelOffers | Decision:
        """Return the offer, or why it does not stand now."""
        ...


@value_class(frozen=True, slots=True, kw_only=True)
class FirmQuoteRequest:
    """A request for a signed order.

    Attributes:
        quote: assets, amount, taker.
        settlement: contract that the order is signed for.
        private: on our own domain, name the taker in full in the order's extension.
        ttl_s: how long the relayer wants it to live; ours when None or longer than ours.
        relayer: who asks.
        body: the request as received, for the journal.
        idempotency_key: the relayer's name for the request; while its quote lives, the same answer again.
        relayer_nonce: nonce of the order where the relayer gives it, at most 64 bits.
        decay: on OKX's contract, how the order gets worse as it ages; a start below 10**9 counts from now.
        negotiated: the price, where it was agreed on; such a quote lives as long as it asks for, or is refused where
            its lane does not allow that.

    Raises InvalidInput for an idempotency key that is empty, too long or not printable ASCII, and for a taker on
    1inch of whose address the last 80 bits are zero: there an order names these bits only, and zero means anybody.
    """

    quote: QuoteRequest
    settlement: Settlement = Settlement.ONEINCH
    private: bool = False
    ttl_s: int | None = None
    relayer: str = "1inch"
    body: bytes = b""
    idempotency_key: str | None = None
    relayer_nonce: int | None = None
    decay: OkxDecay | None = None
    negotiated: AgreedPrice | None = None

    def __post_init__(self) -> None:
        """Check what the class says."""
        key = self.idempotency_key
        if key is not None and not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_LENGTH):
            raise InvalidInput(
                f"idempotency key: expected 1 to {MAX_KEY_LENGTH} printable ASCII characters, found {key[:20]!r}"
            )
        if self.settlement is _ONEINCH and allowed_sender_of(self.quote.taker) == 0:
            raise InvalidInput(
                f"taker: expected an address on 1inch whose last 10 bytes are not all zero, found "
                f"{self.quote.taker}: anybody could fill its order"
            )
