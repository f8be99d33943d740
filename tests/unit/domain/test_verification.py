from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pmm.domain import (
    USDC,
    WETH,
    ContractSignature,
    MakerTraits,
    OrderDomain,
    OwnDomainTerms,
    RfqOrder,
    Signature,
    SigningKey,
    build_salt,
    oneinch_domain,
    order_hash,
    parse_address,
    settlement_domain,
)
from pmm.domain.signing import CURVE_ORDER
from pmm.domain.verification import Claim, Verification, verify_order

KEY = SigningKey(b"\x11" * 32)
SETTLEMENT = parse_address("0x00000000000000000000000000000000005e771e")
NOW_S = 1_700_000_000
ONEINCH = oneinch_domain()
OWN = settlement_domain(1, SETTLEMENT)


def order_of(maker: str, *, extension: bytes = b"", expiration_s: int = NOW_S + 30) -> RfqOrder:
    traits = MakerTraits.for_quote(
        lane=1, nonce=255, expiration_s=expiration_s, has_extension=bool(extension)
    )
    return RfqOrder(
        salt=build_salt(epoch=0, upper=7, extension=extension),
        maker=parse_address(maker),
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=10**18,
        taking_amount=2_500_000_000,
        maker_traits=traits.encode(),
    )


ORDER = order_of(KEY.address)
OWN_ORDER = order_of(SETTLEMENT)


def _verify(order: RfqOrder, domain: OrderDomain, signature: bytes | None, **claim: object) -> Verification:
    full = replace(Claim(signature=signature), **claim)  # type: ignore[arg-type]
    return verify_order(order, domain, full, now_s=NOW_S)


def _codes(check: Verification) -> list[str]:
    return [fault.code for fault in check.faults]


def _sign(order: RfqOrder, domain: OrderDomain) -> Signature:
    return KEY.sign(order_hash(order, domain))


@pytest.mark.parametrize("form", [Signature.to_bytes65, Signature.to_compact])
def test_verify_order__signed_by_its_maker__is_valid_without_reasons(form: object) -> None:
    check = _verify(ORDER, ONEINCH, form(_sign(ORDER, ONEINCH)))  # type: ignore[operator]
    assert check.valid
    assert (check.signer, check.reasons, check.order_hash) == (KEY.address, [], order_hash(ORDER, ONEINCH))


@pytest.mark.parametrize(
    "domain",
    [oneinch_domain(10), oneinch_domain(1, SETTLEMENT), settlement_domain(1, ONEINCH.verifying_contract)],
    ids=["other chain", "other contract", "other name"],
)
def test_verify_order__signed_for_another_domain__is_not_valid(domain: OrderDomain) -> None:
    check = _verify(ORDER, ONEINCH, _sign(ORDER, domain).to_bytes65())
    assert _codes(check) == ["signer_mismatch"]
    assert check.signer != KEY.address


@pytest.mark.parametrize("position", [0, 31, 33, 63])
def test_verify_order__one_bit_of_the_signature_flipped__is_not_valid(position: int) -> None:
    data = bytearray(_sign(ORDER, ONEINCH).to_bytes65())
    data[position] ^= 1
    assert not _verify(ORDER, ONEINCH, bytes(data)).valid


def test_verify_order__any_field_changed_by_one__is_not_valid() -> None:
    signature = _sign(ORDER, ONEINCH).to_bytes65()
    changes: list[dict[str, Any]] = [
        *(
            {field: getattr(ORDER, field) + 1}
            for field in ("salt", "making_amount", "taking_amount", "maker_traits")
        ),
        *({field: SETTLEMENT} for field in ("maker", "receiver", "maker_asset", "taker_asset")),
    ]
    for change in changes:
        assert not _verify(replace(ORDER, **change), ONEINCH, signature).valid


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (None, "found none"),
        (b"", "found none"),
        (bytes(63), "found 63"),
        (bytes(66), "found 66"),
        (bytes(231), "found 231"),
        (bytes(64), "r must be between 1"),
        (bytes(65), "r must be between 1"),
        (bytes(232), "makingAmount: expected at least 1"),
    ],
)
def test_verify_order__signature_missing_cut_or_zero__is_not_valid(
    signature: bytes | None, message: str
) -> None:
    check = _verify(ORDER, ONEINCH, signature)
    assert _codes(check) == ["signature"]
    assert message in check.reasons[0]
    assert check.signer is None


def test_verify_order__malleable_twin__is_not_valid() -> None:
    signature = _sign(ORDER, ONEINCH)
    twin = (
        signature.r_bytes
        + (CURVE_ORDER - signature.s).to_bytes(32, "big")
        + bytes((28 - signature.y_parity,))
    )
    check = _verify(ORDER, ONEINCH, twin)
    assert _codes(check) == ["signature"]
    assert "above half" in check.reasons[0]


@pytest.mark.parametrize(("offset_s", "valid_reasons"), [(-1, 1), (0, 0), (1, 0)])
def test_verify_order__expiry_around_now__stays_valid_and_tells(offset_s: int, valid_reasons: int) -> None:
    order = order_of(KEY.address, expiration_s=NOW_S + offset_s)
    check = _verify(order, ONEINCH, _sign(order, ONEINCH).to_bytes65())
    assert check.valid
    assert len(check.reasons) == valid_reasons
    assert all(reason.startswith("expired: ") for reason in check.reasons)


def test_verify_order__claimed_hash_or_signer_wrong__is_not_valid() -> None:
    signature = _sign(ORDER, ONEINCH).to_bytes65()
    assert _verify(ORDER, ONEINCH, signature, order_hash=order_hash(ORDER, ONEINCH), signer=KEY.address).valid
    assert _codes(_verify(ORDER, ONEINCH, signature, order_hash=bytes(32))) == ["hash_mismatch"]
    assert _codes(_verify(ORDER, ONEINCH, signature, signer=SETTLEMENT)) == ["signer_claim"]


def test_verify_order__own_domain__needs_to_be_told_the_signers() -> None:
    signature = _sign(OWN_ORDER, OWN).to_bytes65()
    assert _codes(_verify(OWN_ORDER, OWN, signature)) == ["signer_unknown"]
    assert _verify(OWN_ORDER, OWN, signature, signers={KEY.address}).valid
    assert _codes(_verify(OWN_ORDER, OWN, signature, signers={SETTLEMENT})) == ["signer_mismatch"]


def test_verify_order__claimed_signer_alone__does_not_authorise() -> None:
    signature = _sign(OWN_ORDER, OWN).to_bytes65()
    assert _codes(_verify(OWN_ORDER, OWN, signature, signer=KEY.address)) == ["signer_unknown"]


def test_verify_order__packed_contract_signature__recovers_the_inner_signer() -> None:
    packed = ContractSignature(order=OWN_ORDER, signature=_sign(OWN_ORDER, ONEINCH)).encode()
    check = _verify(OWN_ORDER, ONEINCH, packed, signers={KEY.address})
    assert check.valid
    assert (check.by_contract, check.signer) == (True, KEY.address)
    assert _codes(_verify(OWN_ORDER, ONEINCH, packed)) == ["signer_unknown"]


def test_verify_order__packed_signature_of_another_order_or_domain__is_not_valid() -> None:
    other = replace(OWN_ORDER, taking_amount=1)
    packed = ContractSignature(order=other, signature=_sign(other, ONEINCH)).encode()
    check = _verify(OWN_ORDER, ONEINCH, packed, signers={KEY.address})
    assert _codes(check) == ["signature"]
    assert "for another order" in check.reasons[0]
    packed = ContractSignature(order=OWN_ORDER, signature=_sign(OWN_ORDER, OWN)).encode()
    assert _codes(_verify(OWN_ORDER, ONEINCH, packed, signers={KEY.address})) == ["signer_mismatch"]


def test_verify_order__extension_contradicts_the_order__is_not_valid() -> None:
    extension = OwnDomainTerms(private_taker=KEY.address).encode()
    order = order_of(SETTLEMENT, extension=extension)
    signature = _sign(order, OWN).to_bytes65()
    assert _verify(order, OWN, signature, extension=extension, signers={KEY.address}).valid
    assert "extension_missing" in _codes(_verify(order, OWN, signature, signers={KEY.address}))
    changed = extension[:-1] + b"\0"
    assert _codes(_verify(order, OWN, signature, extension=changed, signers={KEY.address})) == [
        "extension_hash"
    ]
    check = _verify(
        OWN_ORDER, OWN, _sign(OWN_ORDER, OWN).to_bytes65(), extension=extension, signers={KEY.address}
    )
    assert _codes(check) == ["extension_unexpected", "extension_hash"]
