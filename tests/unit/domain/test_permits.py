"""Permit bytes, and the three typed messages against digests put together by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    DAI,
    PERMIT2,
    USDC,
    DaiPermit,
    Eip2612Permit,
    Permit2Permit,
    SigningKey,
    TokenDomain,
    decode_permit,
    keccak256,
    parse_address,
    recover_signer,
)
from pmm.domain.permits import Permit
from pmm.errors import InvalidInput

KEY = SigningKey(b"\x11" * 32)
SPENDER = parse_address("0x00000000000000000000000000000000005e771e")
USDC_DOMAIN = TokenDomain(name="USD Coin", version="2", chain_id=1, token=USDC.address)
DAI_DOMAIN = TokenDomain(name="Dai Stablecoin", version="1", chain_id=1, token=DAI.address)
SIGNATURE = KEY.sign(bytes(32))

words = st.integers(0, 2**256 - 1)
permits = st.one_of(
    st.builds(Eip2612Permit, value=words, deadline_s=words, signature=st.just(SIGNATURE)),
    st.builds(DaiPermit, nonce=words, expiry_s=words, signature=st.just(SIGNATURE)),
    st.builds(
        Permit2Permit,
        amount=st.integers(0, 2**160 - 1),
        expiration_s=st.integers(0, 2**48 - 1),
        nonce=st.integers(0, 2**48 - 1),
        sig_deadline_s=words,
        signature=st.just(SIGNATURE),
    ),
)


def _hash(types: list[str], *values: Any) -> bytes:
    return keccak256(encode(types, values))


def _digest(separator: bytes, struct: bytes) -> bytes:
    return keccak256(b"\x19\x01" + separator + struct)


def _separator(name: str, version: str | None, contract: str) -> bytes:
    parts = (
        "string name," + ("string version," if version else "") + "uint256 chainId,address verifyingContract"
    )
    hashes = [keccak256(name.encode())] + ([keccak256(version.encode())] if version else [])
    typehash = keccak256(f"EIP712Domain({parts})".encode())
    return _hash(["bytes32"] * (1 + len(hashes)) + ["uint256", "address"], typehash, *hashes, 1, contract)


@given(permits)
def test_decode_permit__any__is_what_was_encoded(permit: Permit) -> None:
    data = permit.encode()
    assert data[0] == permit.KIND
    assert len(data) == 1 + 32 * (6 if isinstance(permit, Permit2Permit) else 4)
    assert decode_permit(data) == permit


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "kind of 1"),
        (b"\x00" + bytes(128), "found 0"),
        (b"\x04" + bytes(128), "found 4"),
        (b"\x01" + bytes(127), "expected 129 bytes of kind 1, found 128"),
        (b"\x03" + bytes(128), "expected 193 bytes of kind 3, found 129"),
        (b"\x01" + bytes(128), "r must be between 1"),
        (b"\x03" + b"\xff" * 32 + bytes(96) + SIGNATURE.to_compact(), "amount: expected at most 160 bits"),
    ],
)
def test_decode_permit__malformed__raises(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode_permit(data)


def test_eip2612__signed__is_the_standards_digest() -> None:
    permit = Eip2612Permit.sign(KEY, USDC_DOMAIN, spender=SPENDER, value=5, nonce=3, deadline_s=99)
    kind = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    struct = _hash(
        ["bytes32", "address", "address", "uint256", "uint256", "uint256"],
        keccak256(kind.encode()), KEY.address, SPENDER, 5, 3, 99,
    )  # fmt: skip
    digest = _digest(_separator("USD Coin", "2", USDC.address), struct)
    assert recover_signer(digest, permit.signature) == KEY.address
    assert permit.encode()[:65] == b"\x01" + (5).to_bytes(32, "big") + (99).to_bytes(32, "big")


def test_dai__signed__is_the_tokens_digest() -> None:
    permit = DaiPermit.sign(KEY, DAI_DOMAIN, spender=SPENDER, nonce=3, expiry_s=99)
    kind = "Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)"
    # PERMIT_TYPEHASH as it stands in the token's source.
    assert (
        keccak256(kind.encode()).hex() == "ea2aa0a1be11a07ed86d755c93467f4f82362b452371d1ba94d1715123511acb"
    )
    struct = _hash(
        ["bytes32", "address", "address", "uint256", "uint256", "bool"],
        keccak256(kind.encode()), KEY.address, SPENDER, 3, 99, True,
    )  # fmt: skip
    digest = _digest(_separator("Dai Stablecoin", "1", DAI.address), struct)
    assert recover_signer(digest, permit.signature) == KEY.address
    assert permit.encode()[:65] == b"\x02" + (3).to_bytes(32, "big") + (99).to_bytes(32, "big")


def test_permit2__signed__is_the_published_digest() -> None:
    values = {"amount": 5, "expiration_s": 77, "nonce": 3, "sig_deadline_s": 99}
    permit = Permit2Permit.sign(KEY, chain_id=1, token=USDC.address, spender=SPENDER, **values)
    details = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    single = "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)"
    inner = _hash(
        ["bytes32", "address", "uint160", "uint48", "uint48"],
        keccak256(details.encode()), USDC.address, 5, 77, 3,
    )  # fmt: skip
    typehash = keccak256((single + details).encode())
    struct = _hash(["bytes32", "bytes32", "address", "uint256"], typehash, inner, SPENDER, 99)
    digest = _digest(_separator("Permit2", None, PERMIT2), struct)
    assert recover_signer(digest, permit.signature) == KEY.address
    assert [int.from_bytes(permit.encode()[at : at + 32], "big") for at in (1, 33, 65, 97)] == [5, 77, 3, 99]


def test_typed_data__signed_by_a_wallet__is_the_same_signature() -> None:
    message = Eip2612Permit.typed_data(
        USDC_DOMAIN, owner=KEY.address, spender=SPENDER, value=5, nonce=3, deadline_s=99
    )
    wallet = Account.sign_typed_data(b"\x11" * 32, full_message=message)
    ours = Eip2612Permit.sign(KEY, USDC_DOMAIN, spender=SPENDER, value=5, nonce=3, deadline_s=99)
    assert ours.signature.to_bytes65() == bytes(wallet.signature)


def test_token_domain__without_version__leaves_it_out() -> None:
    assert "version" not in replace(USDC_DOMAIN, version=None).to_dict()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 2**160),
        ("expiration_s", 2**48),
        ("nonce", 2**48),
        ("sig_deadline_s", 2**256),
        ("amount", -1),
    ],
)
def test_permit2__field_out_of_range__raises_before_it_signs(field: str, value: int) -> None:
    values = {"amount": 5, "expiration_s": 77, "nonce": 3, "sig_deadline_s": 99, field: value}
    with pytest.raises(InvalidInput):
        Permit2Permit.sign(KEY, chain_id=1, token=USDC.address, spender=SPENDER, **values)


def test_permit__shown__hides_the_signature() -> None:
    permit = DaiPermit.sign(KEY, DAI_DOMAIN, spender=SPENDER, nonce=3, expiry_s=99)
    assert "signature" not in repr(permit)
