"""EIP-712 digests of peers' orders, by eth-account: their types are written down, not hashed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from pmm.domain import Signature

_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)


def fields(declaration: str) -> list[dict[str, str]]:
    """Return the members of a struct from ``type name, type name``."""
    return [dict(zip(("type", "name"), member.split(), strict=True)) for member in declaration.split(",")]


def typed_digest(
    domain: Mapping[str, Any],
    types: Mapping[str, Sequence[Mapping[str, str]]],
    primary: str,
    message: Mapping[str, Any],
) -> bytes:
    """Return the 32 bytes that are signed."""
    signable = encode_typed_data(full_message=_document(domain, types, primary, message))
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def struct_hash(
    domain: Mapping[str, Any],
    types: Mapping[str, Sequence[Mapping[str, str]]],
    primary: str,
    message: Mapping[str, Any],
) -> bytes:
    """Return the hash of the message without its domain."""
    return bytes(encode_typed_data(full_message=_document(domain, types, primary, message)).body)


def _document(
    domain: Mapping[str, Any],
    types: Mapping[str, Sequence[Mapping[str, str]]],
    primary: str,
    message: Mapping[str, Any],
) -> dict[str, Any]:
    domain_type = [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS if name in domain]
    return {
        "domain": dict(domain),
        "types": {"EIP712Domain": domain_type, **types},
        "primaryType": primary,
        "message": dict(message),
    }


def v_r_s(signature: Signature) -> tuple[int, bytes, bytes]:
    """Return the three words of the long form."""
    return 27 + signature.y_parity, signature.r_bytes, signature.s.to_bytes(32, "big")
