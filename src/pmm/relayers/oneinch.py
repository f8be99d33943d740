"""1inch's maker protocol: ``GET /levels`` and ``POST /order``.

1inch publishes no maker document. The form is that of the public client of a 1inch-protocol maker
(KyberNetwork/kyberswap-dex-lib, mx-trading): ``baseToken`` is what the taker gives, ``quoteToken`` what it gets,
``amount`` base units of ``baseToken`` as a string, ``taker`` the caller of the fill, ``feeBps`` the relayer's
fee; amount out is read from ``order.makingAmount``. Every non-2xx body is a JSON string there, and the one it
knows is ``"order is too small"``. ``settlement``, ``quoteAmount``, ``expiryDuration``, ``private`` and
``chainId`` are additions of ours; a request without them is answered as 1inch's.

``feeBps`` is priced in: ``order.makingAmount`` is what the taker gets after the relayer kept its fee of it, which is
how every maker of the family reads it; no document of 1inch says so.

Our own API is the same protocol with refusals as objects: ``relayer`` and ``error_form`` tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from pmm.domain import (
    OrderDomain,
    QuoteRequest,
    RefusalReason,
    RfqOrder,
    TokenRegistry,
    parse_address,
    parse_bytes,
    to_hex,
    typed_data,
)
from pmm.domain.contract_signature import signature_for_order
from pmm.errors import InvalidInput
from pmm.execution import AnsweredQuote, FirmQuoteRequest, PublishedLadder, Settlement
from pmm.relayers.codec import (
    Ask,
    Authentication,
    AuthScheme,
    ErrorForm,
    LevelOrder,
    ReadLadder,
    ReadQuote,
    RelayerCall,
    RelayerProfile,
    Route,
    RouteKind,
    RouteSchema,
    Rules,
    WireAnswer,
)
from pmm.relayers.fields import find_token, read_amount, read_json
from pmm.relayers.ladder_json import levels_by_pair, read_levels_by_pair, read_object
from pmm.relayers.oneinch_wire import LevelsByPair, OrderAnswer, OrderBody, Refusal
from pmm.relayers.refusals import Counts, WireRefusal, bad_request

__all__ = ["OWN_API", "RELAYER", "TOO_SMALL", "ErrorForm", "LevelOrder", "OneInchCodec", "OrderBody"]

RELAYER: Final = "1inch"
OWN_API: Final = "pmm"
TOO_SMALL: Final = "order is too small"
LEVELS: Final = Route(method="GET", path="/levels", kind=RouteKind.LEVELS)
ORDER: Final = Route(method="POST", path="/order", kind=RouteKind.FIRM)
_DECODER: Final = msgspec.json.Decoder(OrderBody)
# A lookup, where the enumeration would be called; the decoder lets no other name in.
_SETTLEMENTS: Final = {one.value: one for one in Settlement}
_RULES: Final = Rules(max_levels_age_s=Decimal(10))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneInchCodec:
    """Reads requests and writes answers; ``answer_components`` adds the price components to an answer."""

    tokens: TokenRegistry
    chain_id: int = 1
    level_order: LevelOrder = LevelOrder.PRICE_SIZE
    error_form: ErrorForm = ErrorForm.OBJECT
    answer_components: bool = False
    relayer: str = RELAYER
    time_budget_ms: int | None = None
    profile: RelayerProfile = field(init=False)

    def __post_init__(self) -> None:
        profile = RelayerProfile(
            name=self.relayer,
            routes=(LEVELS, ORDER),
            authentication=Authentication(scheme=AuthScheme.API_KEY, header="x-api-key"),
            time_budget_ms=self.time_budget_ms,
            rules=_RULES,
            settlement=Settlement.ONEINCH,
            # The client of the protocol knows this one sentence and takes every other body for a failure.
            counts={RefusalReason.AMOUNT_TOO_SMALL.value: Counts.NO},
        )
        object.__setattr__(self, "profile", profile)

    def decode(self, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        """Read the body of ``POST /order``, or say why it is none."""
        fields = read_json(_DECODER, call.body)
        if isinstance(fields, WireRefusal):
            return fields
        try:
            return self._request(fields, call)
        except InvalidInput as error:
            return bad_request("invalid_request", str(error))

    def _request(self, fields: OrderBody, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        base = find_token(self.tokens, fields.base_token, "baseToken")
        quote = find_token(self.tokens, fields.quote_token, "quoteToken")
        if isinstance(base, WireRefusal):
            return base
        if isinstance(quote, WireRefusal):
            return quote
        settlement = _SETTLEMENTS[fields.settlement]
        if fields.private and settlement is not Settlement.PMM:
            raise InvalidInput(
                'private: expected "settlement": "pmm" beside it; an order on 1inch names 80 bits of the taker anyway'
            )
        request = QuoteRequest(
            request_id=call.request_id,
            chain_id=self.chain_id if fields.chain_id is None else fields.chain_id,
            maker_asset=quote,
            taker_asset=base,
            taking_amount=read_amount(fields.amount, "amount"),
            making_amount=read_amount(fields.quote_amount, "quoteAmount"),
            taker=parse_address(fields.taker, "taker"),
            fee_bps=fields.fee_bps,
        )
        return FirmQuoteRequest(
            quote=request,
            settlement=settlement,
            private=fields.private,
            ttl_s=fields.expiry_duration,
            relayer=self.relayer,
            body=call.body,
            idempotency_key=fields.idempotency_key,
        )

    def check_levels(self, call: RelayerCall) -> WireRefusal | None:
        """Accept every request for levels: the protocol has no parameters."""
        return None

    def encode_quote(self, route: Route, answered: AnsweredQuote) -> bytes:
        """Return the body of a signed answer."""
        return orjson.dumps(signed_answer(answered, components=self.answer_components))

    def encode_levels(self, route: Route, ladders: tuple[PublishedLadder, ...]) -> bytes:
        """Return the body of ``GET /levels``: per direction, levels that are not cumulative."""
        return orjson.dumps(levels_by_pair(ladders, self.level_order))

    def encode_refusal(self, route: Route, refusal: WireRefusal) -> WireAnswer:
        """Return a refusal: an object, or the bare string that 1inch's client reads."""
        if self.error_form is ErrorForm.STRING:
            return WireAnswer(status=refusal.status, body=orjson.dumps(bare_string(refusal)))
        return WireAnswer(status=refusal.status, body=object_body(refusal))

    def schemas(self, route: Route) -> RouteSchema:
        """Return what OpenAPI says about a route."""
        refusal = str if self.error_form is ErrorForm.STRING else Refusal
        if route.kind is RouteKind.LEVELS:
            pair = "[price, size]" if self.level_order is LevelOrder.PRICE_SIZE else "[size, price]"
            return RouteSchema(
                summary="The ladder of every direction quoted.",
                answer=(LevelsByPair,),
                answer_text=(
                    f'Per "<base>_<quote>" (lower case), levels of {pair} in whole tokens, not cumulative: '
                    "quote tokens given per base token, base tokens taken."
                ),
                refusal=refusal,
                refusal_statuses=(503,),
            )
        return RouteSchema(
            summary="Ask for a signed order.",
            body=OrderBody,
            answer=(OrderAnswer,),
            answer_text="A signed order.",
            refusal=refusal,
            refusal_statuses=(400, 409, 422, 503),
        )

    def ask(self, route: Route, ask: Ask) -> bytes:
        """Return a request for a firm quote, field for field what a client of the protocol sends."""
        return orjson.dumps(
            {
                "baseToken": ask.taker_asset.lower(),
                "quoteToken": ask.maker_asset.lower(),
                "amount": str(ask.taking_amount),
                "taker": ask.taker.lower(),
                "feeBps": 0,
            }
        )

    def levels_query(self, route: Route) -> str:
        """Return nothing: ``GET /levels`` has no parameters."""
        return ""

    def read_levels(self, route: Route, body: bytes) -> tuple[ReadLadder, ...]:
        """Read ``GET /levels`` as a client does."""
        return read_levels_by_pair(body, self.level_order)

    def read_quote(self, route: Route, body: bytes, domain: OrderDomain) -> ReadQuote:
        """Read a signed order for 1inch's contract, whose maker is a contract, as a client does."""
        answer = read_object(body)
        record = answer.get("order")
        if not isinstance(record, dict):
            raise InvalidInput(f"order: expected an object, found {type(record).__name__}")
        order = RfqOrder.from_dict(record)
        signature = signature_for_order(parse_bytes(answer.get("signature"), "signature"), order)
        return ReadQuote(
            maker=order.maker,
            maker_asset=order.maker_asset,
            taker_asset=order.taker_asset,
            making_amount=order.making_amount,
            taking_amount=order.taking_amount,
            expiration_s=order.traits.expiration_s,
            typed_data=typed_data(order, domain),
            signature=signature.to_bytes65(),
        )

    def is_no_quote(self, route: Route, answer: WireAnswer) -> bool:
        """Tell whether a client reads an answer as a refusal: not 2xx, a body of the form it knows."""
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return False
        wanted = str if self.error_form is ErrorForm.STRING else dict
        return not 200 <= answer.status < 300 and isinstance(found, wanted)


def bare_string(refusal: WireRefusal) -> str:
    """Return a refusal as the bare string of the 1inch family."""
    small = refusal.code == RefusalReason.AMOUNT_TOO_SMALL.value
    return TOO_SMALL if small else refusal.message


def object_body(refusal: WireRefusal) -> bytes:
    """Return a refusal as our own object."""
    return orjson.dumps(
        {"error": {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}}
    )


def signed_answer(answered: AnsweredQuote, *, components: bool) -> dict[str, Any]:
    """Return a signed quote as ``POST /order`` answers it; ``pmm.server.client.parse_answer`` reads it."""
    signed, admitted = answered.firm.signed_order, answered.admitted
    settlement = admitted.settlement
    on_router = settlement is Settlement.ONEINCH
    answer: dict[str, Any] = {
        "order": signed.order.to_dict(),
        "signature": to_hex(signed.contract_signature() if on_router else signed.signature.to_bytes65()),
        "extension": to_hex(signed.extension),
        "orderHash": to_hex(signed.order_hash),
        "expiry": admitted.expiration_s,
        "settlement": settlement._value_,
        "settledBy": admitted.settled_by,
        "signer": admitted.signer,
        "quoteId": answered.quote_id,
        "funding": "inventory" if admitted.offer.plan is None else "flash",
    }
    if not on_router:
        answer["r"] = to_hex(signed.signature.r_bytes)
        answer["vs"] = to_hex(signed.signature.vs_bytes)
    if components:
        breakdown = admitted.offer.priced.breakdown
        answer["components"] = {part.name.value: format(part.bps, "f") for part in breakdown.components}
        answer["totalBps"] = format(breakdown.total_bps, "f")
    return answer
