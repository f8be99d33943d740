"""Signed allowances that a taker may bring along: the ``permit`` bytes of ``fillOrderPermit``.

One kind byte, then words. Owner is the caller, spender the settlement, token the taker asset: none of them is told.

| kind | standard | words                                         | allowance                                  |
|------|----------|-----------------------------------------------|--------------------------------------------|
| 1    | EIP-2612 | value, deadline, r, vs                        | of the token, to the settlement            |
| 2    | DAI      | nonce, expiry, r, vs                          | the same, without limit                    |
| 3    | Permit2  | amount, expiration, nonce, sigDeadline, r, vs | within Permit2, to the settlement; used    |
|      |          |                                               | where takerTraits bit 252 is set           |

A permit that fails is ignored by the contract: the pull of the taker asset decides. Sources: EIP-2612, DAI's
``permit``, Uniswap permit2 contracts/libraries/PermitHash.sol; contracts/PORTAL.md for the packing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pmm.domain.native_backends import keccak256
from pmm.domain.signing import Signature, SigningKey
from pmm.domain.tokens import Address
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

PERMIT2 = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
"""Uniswap's Permit2, at the same address on every chain."""

_DOMAIN_FIELDS = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDomain:
    """The EIP-712 domain of a token's own permit, as the token defines it; the name must be asked, not guessed.

    ``version`` is None for the few tokens that have none in their domain.
    """

    name: str
    version: str | None
    chain_id: int
    token: Address

    def to_dict(self) -> dict[str, Any]:
        """Return the domain as wallets take it."""
        domain = {"name": self.name, "chainId": self.chain_id, "verifyingContract": self.token}
        return domain if self.version is None else {**domain, "version": self.version}


def _full_message(
    domain: Mapping[str, Any], types: Mapping[str, Mapping[str, str]], message: Mapping[str, Any]
) -> dict[str, Any]:
    described = {name: _DOMAIN_FIELDS[name] for name in _DOMAIN_FIELDS if name in domain}
    every = {"EIP712Domain": described, **types}
    return {
        "domain": dict(domain),
        "types": {
            name: [{"name": key, "type": kind} for key, kind in parts.items()]
            for name, parts in every.items()
        },
        "primaryType": next(iter(types)),
        "message": dict(message),
    }


def sign_typed_data(message: Mapping[str, Any], key: SigningKey) -> Signature:
    """Sign a full EIP-712 message (domain, types, primaryType, message); the hashing is eth-account's."""
    # eth-account takes a second to import: only for those who sign permits.
    from eth_account.messages import encode_typed_data

    signable = encode_typed_data(full_message=dict(message))
    return key.sign(keccak256(b"\x19" + signable.version + signable.header + signable.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Eip2612Permit:
    """Kind 1: ``value`` base units until ``deadline_s``."""

    KIND: ClassVar[int] = 1
    value: int
    deadline_s: int
    signature: Signature = field(repr=False)

    def __post_init__(self) -> None:
        check_uint(self.value, "value")
        check_uint(self.deadline_s, "deadline")

    def encode(self) -> bytes:
        """Return the permit bytes."""
        return _pack(self.KIND, (self.value, self.deadline_s), self.signature)

    @staticmethod
    def typed_data(
        domain: TokenDomain, *, owner: Address, spender: Address, value: int, nonce: int, deadline_s: int
    ) -> dict[str, Any]:
        """Return the message to sign; ``nonce`` is the token's ``nonces(owner)``."""
        fields = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256"}
        types = {"Permit": {**fields, "deadline": "uint256"}}
        message = {"owner": owner, "spender": spender, "value": value, "nonce": nonce, "deadline": deadline_s}
        return _full_message(domain.to_dict(), types, message)

    @classmethod
    def sign(
        cls,
        key: SigningKey,
        domain: TokenDomain,
        *,
        spender: Address,
        value: int,
        nonce: int,
        deadline_s: int,
    ) -> Eip2612Permit:
        """Sign an allowance of the key's own tokens."""
        check_uint(value, "value")
        check_uint(nonce, "nonce")
        check_uint(deadline_s, "deadline")
        message = cls.typed_data(
            domain, owner=key.address, spender=spender, value=value, nonce=nonce, deadline_s=deadline_s
        )
        return cls(value=value, deadline_s=deadline_s, signature=sign_typed_data(message, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class DaiPermit:
    """Kind 2: everything, until ``expiry_s`` (0 = the permit itself never expires)."""

    KIND: ClassVar[int] = 2
    nonce: int
    expiry_s: int
    signature: Signature = field(repr=False)

    def __post_init__(self) -> None:
        check_uint(self.nonce, "nonce")
        check_uint(self.expiry_s, "expiry")

    def encode(self) -> bytes:
        """Return the permit bytes."""
        return _pack(self.KIND, (self.nonce, self.expiry_s), self.signature)

    @staticmethod
    def typed_data(
        domain: TokenDomain, *, holder: Address, spender: Address, nonce: int, expiry_s: int
    ) -> dict[str, Any]:
        """Return the message to sign; ``nonce`` is DAI's ``nonces(holder)``."""
        fields = {"holder": "address", "spender": "address", "nonce": "uint256", "expiry": "uint256"}
        types = {"Permit": {**fields, "allowed": "bool"}}
        message = {"holder": holder, "spender": spender, "nonce": nonce, "expiry": expiry_s, "allowed": True}
        return _full_message(domain.to_dict(), types, message)

    @classmethod
    def sign(
        cls, key: SigningKey, domain: TokenDomain, *, spender: Address, nonce: int, expiry_s: int
    ) -> DaiPermit:
        """Sign an unlimited allowance of the key's own tokens."""
        check_uint(nonce, "nonce")
        check_uint(expiry_s, "expiry")
        message = cls.typed_data(domain, holder=key.address, spender=spender, nonce=nonce, expiry_s=expiry_s)
        return cls(nonce=nonce, expiry_s=expiry_s, signature=sign_typed_data(message, key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit2Permit:
    """Kind 3: ``amount`` base units within Permit2 until ``expiration_s``, to be used until ``sig_deadline_s``."""

    KIND: ClassVar[int] = 3
    amount: int
    expiration_s: int
    nonce: int
    sig_deadline_s: int
    signature: Signature = field(repr=False)

    def __post_init__(self) -> None:
        _check_permit2(self.amount, self.expiration_s, self.nonce, self.sig_deadline_s)

    def encode(self) -> bytes:
        """Return the permit bytes."""
        words = (self.amount, self.expiration_s, self.nonce, self.sig_deadline_s)
        return _pack(self.KIND, words, self.signature)

    @staticmethod
    def typed_data(
        *,
        chain_id: int,
        token: Address,
        spender: Address,
        amount: int,
        expiration_s: int,
        nonce: int,
        sig_deadline_s: int,
    ) -> dict[str, Any]:
        """Return the message to sign; ``nonce`` is that of Permit2's ``allowance(owner, token, spender)``."""
        details = {"token": "address", "amount": "uint160", "expiration": "uint48", "nonce": "uint48"}
        single = {"details": "PermitDetails", "spender": "address", "sigDeadline": "uint256"}
        message = {
            "details": {"token": token, "amount": amount, "expiration": expiration_s, "nonce": nonce},
            "spender": spender,
            "sigDeadline": sig_deadline_s,
        }
        domain = {"name": "Permit2", "chainId": chain_id, "verifyingContract": PERMIT2}
        return _full_message(domain, {"PermitSingle": single, "PermitDetails": details}, message)

    @classmethod
    def sign(
        cls,
        key: SigningKey,
        *,
        chain_id: int,
        token: Address,
        spender: Address,
        amount: int,
        expiration_s: int,
        nonce: int,
        sig_deadline_s: int,
    ) -> Permit2Permit:
        """Sign an allowance of the key's own tokens within Permit2."""
        _check_permit2(amount, expiration_s, nonce, sig_deadline_s)
        message = cls.typed_data(
            chain_id=chain_id,
            token=token,
            spender=spender,
            amount=amount,
            expiration_s=expiration_s,
            nonce=nonce,
            sig_deadline_s=sig_deadline_s,
        )
        return cls(
            amount=amount,
            expiration_s=expiration_s,
            nonce=nonce,
            sig_deadline_s=sig_deadline_s,
            signature=sign_typed_data(message, key),
        )


Permit = Eip2612Permit | DaiPermit | Permit2Permit

_WORDS = {Eip2612Permit.KIND: 4, DaiPermit.KIND: 4, Permit2Permit.KIND: 6}


def decode_permit(data: bytes) -> Permit:
    """Read permit bytes; raise InvalidInput for an unknown kind, another length or a field out of range."""
    kind = data[0] if data else 0
    if kind not in _WORDS:
        raise InvalidInput(f"permit: expected a kind of 1 (EIP-2612), 2 (DAI) or 3 (Permit2), found {kind}")
    expected = 1 + 32 * _WORDS[kind]
    if len(data) != expected:
        raise InvalidInput(f"permit: expected {expected} bytes of kind {kind}, found {len(data)}")
    *numbers, r, vs = (data[start : start + 32] for start in range(1, expected, 32))
    values = [int.from_bytes(number, "big") for number in numbers]
    signature = Signature.from_compact(r, vs)
    if kind == Eip2612Permit.KIND:
        return Eip2612Permit(value=values[0], deadline_s=values[1], signature=signature)
    if kind == DaiPermit.KIND:
        return DaiPermit(nonce=values[0], expiry_s=values[1], signature=signature)
    return Permit2Permit(
        amount=values[0],
        expiration_s=values[1],
        nonce=values[2],
        sig_deadline_s=values[3],
        signature=signature,
    )


def _pack(kind: int, words: tuple[int, ...], signature: Signature) -> bytes:
    packed = b"".join(word.to_bytes(32, "big") for word in words)
    return bytes((kind,)) + packed + signature.to_compact()


def _check_permit2(amount: int, expiration_s: int, nonce: int, sig_deadline_s: int) -> None:
    check_uint(amount, "amount", 160)
    check_uint(expiration_s, "expiration", 48)
    check_uint(nonce, "nonce", 48)
    check_uint(sig_deadline_s, "sigDeadline")
