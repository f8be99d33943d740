"""Signs a transaction of type 2 (EIP-1559) with its access list; the encoding is eth-account's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from eth_account.typed_transactions.typed_transaction import TypedTransaction

from pmm.chain.access_list import to_rpc
from pmm.chain.sender.records import Attempt
from pmm.domain import Address, Signature, SigningKey, keccak256, recover_signer, to_hex
from pmm.errors import UnsafeToSign

EMPTY_GAS = 21_000
"""What a transfer without calldata takes."""


class TransactionKey(Protocol):
    """The key of the desk's account: in this process or elsewhere. It sees the whole transaction, not a digest."""

    @property
    def address(self) -> Address:
        """The account."""
        ...

    def sign_transaction(self, fields: dict[str, Any], digest: bytes) -> Signature:
        """Sign a transaction; raise SignerUnavailable when the key is elsewhere and does not answer."""
        ...


class LocalTransactionKey:
    """A key in this process. ``repr`` shows the address only."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    @property
    def address(self) -> Address:
        """The account."""
        return self._key.address

    def sign_transaction(self, fields: dict[str, Any], digest: bytes) -> Signature:
        """Sign the digest of a transaction."""
        return self._key.sign(digest)

    def __repr__(self) -> str:
        return f"LocalTransactionKey({self.address})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed transaction; ``repr`` leaves the raw form out: whoever has it can send it."""

    transaction_hash: str
    raw: str = field(repr=False)


def sign_transaction(
    key: TransactionKey,
    *,
    chain_id: int,
    nonce: int,
    to: Address,
    data: bytes,
    value_wei: int,
    attempt: Attempt,
) -> SignedTransaction:
    """Sign one attempt; its own hash is not read. Raises UnsafeToSign for a signature of another account."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "to": to,
        "value": value_wei,
        "data": to_hex(data),
        "gas": attempt.gas_limit,
        "maxFeePerGas": attempt.fees.max_fee_wei,
        "maxPriorityFeePerGas": attempt.fees.priority_fee_wei,
        "accessList": to_rpc(attempt.access_list),
    }
    digest = bytes(TypedTransaction.from_dict(fields).hash())
    signature = key.sign_transaction(fields, digest)
    if recover_signer(digest, signature) != key.address:
        raise UnsafeToSign(
            f"expected a transaction signed by {key.address}, found a signature of another account; check the signer"
        )
    signed = {**fields, "v": signature.y_parity, "r": signature.r, "s": signature.s}
    raw = bytes(TypedTransaction.from_dict(signed).encode())
    return SignedTransaction(transaction_hash=to_hex(keccak256(raw)), raw=to_hex(raw))
