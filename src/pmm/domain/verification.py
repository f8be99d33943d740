"""Whether a signature belongs to an order, and why the order would not fill now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pmm.domain.contract_signature import (
    CONTRACT_SIGNATURE_LENGTH,
    SHORT_CONTRACT_SIGNATURE_LENGTH,
    is_contract_signature,
    signature_for_order,
)
from pmm.domain.eip712 import OrderDomain, order_hash
from pmm.domain.obstacles import (
    Obstacle,
    extension_obstacles,
    order_obstacles,
    settlement_maker_obstacles,
)
from pmm.domain.orders import RfqOrder
from pmm.domain.signing import Signature, recover_signer
from pmm.domain.tokens import Address
from pmm.domain.words import to_hex
from pmm.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """``valid`` speaks of hash, extension and signature only; time and taker are in ``obstacles``.

    ``faults`` say why it is not valid. ``order_hash`` is recomputed, ``signer`` recovered.
    """

    order_hash: bytes
    signer: Address | None
    by_contract: bool
    faults: tuple[Obstacle, ...]
    obstacles: tuple[Obstacle, ...]

    @property
    def valid(self) -> bool:
        """Tell whether the signature is that of the expected signer over this very order."""
        return not self.faults

    @property
    def reasons(self) -> list[str]:
        """Faults, then obstacles, as ``code: detail``."""
        return [str(reason) for reason in (*self.faults, *self.obstacles)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What comes with an order and is to be checked.

    ``signature``: 64 or 65 bytes, or the packed contract signature; None if there is none. ``signers``: the
    addresses whose signature counts; empty means the maker. ``order_hash`` and ``signer``: what the sender says
    they are, None if it says nothing.
    """

    signature: bytes | None = field(repr=False)
    extension: bytes = b""
    signers: Collection[Address] = ()
    order_hash: bytes | None = None
    signer: Address | None = None


def verify_order(
    order: RfqOrder, domain: OrderDomain, claim: Claim, *, now_s: int, taker: Address | None = None
) -> Verification:
    """Check an order's claim; never raises for a bad signature, the faults say what is wrong with it.

    A maker contract's registered signers are known on its chain only: without ``claim.signers`` an order of our
    domain, or one with a contract signature, is not valid for want of somebody to compare the signer with.
    """
    digest = order_hash(order, domain)
    faults: list[Obstacle] = []
    if claim.order_hash is not None and claim.order_hash != digest:
        faults.append(
            Obstacle(
                code="hash_mismatch", detail=f"expected {to_hex(digest)}, found {to_hex(claim.order_hash)}"
            )
        )
    contradictions = extension_obstacles(order, claim.extension)
    faults.extend(contradictions)
    signer = None
    by_contract = claim.signature is not None and is_contract_signature(claim.signature)
    try:
        signer = _recover(order, digest, claim.signature)
    except InvalidInput as error:
        faults.append(Obstacle(code="signature", detail=str(error).removeprefix("signature: ")))
    else:
        faults.extend(_signer_faults(order, domain, claim, signer, by_contract))
    obstacles = order_obstacles(order, domain, extension=claim.extension, now_s=now_s, taker=taker)
    if by_contract and not domain.is_own:
        obstacles += settlement_maker_obstacles(order, claim.extension)
    return Verification(
        order_hash=digest,
        signer=signer,
        by_contract=by_contract,
        faults=tuple(faults),
        obstacles=tuple(obstacle for obstacle in obstacles if obstacle not in contradictions),
    )


def _recover(order: RfqOrder, digest: bytes, data: bytes | None) -> Address:
    if not data:
        raise InvalidInput("signature: expected one, found none")
    if len(data) in (64, 65):
        return recover_signer(digest, Signature.from_bytes(data))
    if not is_contract_signature(data):
        raise InvalidInput(
            f"signature: expected 64 bytes (r, vs), 65 bytes (r, s, v) or a packed contract signature of "
            f"{SHORT_CONTRACT_SIGNATURE_LENGTH} or at least {CONTRACT_SIGNATURE_LENGTH}, found {len(data)}"
        )
    return recover_signer(digest, signature_for_order(data, order))


def _signer_faults(
    order: RfqOrder, domain: OrderDomain, claim: Claim, signer: Address, by_contract: bool
) -> list[Obstacle]:
    faults = []
    if claim.signer is not None and claim.signer != signer:
        detail = f"the record names {claim.signer}, the signature is {signer}'s"
        faults.append(Obstacle(code="signer_claim", detail=detail))
    if claim.signers:
        if signer not in claim.signers:
            detail = f"expected {' or '.join(sorted(claim.signers))}, recovered {signer}"
            faults.append(Obstacle(code="signer_mismatch", detail=detail))
    elif by_contract or domain.is_own:
        detail = (
            f"recovered {signer}; which signers the maker contract {order.maker} has registered is known on its "
            "chain only: name them, or ask a node"
        )
        faults.append(Obstacle(code="signer_unknown", detail=detail))
    elif signer != order.maker:
        detail = f"expected the maker {order.maker}, recovered {signer}"
        faults.append(Obstacle(code="signer_mismatch", detail=detail))
    return faults
