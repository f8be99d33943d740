"""OpenAPI of the quote routes, derived from the structs that read and describe them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from pmm.execution import Settlement
from pmm.relayers.oneinch import OrderBody

_REF = "#/components/schemas/{name}"
_UINT = msgspec.Meta(pattern="^[0-9]+$")
_ADDRESS = msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")
_HEX = msgspec.Meta(pattern="^0x([0-9a-fA-F]{2})*$")


class SignedOrderFields(msgspec.Struct, kw_only=True, rename="camel"):
    """The eight fields of a 1inch Limit Order Protocol v4 order."""

    salt: Annotated[str, _UINT]
    maker: Annotated[str, _ADDRESS]
    receiver: Annotated[str, _ADDRESS]
    maker_asset: Annotated[str, _ADDRESS]
    taker_asset: Annotated[str, _ADDRESS]
    making_amount: Annotated[str, _UINT]
    taking_amount: Annotated[str, _UINT]
    maker_traits: Annotated[str, _HEX]


class OrderAnswer(msgspec.Struct, kw_only=True, rename="camel"):
    """A signed quote. On 1inch ``signature`` is the packed ERC-1271 form for ``fillContractOrder``."""

    order: SignedOrderFields
    signature: Annotated[str, _HEX]
    extension: Annotated[str, _HEX]
    order_hash: Annotated[str, _HEX]
    expiry: Annotated[int, msgspec.Meta(description="Last unix second at which it fills.")]
    settlement: Settlement
    settled_by: Annotated[str, _ADDRESS]
    signer: Annotated[str, _ADDRESS]
    quote_id: str
    funding: Annotated[str, msgspec.Meta(description='"inventory", or "flash": call fillOrderFunded.')]
    r: Annotated[str | None, msgspec.Meta(description='First signature word, "pmm" only.')] = None
    vs: Annotated[str | None, msgspec.Meta(description='Second signature word, "pmm" only.')] = None
    components: Annotated[
        dict[str, str] | None, msgspec.Meta(description="Price components in bps of the fair value.")
    ] = None
    total_bps: str | None = None


class ErrorDetail(msgspec.Struct, kw_only=True):
    """Why there is no quote."""

    code: str
    message: str
    remedy: str


class Refusal(msgspec.Struct, kw_only=True):
    """Body of every answer that is not 200, unless the relayer's form is set to bare strings."""

    error: ErrorDetail


def quote_schemas() -> dict[str, Any]:
    """Return the component schemas of the quote routes."""
    _, components = msgspec.json.schema_components((OrderBody, OrderAnswer, Refusal), ref_template=_REF)
    return components


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _refusals(*statuses: int) -> dict[str, Any]:
    texts = {
        400: "The body is not a request: malformed JSON, a missing or wrong field.",
        405: "Wrong method.",
        408: "The body did not come in time.",
        413: "The body is too large.",
        422: "No quote for this request; another one may be quoted.",
        503: "No quote now; Retry-After says when to ask again.",
    }
    schema = {"$ref": _REF.format(name="Refusal")}
    return {str(status): _json(schema, texts[status]) for status in statuses}


def order_operation() -> dict[str, Any]:
    """Return what OpenAPI says about ``POST /order``."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(name="OrderBody")}}},
        },
        "responses": {
            "200": _json({"$ref": _REF.format(name="OrderAnswer")}, "A signed order."),
            **_refusals(400, 405, 408, 413, 422, 503),
        },
    }


def levels_operation() -> dict[str, Any]:
    """Return what OpenAPI says about ``GET /levels``."""
    level = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    ladders = {"type": "object", "additionalProperties": {"type": "array", "items": level}}
    text = (
        'Per "<base>_<quote>" (lower case), levels of [price, size] in whole tokens, not cumulative: '
        "quote tokens given per base token, base tokens taken."
    )
    return {"responses": {"200": _json(ladders, text), **_refusals(405, 503)}}
