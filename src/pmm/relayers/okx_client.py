"""OKX's side of its protocol: how its router reads our answers. The self-test looks through these eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from pmm.domain import OkxDecay, OrderDomain, parse_address, parse_bytes, parse_uint
from pmm.domain.okx_order import OKX_FIELDS
from pmm.errors import InvalidInput
from pmm.relayers.codec import Ask, LevelOrder, ReadLadder, ReadQuote
from pmm.relayers.ladder_json import read_decimal, read_level, read_object

_DOMAIN_FIELDS: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_SIGNATURE_BYTES: Final = 65


def okx_ask(ask: Ask, *, chain_id: int, life_s: int, is_earlier: bool) -> bytes:
    """Return a request for a firm quote as OKX sends it."""
    if is_earlier:
        names = ("baseToken", "quoteToken", "amount", "taker", "refId")
    else:
        names = ("takerAsset", "makerAsset", "takerAmount", "takerAddress", "rfqId")
    values = (ask.taker_asset, ask.maker_asset, str(ask.taking_amount), ask.taker, str(ask.number))
    body: dict[str, Any] = dict(zip(names, values, strict=True))
    body["expiryDuration"] = life_s
    if not is_earlier:
        body["chainIndex"] = str(chain_id)
    return orjson.dumps(body)


def read_pricing(body: bytes, order: LevelOrder) -> tuple[ReadLadder, ...]:
    """Read ``/OKXDEX/rfq/pricing``; raises InvalidInput where OKX would drop the answer."""
    level_data = _data(body).get("levelData")
    if not isinstance(level_data, list):
        raise InvalidInput(f"levelData: expected a list, found {type(level_data).__name__}")
    return tuple(_ladder(entry, order) for entry in level_data)


def _ladder(entry: Any, order: LevelOrder) -> ReadLadder:
    if not isinstance(entry, dict) or not isinstance(entry.get("levels"), list):
        raise InvalidInput(f"levelData: expected an object with levels, found {str(entry)[:60]}")
    return ReadLadder(
        taker_asset=parse_address(entry.get("takerTokenAddress"), "takerTokenAddress"),
        maker_asset=parse_address(entry.get("makerTokenAddress"), "makerTokenAddress"),
        levels=tuple(read_level(level, order) for level in entry["levels"]),
        min_size=read_decimal(entry.get("minTakerAmount"), "minTakerAmount"),
    )


def read_okx_quote(body: bytes, domain: OrderDomain, *, enveloped: bool) -> ReadQuote:
    """Read a signed order; raises InvalidInput where OKX's router or contract would refuse it."""
    answer = read_object(body)
    fields = _data(body) if enveloped else answer.get("order")
    if not isinstance(fields, dict):
        raise InvalidInput(f"order: expected an object, found {type(fields).__name__}")
    signature = parse_bytes((fields if enveloped else answer).get("signature"), "signature")
    if len(signature) != _SIGNATURE_BYTES:
        raise InvalidInput(f"signature: expected {_SIGNATURE_BYTES} bytes, found {len(signature)}")
    message = _message(fields)
    # The contract reverts above 5 %.
    OkxDecay(
        start_s=message["confidenceT"],
        weight_e6_s=message["confidenceWeight"],
        cap_e6=message["confidenceCap"],
    )
    return ReadQuote(
        maker=message["makerAddress"],
        maker_asset=message["makerAsset"],
        taker_asset=message["takerAsset"],
        making_amount=message["makerAmount"],
        taking_amount=message["takerAmount"],
        expiration_s=message["expiry"],
        typed_data=_typed_data(message, domain),
        signature=signature,
    )


def _data(body: bytes) -> Mapping[str, Any]:
    answer = read_object(body)
    if answer.get("code") != "0":
        raise InvalidInput(f'code: expected "0", found {answer.get("code")!r}: {answer.get("msg")}')
    data = answer.get("data")
    if not isinstance(data, dict):
        raise InvalidInput(f"data: expected an object, found {type(data).__name__}")
    return data


def _message(fields: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for name, kind in OKX_FIELDS:
        value = fields.get(name)
        if kind == "uint256":
            message[name] = parse_uint(value, name, 64 if name == "rfqId" else 256)
        elif kind == "address":
            message[name] = parse_address(value, name)
        elif kind in ("bytes", "bytes32"):
            message[name] = parse_bytes(value, name, 32 if kind == "bytes32" else None)
        elif not isinstance(value, bool if kind == "bool" else str):
            raise InvalidInput(f"{name}: expected a {kind}, found {value!r}")
        else:
            message[name] = value
    return message


def _typed_data(message: Mapping[str, Any], domain: OrderDomain) -> dict[str, Any]:
    return {
        "domain": domain.to_dict(),
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS],
            "OrderRFQ": [{"name": name, "type": kind} for name, kind in OKX_FIELDS],
        },
        "primaryType": "OrderRFQ",
        "message": dict(message),
    }
