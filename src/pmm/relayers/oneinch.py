"""1inch's maker protocol: ``GET /levels`` and ``POST /order``.

1inch publishes no maker document. The form is that of the public client of a 1inch-protocol maker
(KyberNetwork/kyberswap-dex-lib, mx-trading): ``baseToken`` is what the taker gives, ``quoteToken`` what it gets,
``amount`` base units of ``baseToken`` as a string, ``taker`` the caller of the fill, ``feeBps`` the relayer's
fee; amount out is read from ``order.makingAmount``. Every non-2xx body is a JSON string there, and the one it
knows is ``"order is too small"``. ``settlement``, ``quoteAmount``, ``expiryDuration``, ``private`` and
``chainId`` are additions of ours; a request without them is answered as 1inch's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import orjson

from pmm.domain import PriceLevel, QuoteRequest, RefusalReason, Token, TokenRegistry, parse_address, to_hex
from pmm.domain.price_level import whole_tokens
from pmm.domain.words import parse_uint
from pmm.errors import InvalidInput
from pmm.execution import AnsweredQuote, FirmQuoteRequest, PublishedLadder, Settlement
from pmm.relayers.refusals import WireRefusal

RELAYER = "1inch"
TOO_SMALL = "order is too small"
_PRICE_DIGITS = 24
_PRICE_CONTEXT = Context(prec=_PRICE_DIGITS, rounding=ROUND_UP)


class LevelOrder(StrEnum):
    """Which of the two strings of a level comes first: relayers and their documents differ."""

    PRICE_SIZE = "price_size"
    SIZE_PRICE = "size_price"


class ErrorForm(StrEnum):
    """Body of a refusal: our JSON object, or the bare JSON string that 1inch's client reads."""

    OBJECT = "object"
    STRING = "string"


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
    fee_bps: Annotated[int, msgspec.Meta(ge=0, le=9_999, description="Relayer's fee, priced in.")] = 0
    quote_amount: Annotated[
        str | None, msgspec.Meta(description="Exact output: base units of quoteToken, decimal string.")
    ] = None
    settlement: Annotated[
        Settlement, msgspec.Meta(description="Contract that settles: 1inch's router, or ours.")
    ] = Settlement.ONEINCH
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


_DECODER = msgspec.json.Decoder(OrderBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneInchCodec:
    """Reads requests and writes answers; ``answer_components`` adds the price components to an answer."""

    tokens: TokenRegistry
    chain_id: int = 1
    level_order: LevelOrder = LevelOrder.PRICE_SIZE
    error_form: ErrorForm = ErrorForm.OBJECT
    answer_components: bool = False

    def decode(self, body: bytes, *, request_id: str) -> FirmQuoteRequest | WireRefusal:
        """Read the body of ``POST /order``, or say why it is none."""
        try:
            fields = _DECODER.decode(body)
        except msgspec.ValidationError as error:
            return _bad_request("invalid_request", str(error), "correct the field; GET /docs describes each")
        except RecursionError:
            return _bad_request("invalid_json", "found JSON nested too deeply", "send one flat JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _bad_request("invalid_json", str(error), "send one JSON object in UTF-8")
        try:
            return self._request(fields, body, request_id)
        except InvalidInput as error:
            return _bad_request("invalid_request", str(error), "correct the field; GET /docs describes each")

    def _request(self, fields: OrderBody, body: bytes, request_id: str) -> FirmQuoteRequest | WireRefusal:
        base = self._token(fields.base_token, "baseToken")
        quote = self._token(fields.quote_token, "quoteToken")
        if isinstance(base, WireRefusal):
            return base
        if isinstance(quote, WireRefusal):
            return quote
        if fields.private and fields.settlement is not Settlement.PMM:
            raise InvalidInput(
                'private: expected "settlement": "pmm" beside it; an order on 1inch names 80 bits of the taker anyway'
            )
        request = QuoteRequest(
            request_id=request_id,
            chain_id=self.chain_id if fields.chain_id is None else fields.chain_id,
            maker_asset=quote,
            taker_asset=base,
            taking_amount=_amount(fields.amount, "amount"),
            making_amount=_amount(fields.quote_amount, "quoteAmount"),
            taker=parse_address(fields.taker, "taker"),
            fee_bps=fields.fee_bps,
        )
        return FirmQuoteRequest(
            quote=request,
            settlement=fields.settlement,
            private=fields.private,
            ttl_s=fields.expiry_duration,
            relayer=RELAYER,
            body=body,
        )

    def _token(self, text: str, name: str) -> Token | WireRefusal:
        token = self.tokens.find(parse_address(text, name))
        if token is not None:
            return token
        known = ", ".join(token.symbol for token in self.tokens)
        return WireRefusal(
            status=422,
            code=RefusalReason.UNKNOWN_TOKEN.value,
            message=f"{name}: {text} is not a token we deal in; known are {known}",
            remedy="use the tokens named by GET /levels",
        )

    def encode_quote(self, answered: AnsweredQuote) -> bytes:
        """Return the body of a signed answer."""
        signed, admitted = answered.firm.signed_order, answered.admitted
        on_router = admitted.settlement is Settlement.ONEINCH
        answer: dict[str, Any] = {
            "order": signed.order.to_dict(),
            "signature": to_hex(signed.contract_signature() if on_router else signed.signature.to_bytes65()),
            "extension": to_hex(signed.extension),
            "orderHash": to_hex(signed.order_hash),
            "expiry": admitted.expiration_s,
            "settlement": admitted.settlement.value,
            "settledBy": admitted.settled_by,
            "signer": admitted.signer,
            "quoteId": answered.quote_id,
            "funding": "inventory" if admitted.offer.plan is None else "flash",
        }
        if not on_router:
            answer["r"] = to_hex(signed.signature.r_bytes)
            answer["vs"] = to_hex(signed.signature.vs_bytes)
        if self.answer_components:
            breakdown = admitted.offer.priced.breakdown
            answer["components"] = {part.name.value: format(part.bps, "f") for part in breakdown.components}
            answer["totalBps"] = format(breakdown.total_bps, "f")
        return orjson.dumps(answer)

    def encode_levels(self, ladders: tuple[PublishedLadder, ...]) -> bytes:
        """Return the body of ``GET /levels``: per direction, levels that are not cumulative."""
        body = {
            f"{entry.taker_asset.address}_{entry.maker_asset.address}".lower(): [
                self._level(level) for level in entry.levels
            ]
            for entry in ladders
        }
        return orjson.dumps(body)

    def _level(self, level: PriceLevel) -> list[str]:
        making = whole_tokens(level.making_amount, level.maker_asset)
        size = whole_tokens(level.taking_amount, level.taker_asset)
        # Up: a firm quote, rounded down, must never be better than what the ladder says.
        price = _PRICE_CONTEXT.divide(making, size)
        pair = [_plain(price), _plain(size)]
        return pair if self.level_order is LevelOrder.PRICE_SIZE else pair[::-1]

    def encode_refusal(self, refusal: WireRefusal) -> bytes:
        """Return the body of a refusal."""
        if self.error_form is ErrorForm.STRING:
            small = refusal.code == RefusalReason.AMOUNT_TOO_SMALL.value
            return orjson.dumps(TOO_SMALL if small else refusal.message)
        return orjson.dumps(
            {"error": {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}}
        )


def _amount(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if text.startswith("0x"):
        raise InvalidInput(f"{name}: expected a decimal string, found hex {text[:20]!r}")
    return parse_uint(text, name)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bad_request(code: str, message: str, remedy: str) -> WireRefusal:
    return WireRefusal(status=400, code=code, message=message, remedy=remedy)
