from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import (
    CONTRACT_SIGNATURE_LENGTH,
    SELECTORS,
    ContractSignature,
    FillCall,
    FillFunction,
    PlainCall,
    RfqOrder,
    SignedOrder,
    SigningKey,
    TakerTraits,
    decode_calldata,
    encode_call,
    encode_cancel_orders,
    encode_fill,
    encode_hash_order,
    oneinch_domain,
    settlement_domain,
    sign_order,
)
from pmm.domain.calldata import Argument
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import orders, uint256
from tests.unit.domain.test_orders import MAKER, ORDER

KEY = SigningKey(b"\x11" * 32)
SIGNED = sign_order(ORDER, oneinch_domain(), KEY)
TRAITS = TakerTraits(maker_amount=True, threshold=ORDER.taking_amount)
WORD = 32
_TUPLE = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)"


def _words(order: RfqOrder) -> tuple[int, ...]:
    data = order.encode()
    return tuple(int.from_bytes(data[start : start + WORD], "big") for start in range(0, 256, WORD))


@pytest.mark.parametrize(
    ("name", "selector"),
    [("fillOrder", "9fda64bd"), ("fillOrderArgs", "f497df75"), ("fillContractOrder", "cc713a04"),
     ("fillContractOrderArgs", "56a75868"), ("cancelOrder", "b68fb020"), ("cancelOrders", "89e7c650"),
     ("bitsInvalidateForOrder", "05b1ea03"), ("increaseEpoch", "c3cf8043"), ("advanceEpoch", "0d2c7c16"),
     ("epoch", "fcea9e4e"), ("epochEquals", "ce3d710a"), ("bitInvalidatorForOrder", "143e86a7"),
     ("remainingInvalidatorForOrder", "435b9789"), ("rawRemainingInvalidatorForOrder", "c2a40753"),
     ("hashOrder", "802b2ef1"), ("fillOrderFunded", "d65ec9b1")],
)  # fmt: skip
def test_selectors__every_function__is_the_deployed_one(name: str, selector: str) -> None:
    # All but the last from the ABI of the deployed router; the last is ours.
    assert SELECTORS[name].hex() == selector


@given(orders(), uint256, st.integers(0, 2**184 - 1), st.binary(max_size=100), st.binary(max_size=100))
def test_fill_call__any_with_args__equals_eth_abi(
    order: RfqOrder, amount: int, threshold: int, args: bytes, signature: bytes
) -> None:
    traits = TakerTraits(threshold=threshold)
    plain = FillCall(
        function=FillFunction.FILL_ORDER_ARGS,
        order=order,
        signature=SIGNED.signature,
        amount=amount,
        taker_traits=traits,
        args=args,
    )
    expected = encode(
        [_TUPLE, "bytes32", "bytes32", "uint256", "uint256", "bytes"],
        [_words(order), SIGNED.signature.r_bytes, SIGNED.signature.vs_bytes, amount, threshold, args],
    )
    assert plain.encode()[4:] == expected
    assert decode_calldata(plain.encode()) == plain
    by_contract = FillCall(
        function=FillFunction.FILL_CONTRACT_ORDER_ARGS,
        order=order,
        signature=signature,
        amount=amount,
        taker_traits=traits,
        args=args,
    )
    expected = encode(
        [_TUPLE, "bytes", "uint256", "uint256", "bytes"], [_words(order), signature, amount, threshold, args]
    )
    assert by_contract.encode()[4:] == expected
    assert decode_calldata(by_contract.encode()) == by_contract


@pytest.mark.parametrize("function", [FillFunction.FILL_ORDER, FillFunction.FILL_ORDER_FUNDED])
def test_encode_fill__plain_order__decodes_to_the_order(function: FillFunction) -> None:
    call = decode_calldata(encode_fill(SIGNED, amount=5, taker_traits=TRAITS, function=function))
    assert isinstance(call, FillCall)
    assert (call.function, call.order, call.signature, call.amount) == (function, ORDER, SIGNED.signature, 5)


@pytest.mark.parametrize(
    "function", [FillFunction.FILL_CONTRACT_ORDER, FillFunction.FILL_CONTRACT_ORDER_ARGS]
)
def test_encode_fill__contract_order__carries_the_packed_signature(function: FillFunction) -> None:
    call = decode_calldata(encode_fill(SIGNED, amount=5, taker_traits=TRAITS, function=function))
    assert isinstance(call, FillCall)
    assert isinstance(call.signature, bytes)
    assert len(call.signature) == CONTRACT_SIGNATURE_LENGTH
    decoded = ContractSignature.decode(call.signature, MAKER)
    assert (decoded.order, decoded.signature) == (ORDER, SIGNED.signature)


def test_encode_fill__interaction_with_fill_order__raises() -> None:
    with pytest.raises(InvalidInput, match="use fillOrderArgs"):
        encode_fill(
            SIGNED, amount=1, taker_traits=TRAITS, function=FillFunction.FILL_ORDER, interaction=b"\x01" * 20
        )


@pytest.mark.parametrize(
    ("word", "name"), [(1, "maker"), (2, "receiver"), (3, "makerAsset"), (4, "takerAsset")]
)
def test_decode_calldata__dirty_upper_bits__raises_and_names_the_word(word: int, name: str) -> None:
    data = bytearray(encode_fill(SIGNED, amount=1, taker_traits=TRAITS))
    data[4 + WORD * word] = 0x80
    with pytest.raises(InvalidInput, match=f"upper 12 bytes of the {name} word must be zero"):
        decode_calldata(bytes(data))


@pytest.mark.parametrize("signed", [SIGNED, sign_order(ORDER, settlement_domain(1, MAKER), KEY)])
@pytest.mark.parametrize("function", list(FillFunction))
def test_decode_calldata__cut_anywhere__raises(function: FillFunction, signed: SignedOrder) -> None:
    data = encode_fill(signed, amount=1, taker_traits=TRAITS, function=function)
    for length in (
        4,
        5,
        100,
        12 * WORD,
        len(data) - 1 - (WORD - 8 if function.takes_contract_signature else 0),
    ):
        with pytest.raises(InvalidInput, match=f"{function}: .*(calldata ends after|signature)"):
            decode_calldata(data[:length])


def test_decode_calldata__offset_far_outside__raises() -> None:
    data = bytearray(
        encode_fill(SIGNED, amount=1, taker_traits=TRAITS, function=FillFunction.FILL_ORDER_ARGS)
    )
    data[4 + 12 * WORD : 4 + 13 * WORD] = b"\xff" * WORD
    with pytest.raises(InvalidInput, match="within length of args"):
        decode_calldata(bytes(data))


def test_decode_calldata__bytes_after_the_call__are_kept_apart() -> None:
    data = encode_fill(SIGNED, amount=1, taker_traits=TRAITS)
    call = decode_calldata(data + b"tag")
    assert isinstance(call, FillCall)
    assert call.trailing == b"tag"
    assert call.encode() == data


@pytest.mark.parametrize("data", [b"", b"\x9f", bytes(4), bytes(300)])
def test_decode_calldata__unknown_selector__raises(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="is none of fillOrder"):
        decode_calldata(data)


def test_encode_call__cancel_order__equals_eth_abi_and_decodes_back() -> None:
    data = encode_call("cancelOrder", ORDER.maker_traits, SIGNED.order_hash)
    assert data[4:] == encode(["uint256", "bytes32"], [ORDER.maker_traits, SIGNED.order_hash])
    expected: dict[str, Argument] = {"makerTraits": ORDER.maker_traits, "orderHash": SIGNED.order_hash}
    assert decode_calldata(data) == PlainCall(function="cancelOrder", arguments=expected)


def test_encode_call__view_of_a_maker__equals_eth_abi_and_decodes_back() -> None:
    data = encode_call("bitInvalidatorForOrder", MAKER, 257)
    assert data[4:] == encode(["address", "uint256"], [MAKER, 257])
    assert decode_calldata(data) == PlainCall(
        function="bitInvalidatorForOrder", arguments={"maker": MAKER, "nonce": 257}
    )


@given(st.lists(st.tuples(uint256, st.binary(min_size=32, max_size=32)), max_size=4))
def test_encode_cancel_orders__any__equals_eth_abi_and_decodes_back(pairs: list[tuple[int, bytes]]) -> None:
    traits, hashes = [word for word, _ in pairs], [order_hash for _, order_hash in pairs]
    data = encode_cancel_orders(pairs)
    assert data[4:] == encode(["uint256[]", "bytes32[]"], [traits, hashes])
    expected: dict[str, Argument] = {"makerTraits": traits, "orderHashes": hashes}
    assert decode_calldata(data) == PlainCall(function="cancelOrders", arguments=expected)


def test_encode_hash_order__order__decodes_back() -> None:
    assert decode_calldata(encode_hash_order(ORDER)) == PlainCall(
        function="hashOrder", arguments={"order": ORDER}
    )


@pytest.mark.parametrize(
    ("function", "values", "message"),
    [
        ("fillOrder", (), "expected one of cancelOrder"),
        ("increaseEpoch", (), "expected 1 values, found 0"),
        ("increaseEpoch", (2**96,), "increaseEpoch: series: expected at most 96 bits"),
        ("cancelOrder", (-1, b""), "makerTraits: expected a number >= 0"),
    ],
)
def test_encode_call__wrong_function_or_value__raises(
    function: str, values: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        encode_call(function, *values)
