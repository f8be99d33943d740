"""``fillOrders``: our encoding against eth-abi's, and every cut of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    BatchCall,
    BatchFill,
    OwnDomainTerms,
    SigningKey,
    TakerTraits,
    build_salt,
    decode_calldata,
    parse_address,
    settlement_domain,
    sign_order,
)
from pmm.domain.calldata_words import selector
from pmm.domain.settlement_calls import BATCH_SIGNATURE
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import orders
from tests.unit.domain.test_orders import MAKER, ORDER

KEY = SigningKey(b"\x11" * 32)
SIGNATURE = KEY.sign(bytes(32))
TRAITS = TakerTraits(maker_amount=True, threshold=9)
ENTRY = BatchFill(order=ORDER, signature=SIGNATURE, amount=5, taker_traits=TRAITS)
_TYPES = BATCH_SIGNATURE.removeprefix("fillOrders(").removesuffix(",uint256)")

entries = st.builds(
    BatchFill,
    order=orders(),
    signature=st.just(SIGNATURE),
    amount=st.integers(0, 2**256 - 1),
    taker_traits=st.just(TRAITS),
    value_wei=st.integers(0, 2**128),
    args=st.binary(max_size=70),
)


def _tuple(entry: BatchFill) -> tuple[Any, ...]:
    data = entry.order.encode()
    words = tuple(int.from_bytes(data[start : start + 32], "big") for start in range(0, 256, 32))
    signature = (entry.signature.r_bytes, entry.signature.vs_bytes)
    return (words, *signature, entry.amount, entry.taker_traits.encode(), entry.value_wei, entry.args)


@given(st.lists(entries, min_size=1, max_size=4), st.data())
def test_batch_call__any_entries__are_encoded_as_eth_abi_does_and_read_back(
    fills: list[BatchFill], data: st.DataObject
) -> None:
    optional = data.draw(st.frozensets(st.integers(0, len(fills) - 1)))
    call = BatchCall(fills=tuple(fills), optional=optional)
    mask = sum(1 << index for index in optional)
    expected = selector(BATCH_SIGNATURE) + encode(
        [_TYPES, "uint256"], [[_tuple(fill) for fill in fills], mask]
    )
    assert call.encode() == expected
    assert decode_calldata(expected) == call
    assert call.value_wei == sum(fill.value_wei for fill in fills)


def test_batch_call__no_entry_too_many_or_foreign_position__raises() -> None:
    with pytest.raises(InvalidInput, match="expected 1 to 256 fills, found 0"):
        BatchCall(fills=())
    with pytest.raises(InvalidInput, match="expected 1 to 256 fills, found 257"):
        BatchCall(fills=(ENTRY,) * 257)
    with pytest.raises(InvalidInput, match=r"expected positions 0 to 0, found \[1\]"):
        BatchCall(fills=(ENTRY,), optional=frozenset({1}))


@pytest.mark.parametrize(("field", "value"), [("amount", -1), ("value_wei", 2**256), ("amount", 2**256)])
def test_batch_fill__amount_out_of_range__raises(field: str, value: int) -> None:
    with pytest.raises(InvalidInput):
        replace(ENTRY, **{field: value})  # type: ignore[arg-type]


def test_decode_calldata__batch_with_every_optional_bit__means_all_entries() -> None:
    data = bytearray(BatchCall(fills=(ENTRY, ENTRY)).encode())
    data[36:68] = b"\xff" * 32
    call = decode_calldata(bytes(data))
    assert isinstance(call, BatchCall)
    assert call.optional == {0, 1}


def test_decode_calldata__batch_cut_anywhere__raises() -> None:
    data = BatchCall(fills=(ENTRY, replace(ENTRY, args=b"abc"))).encode()
    # The zeros that fill the last word are nobody's.
    for end in range(4, len(data) - 29):
        with pytest.raises(InvalidInput):
            decode_calldata(data[:end])


@pytest.mark.parametrize("word", [0, 2, 3])
def test_decode_calldata__batch_with_a_wild_offset_or_count__raises(word: int) -> None:
    data = bytearray(BatchCall(fills=(ENTRY,)).encode())
    data[4 + 32 * word : 36 + 32 * word] = (2**256 - 32).to_bytes(32, "big")
    with pytest.raises(InvalidInput):
        decode_calldata(bytes(data))


def test_batch_fill_of__signed_order__passes_its_extension_on() -> None:
    extension = OwnDomainTerms(private_taker=MAKER).encode()
    order = replace(ORDER, salt=build_salt(epoch=0, upper=1, extension=extension), maker_traits=1 << 249)
    signed = sign_order(order, settlement_domain(1, MAKER), KEY, extension)
    target = parse_address("0x" + "cd" * 20)
    entry = BatchFill.of(signed, amount=1, taker_traits=TRAITS, value_wei=3, target=target, interaction=b"i")
    assert entry.args == bytes.fromhex(target[2:]) + extension + b"i"
    assert entry.taker_traits == replace(
        TRAITS, args_has_target=True, extension_length=len(extension), interaction_length=1
    )
    assert (entry.signature, entry.value_wei) == (signed.signature, 3)
