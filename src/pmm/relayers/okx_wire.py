"""The bodies of OKX's protocol: the current form, and the earlier one that grew out of 1inch's."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from pmm.relayers.codec import Route, RouteKind, RouteSchema
from pmm.relayers.oneinch_wire import ADDRESS, HEX, LEVEL, UINT, LevelsByPair

CURRENT, EARLIER = "current", "earlier"
PRICING: Final = Route(method="GET", path="/OKXDEX/rfq/pricing", kind=RouteKind.LEVELS, form=CURRENT)
FIRM_ORDER: Final = Route(method="POST", path="/OKXDEX/rfq/firm-order", kind=RouteKind.FIRM, form=CURRENT)
EARLIER_LEVELS: Final = Route(method="GET", path="/levels", kind=RouteKind.LEVELS, form=EARLIER)
EARLIER_ORDER: Final = Route(method="POST", path="/order", kind=RouteKind.FIRM, form=EARLIER)
_ID = msgspec.Meta(description="OKX's id of the request, at most 64 bits: nonce of the order.")
_WORD = msgspec.Meta(ge=0, le=(1 << 40) - 1)


class FirmOrderBody(msgspec.Struct, kw_only=True, rename="camel"):
    """Body of ``POST /OKXDEX/rfq/firm-order``; fields we do not use are ignored."""

    chain_index: Annotated[str, msgspec.Meta(description="Chain as a decimal string.")]
    taker_asset: Annotated[str, msgspec.Meta(description="What the taker gives: token address.")]
    maker_asset: Annotated[str, msgspec.Meta(description="What the taker gets: token address.")]
    taker_amount: Annotated[str, msgspec.Meta(description="Base units of takerAsset, decimal string.")]
    taker_address: Annotated[str, msgspec.Meta(description="Who will call the fill.")]
    rfq_id: Annotated[int | str, _ID]
    expiry_duration: Annotated[
        int, msgspec.Meta(ge=1, description="Life of the quote in seconds; ours if longer than ours.")
    ]
    beneficiary_address: Annotated[str | None, msgspec.Meta(description="Who gets the maker asset.")] = None
    order_id: int | str | None = None
    confidence_t: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0,
                le=(1 << 40) - 1,
                description="When the decay starts: unix second, or below 10**9 seconds from now.",
            ),
        ]
        | None
    ) = None
    confidence_rate: Annotated[int, _WORD] | None = None
    confidence_cap: Annotated[int, _WORD] | None = None


class FirmOrderData(msgspec.Struct, kw_only=True, rename="camel"):
    """A signed order of OKX's contract."""

    chain_index: str
    pmm_protocol: Annotated[str, ADDRESS]
    rfq_id: Annotated[str, UINT]
    expiry: Annotated[int, msgspec.Meta(description="Last unix second at which it fills.")]
    maker_asset: Annotated[str, ADDRESS]
    taker_asset: Annotated[str, ADDRESS]
    maker_address: Annotated[str, ADDRESS]
    taker_address: Annotated[str, ADDRESS]
    maker_amount: Annotated[str, UINT]
    taker_amount: Annotated[str, UINT]
    use_permit2: bool
    confidence_t: int
    confidence_weight: int
    confidence_cap: int
    permit2_signature: Annotated[str, HEX]
    permit2_witness: Annotated[str, HEX]
    permit2_witness_type: str
    signature: Annotated[str, HEX]
    signature_scheme: Literal["EIP-712"]


class FirmOrderAnswer(msgspec.Struct, kw_only=True):
    """``code`` is "0"."""

    code: Literal["0"]
    msg: str
    data: FirmOrderData


class LevelData(msgspec.Struct, kw_only=True, rename="camel"):
    """One direction; levels in whole taker tokens and maker tokens per taker token, not cumulative."""

    taker_token_address: Annotated[str, ADDRESS]
    maker_token_address: Annotated[str, ADDRESS]
    min_taker_amount: Annotated[str, msgspec.Meta(description="Least that is quoted, whole taker tokens.")]
    levels: list[Annotated[list[str], LEVEL]]


class PricingData(msgspec.Struct, kw_only=True, rename="camel"):
    """Every direction with enough depth."""

    chain_index: str
    level_data: list[LevelData]


class PricingAnswer(msgspec.Struct, kw_only=True):
    """``code`` is "0"."""

    code: Literal["0"]
    msg: str
    data: PricingData


class Envelope(msgspec.Struct, kw_only=True):
    """No quote: any ``code`` but "0", ``msg`` says why."""

    code: str
    msg: str


class EarlierOrderBody(msgspec.Struct, kw_only=True, rename="camel"):
    """Body of ``POST /order`` in OKX's earlier form; fields we do not use are ignored."""

    base_token: Annotated[str, msgspec.Meta(description="What the taker gives: token address.")]
    quote_token: Annotated[str, msgspec.Meta(description="What the taker gets: token address.")]
    amount: Annotated[str, msgspec.Meta(description="Base units of baseToken, decimal string.")]
    taker: Annotated[str, msgspec.Meta(description="Who will call the fill.")]
    ref_id: Annotated[int | str, _ID]
    expiry_duration: Annotated[
        int, msgspec.Meta(ge=1, description="Life of the quote in seconds; ours if longer than ours.")
    ] = 90
    use_permit2: Annotated[bool, msgspec.Meta(description="Not served: true is refused.")] = False


class EarlierOrderFields(msgspec.Struct, kw_only=True, rename="camel"):
    """The fields of an ``OrderRFQ``."""

    rfq_id: Annotated[str, UINT]
    expiry: int
    maker_asset: Annotated[str, ADDRESS]
    taker_asset: Annotated[str, ADDRESS]
    maker_address: Annotated[str, ADDRESS]
    maker_amount: Annotated[str, UINT]
    taker_amount: Annotated[str, UINT]
    use_permit2: bool
    confidence_t: int
    confidence_weight: int
    confidence_cap: int
    permit2_signature: Annotated[str, HEX]
    permit2_witness: Annotated[str, HEX]
    permit2_witness_type: str


class EarlierOrderAnswer(msgspec.Struct, kw_only=True):
    """A signed order of OKX's contract."""

    order: EarlierOrderFields
    signature: Annotated[str, HEX]


def okx_schema(route: Route) -> RouteSchema:
    """Return what OpenAPI says about a route."""
    if route == PRICING:
        return RouteSchema(
            summary="OKX: the ladder of every direction quoted.",
            answer=(PricingAnswer, Envelope),
            answer_text='Levels, or a refusal: then "code" is not "0".',
            refusal=Envelope,
            query={"chainIndex": "Chain as a decimal number."},
        )
    if route == FIRM_ORDER:
        return RouteSchema(
            summary="OKX: ask for a signed order.",
            body=FirmOrderBody,
            answer=(FirmOrderAnswer, Envelope),
            answer_text='A signed order, or a refusal: then "code" is not "0".',
            refusal=Envelope,
        )
    if route == EARLIER_LEVELS:
        return RouteSchema(
            summary="OKX, earlier form: the ladder of every direction quoted.",
            answer=(LevelsByPair,),
            answer_text='Per "<base>_<quote>" (lower case), levels of [price, size], not cumulative.',
            refusal=str,
            refusal_statuses=(503,),
        )
    return RouteSchema(
        summary="OKX, earlier form: ask for a signed order.",
        body=EarlierOrderBody,
        answer=(EarlierOrderAnswer,),
        answer_text="A signed order.",
        refusal=str,
        refusal_statuses=(400, 409, 422, 503),
    )
