"""Orders with known digests and signatures: three made for this project, two published by 1inch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pmm.domain import (
    FillArgs,
    FillCall,
    FillFunction,
    RfqOrder,
    Signature,
    SigningKey,
    TakerTraits,
    decode_calldata,
    encode_fill,
    oneinch_domain,
    order_hash,
    parse_bytes,
    parse_uint,
    recover_signer,
    sign_order,
    to_hex,
)

_FILE = Path(__file__).parents[2] / "data" / "lop_v4.json"
_DATA: dict[str, Any] = json.loads(_FILE.read_text())
_VECTORS = pytest.mark.parametrize("vector", _DATA["vectors"], ids=lambda vector: vector["label"][:24])
# 1inch/limit-order-sdk, src/api/api.spec.ts: an order of mainnet
VECTOR_A: dict[str, str] = {
    "salt": "90536730783456932835645408933940884394045489330979075652578445150989675126720",
    "maker": "0x091e79334ee3f1c3783ffd208940dcf12c04cbc5",
    "receiver": "0x0000000000000000000000000000000000000000",
    "makerAsset": "0xdac17f958d2ee523a2206206994597c13d831ec7",
    "takerAsset": "0x6b175474e89094c44da98b954eedeac495271d0f",
    "makingAmount": "99894117",
    "takingAmount": "149696302130000000000",
    "makerTraits": "0x440000000000000000000000000000000000684c042000000000000000000000",
    "orderHash": "0x5aff21a65ca4e9b4d4ba465349aadb272b1fb2e8f44c0b611e924195ae83b267",
    "signature": "0x8602bff28fa0b4909a0bb8e9ba501728db9694dafbc2b83bc5ecdf9976f73b557c90226eae2310c758fb3d10948abac03"
    "0a02552c51224c6cda60330eaf23a171c",
}
# 1inch/1inch-sdk-go, sdk-clients/orderbook/limitorder_test.go: a published test key, not that of the maker
VECTOR_B: dict[str, str] = {
    "salt": "618054093254",
    "maker": "0xfb3c7eb936cAA12B5A884d612393969A557d4307",
    "makerAsset": "0xe9e7cea3dedca5984780bafc599bd69add087d56",
    "takerAsset": "0x111111111117dc0aa78b770fa6a738034120c302",
    "makingAmount": "1000000000000000000",
    "takingAmount": "1000000000000000000",
    "makerTraits": "0",
    "orderHash": "0xd0a8f88542596bc093ba9b99fadd5b66af47d34ac2646d2e0cce412e13691763",
    "signature": "0x8e1cbdc41ebb253aea91bfa41a028e735be4a5b25d93da0e3a6817070f40dcd31dfbc38bd3800ce2ff88089c77ca2f442"
    "dc84637006808aab0af00d966c917b11b",
}
_KEY_B = "d8d1f95deb28949ea0ecc4e9a0decf89e98422c2d76ab6e5f736792a388c56c7"


@_VECTORS
def test_sign_order__vector__has_its_hash_and_signature(vector: dict[str, Any]) -> None:
    key = SigningKey.from_hex(_DATA["privateKey"])
    assert key.address == _DATA["maker"]
    signed = sign_order(
        RfqOrder.from_dict(vector["order"]),
        oneinch_domain(),
        key,
        parse_bytes(vector["extension"], "extension"),
    )
    assert to_hex(signed.order_hash) == vector["orderHash"]
    assert to_hex(signed.signature.to_bytes65()) == vector["signature"]
    assert to_hex(signed.signature.r_bytes) == vector["r"]
    assert to_hex(signed.signature.vs_bytes) == vector["vs"]


@_VECTORS
def test_encode_fill__vector__is_its_calldata(vector: dict[str, Any]) -> None:
    key = SigningKey.from_hex(_DATA["privateKey"])
    extension = parse_bytes(vector["extension"], "extension")
    signed = sign_order(RfqOrder.from_dict(vector["order"]), oneinch_domain(), key, extension)
    traits = TakerTraits.decode(parse_uint(vector["takerTraits"], "takerTraits"))
    args = FillArgs.decode(traits, parse_bytes(vector["args"], "args"))
    assert args.extension == extension
    data = encode_fill(
        signed,
        amount=signed.order.making_amount,
        taker_traits=TakerTraits(maker_amount=True, threshold=signed.order.taking_amount),
        target=args.target,
        interaction=args.interaction,
    )
    assert to_hex(data) == vector["fillCalldata"]


@_VECTORS
def test_decode_calldata__vector__is_its_order_and_encodes_back(vector: dict[str, Any]) -> None:
    data = parse_bytes(vector["fillCalldata"], "calldata")
    call = decode_calldata(data)
    assert isinstance(call, FillCall)
    assert call.function is (
        FillFunction.FILL_ORDER_ARGS if vector["args"] != "0x" else FillFunction.FILL_ORDER
    )
    assert call.order == RfqOrder.from_dict(vector["order"])
    assert to_hex(call.args) == vector["args"]
    assert call.signature == Signature.from_bytes(parse_bytes(vector["signature"], "signature"))
    assert call.trailing == b""
    assert call.encode() == data


@pytest.mark.parametrize("record", [VECTOR_A, VECTOR_B], ids=["sdk", "sdk-go"])
def test_order_hash__published_vector__is_its_hash(record: dict[str, str]) -> None:
    assert to_hex(order_hash(RfqOrder.from_dict(record), oneinch_domain())) == record["orderHash"]


def test_recover_signer__vector_of_mainnet__is_its_maker() -> None:
    order = RfqOrder.from_dict(VECTOR_A)
    signature = Signature.from_bytes(parse_bytes(VECTOR_A["signature"], "signature"))
    assert recover_signer(order_hash(order, oneinch_domain()), signature) == order.maker


def test_recover_signer__vector_of_mainnet_on_another_chain__is_not_its_maker() -> None:
    order = RfqOrder.from_dict(VECTOR_A)
    signature = Signature.from_bytes(parse_bytes(VECTOR_A["signature"], "signature"))
    assert recover_signer(order_hash(order, oneinch_domain(10)), signature) != order.maker


def test_sign__vector_with_known_key__is_its_signature() -> None:
    digest = order_hash(RfqOrder.from_dict(VECTOR_B), oneinch_domain())
    assert to_hex(SigningKey.from_hex(_KEY_B).sign(digest).to_bytes65()) == VECTOR_B["signature"]
