from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    CONTRACT_SIGNATURE_LENGTH,
    ZERO_ADDRESS,
    ContractSignature,
    RfqOrder,
    SigningKey,
    oneinch_domain,
    sign_order,
)
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import orders
from tests.unit.domain.test_orders import MAKER, ORDER

SIGNATURE = SigningKey(b"\x11" * 32).sign(bytes(32))


@given(orders(), st.binary(max_size=80))
def test_decode__any_order__is_what_was_encoded(order: RfqOrder, extension: bytes) -> None:
    packed = ContractSignature(
        order=replace(order, receiver=ZERO_ADDRESS), signature=SIGNATURE, extension=extension
    )
    data = packed.encode()
    assert len(data) == CONTRACT_SIGNATURE_LENGTH + len(extension)
    assert ContractSignature.decode(data, order.maker) == packed


def test_encode__order__is_packed_in_the_order_of_the_specification() -> None:
    data = ContractSignature(order=ORDER, signature=SIGNATURE).encode()
    assert data[:32] == (1).to_bytes(32, "big")
    assert data[32:52].hex() == ORDER.maker_asset[2:].lower()
    assert data[52:72].hex() == ORDER.taker_asset[2:].lower()
    assert data[72:104] == ORDER.making_amount.to_bytes(32, "big")
    assert data[104:136] == ORDER.taking_amount.to_bytes(32, "big")
    assert data[136:168] == ORDER.maker_traits.to_bytes(32, "big")
    assert data[168:] == SIGNATURE.to_compact()
    assert (
        sign_order(ORDER, oneinch_domain(), SigningKey(b"\x11" * 32)).contract_signature()[:168] == data[:168]
    )


@pytest.mark.parametrize("length", [0, 65, 231])
def test_decode__too_short__raises(length: int) -> None:
    with pytest.raises(InvalidInput, match=f"expected 128 or at least 232 bytes, found {length}"):
        ContractSignature.decode(bytes(length), MAKER)


def test_decode__zero_words__raises() -> None:
    with pytest.raises(InvalidInput, match="makingAmount: expected at least 1"):
        ContractSignature.decode(bytes(232), MAKER)


def test_contract_signature__receiver_set__raises() -> None:
    with pytest.raises(InvalidInput, match="receiver: expected the zero address"):
        ContractSignature(order=replace(ORDER, receiver=MAKER), signature=SIGNATURE)
