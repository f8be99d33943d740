from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.domain import (
    OrderDomain,
    RfqOrder,
    Signature,
    SigningKey,
    order_hash,
    recover_signer,
    sign_order,
    typed_data,
)
from pmm.domain.eip712 import oneinch_domain
from pmm.domain.signing import CURVE_ORDER, HALF_CURVE_ORDER
from pmm.errors import InvalidInput, UnsafeToSign
from tests.unit.domain.order_strategies import domains, keys, orders
from tests.unit.domain.test_orders import ORDER

SECRET = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
KEY = SigningKey(SECRET)
DIGEST = bytes(range(32))
SIGNATURE = KEY.sign(DIGEST)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, CURVE_ORDER - 1), orders(), domains())
def test_sign__any_order__equals_eth_account(number: int, order: RfqOrder, domain: OrderDomain) -> None:
    secret = number.to_bytes(32, "big")
    theirs = Account.sign_typed_data(secret, full_message=typed_data(order, domain))
    key = SigningKey(secret)
    assert key.address == Account.from_key(secret).address
    assert key.sign(order_hash(order, domain)).to_bytes65() == bytes(theirs.signature)


@settings(max_examples=60)
@given(keys(), st.binary(min_size=32, max_size=32))
def test_recover_signer__own_signature__is_the_key_in_both_forms(key: SigningKey, digest: bytes) -> None:
    signature = key.sign(digest)
    assert 0 < signature.s <= HALF_CURVE_ORDER
    assert recover_signer(digest, signature) == key.address
    assert Signature.from_bytes(signature.to_bytes65()) == signature
    assert Signature.from_bytes(signature.to_compact()) == signature
    assert Signature.from_compact(signature.r_bytes, signature.vs_bytes) == signature


@pytest.mark.parametrize("v", [0, 1, 27, 28])
def test_from_bytes__v_of_both_conventions__is_the_same_parity(v: int) -> None:
    data = SIGNATURE.to_bytes65()[:64] + bytes((v,))
    assert Signature.from_bytes(data).y_parity == (v if v < 27 else v - 27)


@pytest.mark.parametrize("v", [2, 26, 29, 37, 255])
def test_from_bytes__other_v__raises(v: int) -> None:
    with pytest.raises(InvalidInput, match=f"expected v of 27 or 28, found {v}"):
        Signature.from_bytes(SIGNATURE.to_bytes65()[:64] + bytes((v,)))


@pytest.mark.parametrize("length", [0, 1, 32, 63, 66, 130])
def test_from_bytes__other_length__raises(length: int) -> None:
    with pytest.raises(InvalidInput, match=f"found {length}"):
        Signature.from_bytes(bytes(length))


def test_from_bytes__high_s__raises_though_it_would_recover() -> None:
    # The malleable twin: s' = n - s with the other parity has the same signer.
    high = (CURVE_ORDER - SIGNATURE.s).to_bytes(32, "big")
    with pytest.raises(InvalidInput, match="above half the curve order"):
        Signature.from_bytes(SIGNATURE.r_bytes + high + bytes((28 - SIGNATURE.y_parity,)))


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (CURVE_ORDER, 1), (1, CURVE_ORDER), (2**256 - 1, 1)])
def test_signature__r_or_s_zero_or_over_the_order__raises(r: int, s: int) -> None:
    with pytest.raises(InvalidInput, match="between 1 and the curve order"):
        Signature(r=r, s=s, y_parity=0)


def test_signature__s_at_half_the_order__is_the_last_accepted() -> None:
    assert Signature(r=1, s=HALF_CURVE_ORDER, y_parity=0).s == HALF_CURVE_ORDER
    with pytest.raises(InvalidInput, match="above half"):
        Signature(r=1, s=HALF_CURVE_ORDER + 1, y_parity=0)


def test_recover_signer__r_on_no_point__raises() -> None:
    # x = 5 has no point on secp256k1.
    with pytest.raises(InvalidInput, match="no public key fits"):
        recover_signer(DIGEST, Signature(r=5, s=1, y_parity=0))


@pytest.mark.parametrize("bit", [0, 100, 255])
def test_recover_signer__flipped_bit_of_the_digest__is_someone_else(bit: int) -> None:
    other = (int.from_bytes(DIGEST, "big") ^ 1 << bit).to_bytes(32, "big")
    assert recover_signer(other, SIGNATURE) != KEY.address


@pytest.mark.parametrize("length", [0, 31, 33])
def test_sign__digest_of_another_length__raises(length: int) -> None:
    with pytest.raises(InvalidInput, match="digest: expected 32 bytes"):
        KEY.sign(bytes(length))
    with pytest.raises(InvalidInput, match="digest: expected 32 bytes"):
        recover_signer(bytes(length), SIGNATURE)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(32), CURVE_ORDER.to_bytes(32, "big"), bytes(33)])
def test_signing_key__out_of_range__raises(secret: bytes) -> None:
    with pytest.raises(InvalidInput, match="signing key"):
        SigningKey(secret)


@pytest.mark.parametrize(
    "text", ["", "0x", SECRET.hex()[:-1], SECRET.hex() + "0", "zz" * 32, "0x0x" + SECRET.hex()]
)
def test_from_hex__not_a_key__raises_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidInput, match="signing key") as caught:
        SigningKey.from_hex(text)
    assert SECRET.hex()[:-1] not in str(caught.value)


def test_from_hex__with_and_without_prefix__is_the_key() -> None:
    assert (
        SigningKey.from_hex("0x" + SECRET.hex()).address == SigningKey.from_hex(SECRET.hex() + "\n").address
    )


def test_signing_key__shown_in_any_way__never_gives_the_key_away(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("pmm").info("key %s %r", KEY, KEY)
    try:
        raise UnsafeToSign(f"{KEY}")
    except UnsafeToSign:
        trace = traceback.format_exc()
    shown = [repr(KEY), str(KEY), f"{KEY}", repr([KEY]), repr({"key": KEY}), caplog.text, trace]
    assert all(SECRET.hex() not in text and repr(SECRET) not in text for text in shown)
    assert all(str(int.from_bytes(SECRET, "big")) not in text for text in shown)
    assert KEY.address in repr(KEY)


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, vars])
def test_signing_key__copied_or_serialised__raises(leak: object) -> None:
    with pytest.raises((UnsafeToSign, TypeError)) as caught:
        leak(KEY)  # type: ignore[operator]
    assert SECRET.hex() not in str(caught.value)


def test_generate__zero_drawn_first__draws_again() -> None:
    draws = iter([bytes(32), CURVE_ORDER.to_bytes(32, "big"), SECRET])
    assert SigningKey.generate(lambda _: next(draws)).address == KEY.address


def test_signature__shown__is_redacted() -> None:
    signed = sign_order(ORDER, oneinch_domain(), KEY)
    for text in (repr(signed), str(signed.signature), f"{signed}"):
        assert signed.signature.r_bytes.hex() not in text
        assert str(signed.signature.r) not in text


def test_sign_order__extension_contradicts_traits_or_salt__raises() -> None:
    with pytest.raises(InvalidInput, match="an extension but traits without HAS_EXTENSION"):
        sign_order(ORDER, oneinch_domain(), KEY, bytes(33))
