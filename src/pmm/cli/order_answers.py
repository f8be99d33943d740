"""The JSON answers of ``pmm order hash | sign | verify`` for one record."""

from __future__ import annotations

import os
from typing import Any

from pmm.cli.order_input import OrderRecord
from pmm.domain import Address, OrderDomain, SigningKey, order_hash, sign_order, to_hex
from pmm.domain.obstacles import extension_obstacles, settlement_maker_obstacles
from pmm.domain.verification import Claim, Verification, verify_order
from pmm.errors import InvalidInput, UnsafeToSign


def check_live_signing(domain: OrderDomain, live: str | None) -> None:
    """Refuse chain 1 unless ``live``, the value of PMM_LIVE, is ``1``: such a signature is good on mainnet.

    Every local fork has chain id 1 and the genuine addresses, so having meant a test protects nobody.
    """
    if domain.chain_id == 1 and live != "1":
        raise UnsafeToSign(
            "chain id 1 is mainnet, and every fork of it: whoever gets this signature can fill the order there. "
            "It was not signed. Set PMM_LIVE=1 if you mean it, or sign for another chain with --chain-id"
        )


def _answer(record: OrderRecord, digest: bytes, check: Verification | None) -> dict[str, Any]:
    signature = record.claim.signature
    return {
        "orderHash": to_hex(digest),
        "signature": None if signature is None else to_hex(signature),
        "signer": check.signer if check else None,
        "valid": check.valid if check else None,
        "reasons": check.reasons if check else [],
    }


def answer_hash(record: OrderRecord) -> dict[str, Any]:
    """Return the digest; ``valid`` tells whether a claimed orderHash is right and is None without one."""
    digest, claimed = order_hash(record.order, record.domain), record.claim.order_hash
    answer = _answer(record, digest, None)
    if claimed is not None:
        answer["valid"] = claimed == digest
        if claimed != digest:
            answer["reasons"].append(f"hash_mismatch: expected {to_hex(digest)}, found {to_hex(claimed)}")
    answer["reasons"] += [str(reason) for reason in extension_obstacles(record.order, record.claim.extension)]
    return answer


def answer_verify(record: OrderRecord, check: Verification) -> dict[str, Any]:
    """Return what was found about hash and signature."""
    return _answer(record, check.order_hash, check)


def answer_sign(
    record: OrderRecord,
    key: SigningKey,
    *,
    contract: bool,
    core_tokens: tuple[Address, ...],
    compact: bool,
    now_s: int,
) -> dict[str, Any]:
    """Sign an order and return it whole, so that it can be verified or sent as it is.

    ``contract`` packs the signature for a settlement with these ``core_tokens``, which 1inch asks. Raises
    UnsafeToSign for chain 1 without PMM_LIVE=1, InvalidInput for an order that the key cannot sign.
    """
    order, domain, extension = record.order, record.domain, record.claim.extension
    check_live_signing(domain, os.environ.get("PMM_LIVE"))
    if contract and domain.is_own:
        raise InvalidInput(
            "--contract: the packed form is for 1inch's domain; ours takes the plain signature"
        )
    if core_tokens and not contract:
        raise InvalidInput("--core-token: expected --contract beside it; only the packed form counts tokens")
    if contract:
        refused = settlement_maker_obstacles(order, extension)
        if refused:
            raise InvalidInput(
                f"--contract: no settlement accepts this order. {'; '.join(map(str, refused))}"
            )
    if not domain.is_own and not contract and order.maker != key.address:
        raise InvalidInput(
            f"maker: expected the key's address {key.address}, found {order.maker}: 1inch would refuse the "
            "signature. If the maker is a settlement contract that registered this key, add --contract"
        )
    digest = order_hash(order, domain)
    if record.claim.order_hash not in (None, digest):
        raise InvalidInput(f"orderHash: expected {to_hex(digest)}, found another one; check the domain")
    signed = sign_order(order, domain, key, extension)
    if contract:
        signature = signed.contract_signature(core_tokens)
    else:
        signature = signed.signature.to_compact() if compact else signed.signature.to_bytes65()
    claim = Claim(signature=signature, extension=extension, signers=frozenset({key.address}))
    check = verify_order(order, domain, claim, now_s=now_s)
    return {
        **_answer(OrderRecord(order=order, domain=domain, claim=claim), digest, check),
        **order.to_dict(),
        "extension": to_hex(extension),
        "domain": "pmm" if domain.is_own else "1inch",
        "chainId": domain.chain_id,
        "verifyingContract": domain.verifying_contract,
    }
