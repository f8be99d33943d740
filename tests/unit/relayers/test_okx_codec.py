"""OKX's maker protocol, both forms, field by field, and its quirks."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pmm.domain import MAINNET_TOKENS, OKX_PMM_PROTOCOL, USDC, WETH, Decision, RefusalReason, okx_domain
from pmm.errors import InvalidInput
from pmm.execution import FirmQuoteRequest, PublishedLadder, Settlement
from pmm.relayers.codec import AuthScheme, LevelOrder, RelayerCall
from pmm.relayers.okx import OkxCodec
from pmm.relayers.okx_wire import EARLIER_LEVELS, EARLIER_ORDER, FIRM_ORDER, PRICING
from pmm.relayers.refusals import Counts, WireRefusal, wire_refusal
from tests.helpers.quoting import CHAIN_TIME_S, TAKER
from tests.helpers.relayer_site import ASK_OKX, ASK_OKX_EARLIER, OKX_KEY, RelayerSite, open_relayer_site

_CODEC = OkxCodec(tokens=MAINNET_TOKENS)


def decode(body: dict[str, Any], route: Any = FIRM_ORDER) -> FirmQuoteRequest | WireRefusal:
    return _CODEC.decode(RelayerCall(route=route, request_id="r", body=json.dumps(body).encode()))


def read(body: dict[str, Any], route: Any = FIRM_ORDER) -> FirmQuoteRequest:
    found = decode(body, route)
    assert isinstance(found, FirmQuoteRequest), found
    return found


def refused(body: dict[str, Any], route: Any = FIRM_ORDER) -> WireRefusal:
    found = decode(body, route)
    assert isinstance(found, WireRefusal), found
    return found


def ladders(site: RelayerSite) -> tuple[PublishedLadder, ...]:
    found = asyncio.run(site.okx.ladders())
    assert not isinstance(found, Decision)
    return found[1]


@pytest.fixture
def site() -> RelayerSite:
    return open_relayer_site()


def test_profile__okx__declares_key_budget_and_rules() -> None:
    profile = _CODEC.profile
    assert (profile.authentication.scheme, profile.authentication.header) == (AuthScheme.API_KEY, "x-api-key")
    assert (profile.time_budget_ms, profile.rules.max_life_s, profile.rules.min_depth_usd) == (500, 36, 200)
    assert profile.counts_against_us("invalid_request") is Counts.NO
    assert profile.counts_against_us(RefusalReason.STALE_PRICE.value) is Counts.YES


def test_decode__current_form__is_exact_input_for_okx() -> None:
    found = read(ASK_OKX)
    assert found.settlement is Settlement.OKX
    assert (found.quote.taker_asset, found.quote.maker_asset) == (WETH, USDC)
    assert (found.quote.taking_amount, found.quote.taker, found.ttl_s) == (10**18, TAKER, 36)
    assert (found.relayer_nonce, found.idempotency_key) == (12345678, "okx:12345678")
    assert found.relayer == "okx"


def test_decode__earlier_form__is_the_same_request() -> None:
    found = read(ASK_OKX_EARLIER, EARLIER_ORDER)
    assert found.quote == read(ASK_OKX).quote
    assert (found.relayer_nonce, found.ttl_s) == (12345678, 90)


@pytest.mark.parametrize("rfq_id", [2**64 - 1, str(2**64 - 1), 0, "0", 2**53 + 1])
def test_decode__rfq_id_of_64_bits__is_read_exactly(rfq_id: int | str) -> None:
    assert read({**ASK_OKX, "rfqId": rfq_id}).relayer_nonce == int(rfq_id)


@pytest.mark.parametrize("rfq_id", [2**64, str(2**64), -1, "-1", "0x10", "1.0", "", True, None, 1.5])
def test_decode__rfq_id_that_is_none__is_refused(rfq_id: object) -> None:
    assert refused({**ASK_OKX, "rfqId": rfq_id}).status == 400


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("takerAmount", "1.5", "invalid_request"),
        ("takerAmount", "1e18", "invalid_request"),
        ("takerAmount", "0", "invalid_request"),
        ("takerAmount", "-1", "invalid_request"),
        ("takerAmount", "0x10", "invalid_request"),
        ("takerAmount", str(2**256), "invalid_request"),
        ("takerAmount", 10**18, "invalid_request"),
        ("takerAsset", "0x" + "ab" * 20, "unknown_token"),
        ("takerAddress", "0x" + "00" * 20, "invalid_request"),
        ("beneficiaryAddress", "nobody", "invalid_request"),
        ("expiryDuration", 0, "invalid_request"),
        ("expiryDuration", "36", "invalid_request"),
        ("chainIndex", "one", "invalid_request"),
        ("chainIndex", 1, "invalid_request"),
        ("confidenceCap", 50_001, "invalid_request"),
        ("confidenceRate", -1, "invalid_request"),
    ],
)
def test_decode__wrong_field__is_refused_with_its_name(field: str, value: object, code: str) -> None:
    refusal = refused({**ASK_OKX, field: value})
    assert refusal.code == code
    assert field in refusal.message
    assert refusal.remedy


def test_decode__same_token_twice__is_refused() -> None:
    assert "are both WETH" in refused({**ASK_OKX, "makerAsset": WETH.address}).message


def test_decode__whole_tokens__says_base_units() -> None:
    assert "base units" in refused({**ASK_OKX, "takerAmount": "1.5"}).message


def test_decode__earlier_form_with_permit2__is_refused() -> None:
    assert "usePermit2" in refused({**ASK_OKX_EARLIER, "usePermit2": True}, EARLIER_ORDER).message


def test_firm_order__answer__is_signed_by_the_account_over_what_it_says(site: RelayerSite) -> None:
    response = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX)
    body = response.json()
    assert (response.status_code, body["code"], body["msg"]) == (200, "0", "")
    data = body["data"]
    assert data["pmmProtocol"] == OKX_PMM_PROTOCOL
    assert (data["rfqId"], data["takerAmount"], data["takerAddress"]) == ("12345678", str(10**18), TAKER)
    assert (data["makerAddress"], data["expiry"]) == (OKX_KEY.address, CHAIN_TIME_S + 36)
    assert data["signatureScheme"] == "EIP-712"
    quote = _CODEC.read_quote(FIRM_ORDER, response.content, okx_domain())
    assert len(quote.signature) == 65
    (record,) = site.journal.records
    assert record.admitted is not None
    assert (record.relayer, record.admitted.settlement) == ("okx", Settlement.OKX)


def test_firm_order__earlier_form__is_the_order_and_its_signature(site: RelayerSite) -> None:
    response = site.ask("POST", "/okx/order", json=ASK_OKX_EARLIER)
    assert set(response.json()) == {"order", "signature"}
    quote = _CODEC.read_quote(EARLIER_ORDER, response.content, okx_domain())
    assert (quote.maker, quote.taking_amount) == (OKX_KEY.address, 10**18)


@pytest.mark.parametrize(("asked", "life"), [(5, 5), (36, 36), (90, 36), (10**9, 36)])
def test_firm_order__life_asked__is_ours_at_most(site: RelayerSite, asked: int, life: int) -> None:
    data = site.ask("POST", "/OKXDEX/rfq/firm-order", json={**ASK_OKX, "expiryDuration": asked}).json()[
        "data"
    ]
    assert data["expiry"] == CHAIN_TIME_S + life


@pytest.mark.parametrize(("start", "signed"), [(10, CHAIN_TIME_S + 10), (CHAIN_TIME_S + 3, CHAIN_TIME_S + 3)])
def test_firm_order__decay__is_signed_as_asked(site: RelayerSite, start: int, signed: int) -> None:
    body = {**ASK_OKX, "confidenceT": start, "confidenceRate": 100, "confidenceCap": 5_000}
    data = site.ask("POST", "/OKXDEX/rfq/firm-order", json=body).json()["data"]
    assert (data["confidenceT"], data["confidenceWeight"], data["confidenceCap"]) == (signed, 100, 5_000)


def test_firm_order__same_id_again__is_refused_and_signs_one_order(site: RelayerSite) -> None:
    first = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()
    again = site.ask("POST", "/OKXDEX/rfq/firm-order", json={**ASK_OKX, "takerAmount": str(2 * 10**18)})
    assert first["code"] == "0"
    assert (again.status_code, again.json()["code"]) == (200, "409")
    assert "idempotency_conflict" in again.json()["msg"]
    assert len([record for record in site.journal.records if record.admitted]) == 1


def test_firm_order__account_without_allowance__is_no_quote(site: RelayerSite) -> None:
    from tests.helpers.quoting import chain_view
    from tests.helpers.relayer_site import with_account

    empty = open_relayer_site(view=with_account(chain_view(), {WETH.address: 0, USDC.address: 0}))
    body = empty.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()
    assert (body["code"], body["msg"].split(":")[0]) == ("422", "insufficient_inventory")
    pricing = empty.ask("GET", "/OKXDEX/rfq/pricing", params={"chainIndex": "1"}).json()
    assert pricing["data"]["levelData"] == []


def test_inventory__of_the_account__is_apart_from_the_settlement_contract(site: RelayerSite) -> None:
    for number in range(20):
        site.ask(
            "POST",
            "/OKXDEX/rfq/firm-order",
            json={**ASK_OKX, "rfqId": number, "takerAmount": str(3 * 10**18)},
        )
    full = site.ask("POST", "/OKXDEX/rfq/firm-order", json={**ASK_OKX, "takerAmount": str(3 * 10**18)}).json()
    assert full["code"] == "422"
    assert (
        site.ask(
            "POST",
            "/order",
            json={
                "baseToken": WETH.address,
                "quoteToken": USDC.address,
                "amount": str(3 * 10**18),
                "taker": TAKER,
            },
        ).status_code
        == 200
    )


def test_pricing__levels__are_amount_then_rate_in_whole_tokens(site: RelayerSite) -> None:
    body = site.ask("GET", "/OKXDEX/rfq/pricing", params={"chainIndex": "1"}).json()
    assert (body["code"], body["msg"], body["data"]["chainIndex"]) == ("0", "", "1")
    entry = next(one for one in body["data"]["levelData"] if one["takerTokenAddress"] == WETH.address.lower())
    size, rate = (Decimal(text) for text in entry["levels"][0])
    assert Decimal("0.03") < size < Decimal("0.04")
    assert 2_900 < rate < 3_000
    assert Decimal("0.0033") < Decimal(entry["minTakerAmount"]) < Decimal("0.0034")


def test_pricing__least_amount__is_quoted_and_one_percent_less_is_not(site: RelayerSite) -> None:
    entry = ladders(site)[0]
    ask = {
        **ASK_OKX,
        "takerAsset": entry.taker_asset.address,
        "makerAsset": entry.maker_asset.address,
        "takerAmount": str(entry.min_taking_amount),
    }
    assert site.ask("POST", "/OKXDEX/rfq/firm-order", json=ask).json()["code"] == "0"
    less = {**ask, "rfqId": 2, "takerAmount": str(entry.min_taking_amount * 99 // 100)}
    assert "amount_too_small" in site.ask("POST", "/OKXDEX/rfq/firm-order", json=less).json()["msg"]


@pytest.mark.parametrize(("usd", "shown"), [(200, 0), (201, 1)])
def test_pricing__depth__is_shown_above_200_usd_only(site: RelayerSite, usd: int, shown: int) -> None:
    entry = replace(ladders(site)[0], depth_usd_wad=usd * 10**18)
    body = json.loads(_CODEC.encode_levels(PRICING, (entry,)))
    assert len(body["data"]["levelData"]) == shown
    assert len(json.loads(_CODEC.encode_levels(EARLIER_LEVELS, (entry,)))) == shown


def test_levels__order_inside_a_level__is_a_setting(site: RelayerSite) -> None:
    found = ladders(site)
    turned = replace(_CODEC, level_order=LevelOrder.PRICE_SIZE)
    mine, theirs = (
        json.loads(codec.encode_levels(PRICING, found))["data"]["levelData"][0]["levels"][0]
        for codec in (_CODEC, turned)
    )
    assert mine == theirs[::-1]
    assert turned.read_levels(PRICING, turned.encode_levels(PRICING, found)) == _CODEC.read_levels(
        PRICING, _CODEC.encode_levels(PRICING, found)
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "invalid_request"),
        ({"chainIndex": "x"}, "invalid_request"),
        ({"chainIndex": "501"}, "unknown_chain"),
    ],
)
def test_pricing__wrong_chain__is_an_envelope_with_a_reason(
    site: RelayerSite, query: dict[str, str], code: str
) -> None:
    response = site.ask("GET", "/OKXDEX/rfq/pricing", params=query)
    assert response.status_code == 200
    assert response.json()["code"] != "0"
    assert response.json()["msg"].startswith(code)


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_encode_refusal__every_reason__is_a_no_quote_of_either_form(reason: RefusalReason) -> None:
    refusal = wire_refusal(Decision.refuse(reason, "detail"))
    for route in (FIRM_ORDER, EARLIER_ORDER):
        assert _CODEC.is_no_quote(route, _CODEC.encode_refusal(route, refusal))
    assert _CODEC.encode_refusal(FIRM_ORDER, refusal).status == 200


@pytest.mark.parametrize("percent", [60, 61, 75, 99, 100])
def test_part_fill__from_60_percent__passes_the_contract_and_pays_no_better(
    site: RelayerSite, percent: int
) -> None:
    data = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()["data"]
    making, taking = int(data["makerAmount"]), int(data["takerAmount"])
    part = -(-taking * percent // 100)
    # AmountCalculator.getMakerAmount and the limit of _fillOrderRFQTo, from the contract's source.
    paid = part * making // taking
    assert paid >= making * 6_000 // 10_000
    assert part >= taking * 6_000 // 10_000
    assert paid * taking <= making * part


@pytest.mark.parametrize(
    "change",
    [
        {"rfqId": str(2**64)},
        {"signature": "0x00"},
        {"makerAmount": "1.5"},
        {"usePermit2": "false"},
        {"confidenceCap": 50_001},
        {"makerAddress": None},
        {"permit2Witness": "0x00"},
    ],
)
def test_read_quote__answer_the_router_cannot_use__raises(site: RelayerSite, change: dict[str, Any]) -> None:
    body = site.ask("POST", "/OKXDEX/rfq/firm-order", json=ASK_OKX).json()
    body["data"].update(change)
    with pytest.raises(InvalidInput):
        _CODEC.read_quote(FIRM_ORDER, json.dumps(body).encode(), okx_domain())
