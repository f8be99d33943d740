"""ECDSA over secp256k1 through coincurve: sign a digest, convert and check signatures, recover the signer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NoReturn

from coincurve import PrivateKey, PublicKey

from pmm.domain.native_backends import keccak256
from pmm.domain.tokens import ZERO_ADDRESS, Address, address_from_bytes
from pmm.domain.value_class import value_class
from pmm.errors import InvalidInput, UnsafeToSign

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_CURVE_ORDER = CURVE_ORDER >> 1
_S_MASK = (1 << 255) - 1
_KEY_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{64}", re.ASCII)


@value_class(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature in low-s form. ``y_parity`` is 0 or 1; ``repr`` does not show it: a signature is money.

    Raises InvalidInput when r or s is zero or not below the curve order, and when s is in the upper half (the
    second form of a valid signature; 1inch and our contract refuse it).
    """

    r: int
    s: int
    y_parity: int

    def __post_init__(self) -> None:
        if not 0 < self.r < CURVE_ORDER:
            raise InvalidInput(f"signature: r must be between 1 and the curve order, found 0x{self.r:x}")
        if not 0 < self.s < CURVE_ORDER:
            raise InvalidInput(f"signature: s must be between 1 and the curve order, found 0x{self.s:x}")
        if self.s > HALF_CURVE_ORDER:
            raise InvalidInput("signature: s is above half the curve order (malleable form); expected low s")
        if self.y_parity not in (0, 1):
            raise InvalidInput(f"signature: expected y parity 0 or 1, found {self.y_parity}")

    def __repr__(self) -> str:
        return "Signature(<redacted>)"

    @property
    def r_bytes(self) -> bytes:
        """The first word, 32 bytes."""
        return self.r.to_bytes(32, "big")

    @property
    def vs_bytes(self) -> bytes:
        """The second word of the EIP-2098 form: s with the y parity in its highest bit."""
        return (self.y_parity << 255 | self.s).to_bytes(32, "big")

    def to_compact(self) -> bytes:
        """Return the 64-byte EIP-2098 form, r and vs."""
        return (self.r << 256 | self.y_parity << 255 | self.s).to_bytes(64, "big")

    def to_bytes65(self) -> bytes:
        """Return the 65-byte form, r, s and v of 27 or 28."""
        return (self.r << 264 | self.s << 8 | 27 + self.y_parity).to_bytes(65, "big")

    @classmethod
    def from_compact(cls, r: bytes, vs: bytes) -> Signature:
        """Read the EIP-2098 words; raise InvalidInput unless both have 32 bytes and are in range."""
        if len(r) != 32 or len(vs) != 32:
            raise InvalidInput(f"signature: expected r and vs of 32 bytes, found {len(r)} and {len(vs)}")
        word = int.from_bytes(vs, "big")
        return cls(r=int.from_bytes(r, "big"), s=word & _S_MASK, y_parity=word >> 255)

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Read the 64-byte (r, vs) or the 65-byte (r, s, v) form; v is 27, 28, 0 or 1."""
        if len(data) == 64:
            return cls.from_compact(data[:32], data[32:])
        if len(data) != 65:
            raise InvalidInput(
                f"signature: expected 65 bytes (r, s, v) or 64 bytes (r, vs), found {len(data)}"
            )
        v = data[64]
        if v not in (0, 1, 27, 28):
            raise InvalidInput(f"signature: expected v of 27 or 28, found {v}")
        return cls(
            r=int.from_bytes(data[:32], "big"),
            s=int.from_bytes(data[32:64], "big"),
            y_parity=v if v < 27 else v - 27,
        )


def _address_of(public_key: PublicKey) -> Address:
    return _address_of_point(public_key.format(compressed=False))


@lru_cache(maxsize=64)
def _address_of_point(point: bytes) -> Address:
    """Return the address of an uncompressed public key; the few that sign here come again and again."""
    return address_from_bytes(keccak256(point[1:])[12:])


def _check_digest(digest: bytes) -> None:
    if len(digest) != 32:
        raise InvalidInput(f"digest: expected 32 bytes, found {len(digest)}")


def recover_signer(digest: bytes, signature: Signature) -> Address:
    """Return the address whose key made ``signature`` over the 32-byte ``digest``.

    Any digest and signature in range recover to some address: compare the result. Raises InvalidInput when no
    public key fits, or when it has the zero address, which ``ecrecover`` uses for failure.
    """
    _check_digest(digest)
    raw = (signature.r << 264 | signature.s << 8 | signature.y_parity).to_bytes(65, "big")
    try:
        public_key = PublicKey.from_signature_and_message(raw, digest, hasher=None)
    except ValueError as error:
        raise InvalidInput("signature: no public key fits it; it was altered or cut") from error
    signer = _address_of(public_key)
    if signer == ZERO_ADDRESS:
        raise InvalidInput("signature: recovers to the zero address")
    return signer


_FORBIDDEN: list[str] = []


def forbid_signing_keys(why: str) -> None:
    """Let no signing key be made in this process from now on, for good: making one raises UnsafeToSign."""
    _FORBIDDEN.append(why)


class SigningKey:
    """A secp256k1 private key that signs digests and shows only its address.

    ``repr``, ``str``, ``format``, ``vars``, ``copy`` and ``pickle`` never give the key away.
    """

    __slots__ = ("_private_key", "address")

    address: Address

    def __init__(self, secret: bytes) -> None:
        if _FORBIDDEN:
            raise UnsafeToSign(
                f"expected no signing key in this process, found one asked for: {_FORBIDDEN[0]}"
            )
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < CURVE_ORDER:
            # The value is deliberately absent from the message.
            raise InvalidInput(
                f"signing key: expected 32 bytes in the curve's range, found {len(secret)} bytes"
            )
        self._private_key = PrivateKey(secret)
        self.address = _address_of(self._private_key.public_key)

    @classmethod
    def from_hex(cls, text: str) -> SigningKey:
        """Read 64 hex digits, with or without 0x; raise InvalidInput without repeating them."""
        text = text.strip()
        if not _KEY_HEX.fullmatch(text):
            raise InvalidInput(f"signing key: expected 64 hex digits, found {len(text)} characters")
        return cls(bytes.fromhex(text.removeprefix("0x")))

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> SigningKey:
        """Return a new key drawn from ``random_bytes``, which outside tests is ``secrets.token_bytes``."""
        while True:
            secret = random_bytes(32)
            if 0 < int.from_bytes(secret, "big") < CURVE_ORDER:
                return cls(secret)

    def sign(self, digest: bytes) -> Signature:
        """Sign a 32-byte digest (RFC 6979 nonce, low s); raise InvalidInput for another length."""
        _check_digest(digest)
        raw = self._private_key.sign_recoverable(digest, hasher=None)
        return Signature(
            r=int.from_bytes(raw[:32], "big"), s=int.from_bytes(raw[32:64], "big"), y_parity=raw[64]
        )

    def __repr__(self) -> str:
        return f"SigningKey({self.address})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise UnsafeToSign(
            f"the signing key of {self.address} is not copied or pickled: pass the object itself"
        )
