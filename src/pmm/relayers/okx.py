"""OKX DEX's maker protocol: ``/OKXDEX/rfq/pricing`` and ``/OKXDEX/rfq/firm-order``, and the earlier ``/order``.

Sources: web3.okx.com, dex-api-market-maker, -pricing and -firm-order; okxlabs/Web3-DEX-EVM-PMM, README 4.0 and its
predecessors for the earlier form. Levels are human units and not cumulative; a direction whose levels are worth
200 USD or less is ignored there, so it is left out here. Any ``code`` but "0" means no quote. The newest copy of
the page gives an order 36 s on Ethereum; older ones 60 s.

The maker is an account of its own, whose allowance OKX's contract moves: see :mod:`pmm.domain.okx_order`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from pmm.domain import (
    ZERO_ADDRESS,
    OkxDecay,
    OkxOrder,
    OrderDomain,
    QuoteRequest,
    TokenRegistry,
    parse_address,
    to_hex,
    whole_tokens,
)
from pmm.domain.okx_order import RFQ_ID_BITS
from pmm.domain.words import check_uint, parse_uint
from pmm.errors import InvalidInput
from pmm.execution import AnsweredQuote, FirmQuoteRequest, PublishedLadder, Settlement
from pmm.relayers.codec import (
    Ask,
    Authentication,
    AuthScheme,
    LevelOrder,
    ReadLadder,
    ReadQuote,
    RelayerCall,
    RelayerProfile,
    Route,
    RouteSchema,
    Rules,
    WireAnswer,
)
from pmm.relayers.fields import find_token, read_amount, read_json
from pmm.relayers.ladder_json import level_pair, levels_by_pair, plain, read_levels_by_pair
from pmm.relayers.okx_client import okx_ask, read_okx_quote, read_pricing
from pmm.relayers.okx_wire import (
    CURRENT,
    EARLIER,
    EARLIER_LEVELS,
    EARLIER_ORDER,
    FIRM_ORDER,
    PRICING,
    EarlierOrderBody,
    FirmOrderBody,
    okx_schema,
)
from pmm.relayers.oneinch import bare_string
from pmm.relayers.refusals import Counts, WireRefusal, bad_request

RELAYER: Final = "okx"
MAX_LIFE_S: Final = 36
"""Life that OKX forces on an order on Ethereum, newest copy of its page."""

MIN_DEPTH_USD: Final = 200
_WAD: Final = 10**18
_MAX_LEVELS_AGE_S: Final = Decimal(1)
_FIRM_DECODER: Final = msgspec.json.Decoder(FirmOrderBody)
_EARLIER_DECODER: Final = msgspec.json.Decoder(EarlierOrderBody)
# Refusals of requests that OKX itself must put right; its page counts every other failed response.
_NOT_COUNTED: Final = ("invalid_json", "invalid_request", "unknown_token", "unknown_chain")
# Beyond these the answer never got as far as a quote: they keep their status.
_QUOTE_STATUSES: Final = (400, 409, 422, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class OkxCodec:
    """Reads OKX's requests and writes its answers, in both forms."""

    tokens: TokenRegistry
    chain_id: int = 1
    level_order: LevelOrder = LevelOrder.SIZE_PRICE
    earlier_level_order: LevelOrder = LevelOrder.PRICE_SIZE
    time_budget_ms: int = 500
    max_levels_age_s: Decimal = _MAX_LEVELS_AGE_S
    profile: RelayerProfile = field(init=False)

    def __post_init__(self) -> None:
        profile = RelayerProfile(
            name=RELAYER,
            routes=(PRICING, FIRM_ORDER, EARLIER_LEVELS, EARLIER_ORDER),
            authentication=Authentication(scheme=AuthScheme.API_KEY, header="x-api-key"),
            time_budget_ms=self.time_budget_ms,
            rules=Rules(
                max_levels_age_s=self.max_levels_age_s,
                min_depth_usd=MIN_DEPTH_USD,
                max_life_s=MAX_LIFE_S,
                is_contract_maker=False,
            ),
            settlement=Settlement.OKX,
            counts=dict.fromkeys(_NOT_COUNTED, Counts.NO),
            default_counts=Counts.YES,
        )
        object.__setattr__(self, "profile", profile)

    def decode(self, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        """Read a request for a firm quote in the form of its route, or say why it is none."""
        try:
            if call.route.form == EARLIER:
                earlier = read_json(_EARLIER_DECODER, call.body)
                return earlier if isinstance(earlier, WireRefusal) else self._earlier(earlier, call)
            fields = read_json(_FIRM_DECODER, call.body)
            return fields if isinstance(fields, WireRefusal) else self._current(fields, call)
        except InvalidInput as error:
            return bad_request("invalid_request", str(error))

    def _current(self, fields: FirmOrderBody, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        if fields.beneficiary_address:
            parse_address(fields.beneficiary_address, "beneficiaryAddress")
        decay = OkxDecay(
            start_s=fields.confidence_t or 0,
            weight_e6_s=fields.confidence_rate or 0,
            cap_e6=fields.confidence_cap or 0,
        )
        return self._request(
            call,
            chain_id=parse_uint(fields.chain_index, "chainIndex", 64),
            base=(fields.taker_asset, "takerAsset"),
            quote=(fields.maker_asset, "makerAsset"),
            amount=(fields.taker_amount, "takerAmount"),
            taker=(fields.taker_address, "takerAddress"),
            rfq_id=_rfq_id(fields.rfq_id, "rfqId"),
            ttl_s=fields.expiry_duration,
            decay=decay,
        )

    def _earlier(self, fields: EarlierOrderBody, call: RelayerCall) -> FirmQuoteRequest | WireRefusal:
        if fields.use_permit2:
            raise InvalidInput("usePermit2: expected false, found true; the maker pays by plain allowance")
        return self._request(
            call,
            chain_id=self.chain_id,
            base=(fields.base_token, "baseToken"),
            quote=(fields.quote_token, "quoteToken"),
            amount=(fields.amount, "amount"),
            taker=(fields.taker, "taker"),
            rfq_id=_rfq_id(fields.ref_id, "refId"),
            ttl_s=fields.expiry_duration,
            decay=OkxDecay(),
        )

    def _request(
        self,
        call: RelayerCall,
        *,
        chain_id: int,
        base: tuple[str, str],
        quote: tuple[str, str],
        amount: tuple[str, str],
        taker: tuple[str, str],
        rfq_id: int,
        ttl_s: int,
        decay: OkxDecay,
    ) -> FirmQuoteRequest | WireRefusal:
        taker_asset, maker_asset = find_token(self.tokens, *base), find_token(self.tokens, *quote)
        if isinstance(taker_asset, WireRefusal):
            return taker_asset
        if isinstance(maker_asset, WireRefusal):
            return maker_asset
        taking_amount, taker_address = read_amount(*amount), parse_address(*taker)
        if taking_amount == 0:
            raise InvalidInput(f"{amount[1]}: expected at least 1 base unit, found 0")
        if taker_address == ZERO_ADDRESS:
            raise InvalidInput(f"{taker[1]}: expected an address, found the zero address")
        return FirmQuoteRequest(
            quote=QuoteRequest(
                request_id=call.request_id,
                chain_id=chain_id,
                maker_asset=maker_asset,
                taker_asset=taker_asset,
                taking_amount=taking_amount,
                taker=taker_address,
            ),
            settlement=Settlement.OKX,
            ttl_s=ttl_s,
            relayer=RELAYER,
            body=call.body,
            idempotency_key=f"{RELAYER}:{rfq_id}",
            relayer_nonce=rfq_id,
            decay=decay,
        )

    def check_levels(self, call: RelayerCall) -> WireRefusal | None:
        """Refuse a request for levels of another chain; the earlier form has no parameters."""
        if call.route.form == EARLIER:
            return None
        asked = call.query.get("chainIndex")
        if asked is None or not (asked.isascii() and asked.isdigit() and len(asked) < 20):
            found = "none" if asked is None else repr(asked[:40])
            return bad_request("invalid_request", f"chainIndex: expected a decimal number, found {found}")
        if int(asked) != self.chain_id:
            return WireRefusal(
                status=422,
                code="unknown_chain",
                message=f"chainIndex: expected {self.chain_id}, found {asked}",
                remedy=f"ask for chain {self.chain_id}",
            )
        return None

    def encode_quote(self, route: Route, answered: AnsweredQuote) -> bytes:
        """Return the body of a signed answer."""
        signed = answered.firm.signed_order
        fields = OkxOrder.from_kept(signed.order, signed.extension).to_dict()
        signature = to_hex(signed.signature.to_bytes65())
        if route.form == EARLIER:
            return orjson.dumps({"order": fields, "signature": signature})
        data: dict[str, Any] = {
            "chainIndex": str(answered.admitted.chain_id),
            "pmmProtocol": answered.admitted.settled_by,
            "takerAddress": answered.firm.request.taker,
            **fields,
            "signature": signature,
            "signatureScheme": "EIP-712",
        }
        return orjson.dumps({"code": "0", "msg": "", "data": data})

    def encode_levels(self, route: Route, ladders: tuple[PublishedLadder, ...]) -> bytes:
        """Return the body of an answer with levels: those directions that OKX would not ignore."""
        deep = tuple(
            entry for entry in ladders if entry.levels and entry.depth_usd_wad > MIN_DEPTH_USD * _WAD
        )
        if route.form == EARLIER:
            return orjson.dumps(levels_by_pair(deep, self.earlier_level_order))
        level_data = [
            {
                "takerTokenAddress": entry.taker_asset.address.lower(),
                "makerTokenAddress": entry.maker_asset.address.lower(),
                "minTakerAmount": plain(whole_tokens(entry.min_taking_amount, entry.taker_asset)),
                "levels": [level_pair(level, self.level_order) for level in entry.levels],
            }
            for entry in deep
        ]
        data = {"chainIndex": str(self.chain_id), "levelData": level_data}
        return orjson.dumps({"code": "0", "msg": "", "data": data})

    def encode_refusal(self, route: Route, refusal: WireRefusal) -> WireAnswer:
        """Return the envelope with a code that is not "0", or the bare string of the earlier form."""
        if route.form == EARLIER:
            return WireAnswer(status=refusal.status, body=orjson.dumps(bare_string(refusal)))
        body = orjson.dumps(
            {"code": str(refusal.status), "msg": f"{refusal.code}: {refusal.message}; {refusal.remedy}"}
        )
        return WireAnswer(status=200 if refusal.status in _QUOTE_STATUSES else refusal.status, body=body)

    def schemas(self, route: Route) -> RouteSchema:
        """Return what OpenAPI says about a route."""
        return okx_schema(route)

    def ask(self, route: Route, ask: Ask) -> bytes:
        """Return a request for a firm quote as OKX sends it."""
        return okx_ask(ask, chain_id=self.chain_id, life_s=MAX_LIFE_S, is_earlier=route.form == EARLIER)

    def levels_query(self, route: Route) -> str:
        """Return the query string with which OKX asks for levels."""
        return f"chainIndex={self.chain_id}" if route.form == CURRENT else ""

    def read_levels(self, route: Route, body: bytes) -> tuple[ReadLadder, ...]:
        """Read levels as OKX does; raises InvalidInput where it would ignore them."""
        if route.form == EARLIER:
            return read_levels_by_pair(body, self.earlier_level_order)
        return read_pricing(body, self.level_order)

    def read_quote(self, route: Route, body: bytes, domain: OrderDomain) -> ReadQuote:
        """Read a signed order as OKX does."""
        return read_okx_quote(body, domain, enveloped=route.form == CURRENT)

    def is_no_quote(self, route: Route, answer: WireAnswer) -> bool:
        """Tell whether OKX reads an answer as a refusal."""
        try:
            found = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return False
        if route.form == EARLIER:
            return not 200 <= answer.status < 300 and isinstance(found, str)
        if not isinstance(found, dict):
            return False
        code, message = found.get("code"), found.get("msg")
        return isinstance(code, str) and code != "0" and isinstance(message, str) and bool(message)


def _rfq_id(value: int | str, name: str) -> int:
    """Read the id of a request: a Long of Java, which JSON may carry as a number or as a string."""
    if isinstance(value, int):
        return check_uint(value, name, RFQ_ID_BITS)
    found = read_amount(value, name)
    assert found is not None
    return check_uint(found, name, RFQ_ID_BITS)
