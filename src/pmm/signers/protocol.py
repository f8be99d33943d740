"""The one request that a signer process answers: one JSON line with an order, its domain and its digest.

> {"domain": {...}, "order": {...}, "digest": "0x..."}
< {"signature": "0x..."}    or    {"error": "..."}
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pmm.domain import OrderDomain, RfqOrder, Signature, parse_address, parse_bytes, to_hex
from pmm.errors import InvalidInput

MOST_BYTES: Final = 4_096
"""Longest line, either way."""


class _Domain(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    name: str
    version: str
    chain_id: int
    verifying_contract: str


class _Request(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    domain: _Domain
    order: dict[str, str]
    digest: str


class SignRequest(msgspec.Struct, kw_only=True, frozen=True):
    """A request as it was read; the digest is what the client says, not yet what the order gives."""

    domain: OrderDomain
    order: RfqOrder
    digest: bytes


_READER = msgspec.json.Decoder(_Request)


def encode_request(order: RfqOrder, domain: OrderDomain, digest: bytes) -> bytes:
    """Return the line of a request."""
    record = {"domain": domain.to_dict(), "order": order.to_dict(), "digest": to_hex(digest)}
    return msgspec.json.encode(record) + b"\n"


def decode_request(line: bytes) -> SignRequest:
    """Read a request; raise InvalidInput naming what is wrong."""
    try:
        raw = _READER.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"request: expected domain, order and digest, found: {error}") from None
    domain = OrderDomain(
        name=raw.domain.name,
        version=raw.domain.version,
        chain_id=raw.domain.chain_id,
        verifying_contract=parse_address(raw.domain.verifying_contract, "verifyingContract"),
    )
    return SignRequest(
        domain=domain, order=RfqOrder.from_dict(raw.order), digest=parse_bytes(raw.digest, "digest", 32)
    )


def encode_answer(signature: Signature) -> bytes:
    """Return the line of a signature."""
    return msgspec.json.encode({"signature": to_hex(signature.to_bytes65())}) + b"\n"


def encode_error(message: str) -> bytes:
    """Return the line of a refusal."""
    return msgspec.json.encode({"error": message[:500]}) + b"\n"


def decode_answer(line: bytes) -> Signature:
    """Read an answer; raise InvalidInput with the signer's reason, or saying that it is no answer."""
    try:
        answer: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidInput("expected one line of JSON from the signer, found something else") from None
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        raise InvalidInput(f"the signer refused: {answer['error'][:500]}")
    if not isinstance(answer, dict) or not isinstance(answer.get("signature"), str):
        raise InvalidInput("expected a signature or an error from the signer, found neither")
    return Signature.from_bytes(parse_bytes(answer["signature"], "signature", 65))
