"""The bodies of 1inch's protocol and of our own API, which is the same with additions."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

UINT = msgspec.Meta(pattern="^[0-9]+$")
ADDRESS = msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")
LEVEL = msgspec.Meta(min_length=2, max_length=2, description="Two decimal strings.")
HEX = msgspec.Meta(pattern="^0x([0-9a-fA-F]{2})*$")


LevelsByPair = dict[str, list[Annotated[list[str], LEVEL]]]


class OrderBody(msgspec.Struct, kw_only=True, rename="camel"):
    """Body of ``POST /order``. Fields beyond ``feeBps`` are additions of ours; unknown ones are ignored."""

    base_token: Annotated[str, msgspec.Meta(description="What the taker gives: token address.")]
    quote_token: Annotated[str, msgspec.Meta(description="What the taker gets: token address.")]
    amount: Annotated[
        str | None,
        msgspec.Meta(
            description="Base units of baseToken, decimal string. Exactly one of amount, quoteAmount."
        ),
    ] = None
    taker: Annotated[
        str, msgspec.Meta(description="Address that will call the fill: router or executor, never zero.")
    ]
    fee_bps: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=9_999,
            description="Relayer's fee in basis points, priced in: makingAmount is what is left after it.",
        ),
    ] = 0
    quote_amount: Annotated[
        str | None, msgspec.Meta(description="Exact output: base units of quoteToken, decimal string.")
    ] = None
    settlement: Annotated[
        Literal["1inch", "pmm"], msgspec.Meta(description="Contract that settles: 1inch's router, or ours.")
    ] = "1inch"
    expiry_duration: (
        Annotated[
            int, msgspec.Meta(ge=1, description="Life of the quote in seconds; ours if longer than ours.")
        ]
        | None
    ) = None
    private: Annotated[
        bool, msgspec.Meta(description='Name the full taker address in the order; "pmm" only.')
    ] = False
    chain_id: Annotated[int, msgspec.Meta(ge=1, description="Chain, if not 1.")] | None = None
    idempotency_key: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1,
                max_length=128,
                description="Name of the request: the same body gets the same quote again while it lives.",
            ),
        ]
        | None
    ) = None


class SignedOrderFields(msgspec.Struct, kw_only=True, rename="camel"):
    """The eight fields of a 1inch Limit Order Protocol v4 order."""

    salt: Annotated[str, UINT]
    maker: Annotated[str, ADDRESS]
    receiver: Annotated[str, ADDRESS]
    maker_asset: Annotated[str, ADDRESS]
    taker_asset: Annotated[str, ADDRESS]
    making_amount: Annotated[str, UINT]
    taking_amount: Annotated[str, UINT]
    maker_traits: Annotated[str, HEX]


class OrderAnswer(msgspec.Struct, kw_only=True, rename="camel"):
    """A signed quote. On 1inch ``signature`` is the packed ERC-1271 form for ``fillContractOrder``."""

    order: SignedOrderFields
    signature: Annotated[str, HEX]
    extension: Annotated[str, HEX]
    order_hash: Annotated[str, HEX]
    expiry: Annotated[int, msgspec.Meta(description="Last unix second at which it fills.")]
    settlement: Literal["1inch", "pmm"]
    settled_by: Annotated[str, ADDRESS]
    signer: Annotated[str, ADDRESS]
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
    """Body of every answer that is not 200, unless the relayer's form is another."""

    error: ErrorDetail
