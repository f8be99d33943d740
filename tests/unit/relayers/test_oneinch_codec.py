"""1inch's maker protocol, field by field, and everything that is not it."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pmm.domain import (
    MAINNET_TOKENS,
    USDC,
    USDT,
    WETH,
    ContractSignature,
    Decision,
    PriceLevel,
    RefusalReason,
    RfqOrder,
    Signature,
    order_hash,
    recover_signer,
)
from pmm.execution import AnsweredQuote, FirmQuoteRequest, PublishedLadder, Settlement
from pmm.pricing import PricedAmounts, price_exact_in
from pmm.relayers.codec import RelayerCall
from pmm.relayers.oneinch import LEVELS, ORDER, ErrorForm, LevelOrder, OneInchCodec
from pmm.relayers.refusals import WireRefusal, wire_refusal
from tests.helpers.quoting import TAKER, chain_view, market, open_test_desk

_CODEC = OneInchCodec(tokens=MAINNET_TOKENS)
# What a 1inch-protocol client sends, field for field.
_STANDARD = {
    "baseToken": WETH.address.lower(),
    "quoteToken": USDC.address.lower(),
    "amount": "1000000000000000000",
    "taker": TAKER.lower(),
    "feeBps": 0,
}


def decode(body: bytes | dict[str, object]) -> FirmQuoteRequest | WireRefusal:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return _CODEC.decode(RelayerCall(route=ORDER, request_id="r", body=raw))


def read(body: dict[str, object]) -> FirmQuoteRequest:
    found = decode(body)
    assert isinstance(found, FirmQuoteRequest), found
    return found


def refused(body: bytes | dict[str, object]) -> WireRefusal:
    found = decode(body)
    assert isinstance(found, WireRefusal), found
    return found


def test_decode__standard_request__is_exact_input_on_1inch() -> None:
    found = read(_STANDARD)
    assert found.settlement is Settlement.ONEINCH
    assert (found.quote.taker_asset, found.quote.maker_asset) == (WETH, USDC)
    assert (found.quote.taking_amount, found.quote.making_amount) == (10**18, None)
    assert found.quote.taker == TAKER
    assert (found.private, found.ttl_s, found.quote.chain_id) == (False, None, 1)


def test_decode__our_additions__are_read() -> None:
    body = {key: value for key, value in _STANDARD.items() if key != "amount"}
    found = read(
        {
            **body,
            "quoteAmount": "5",
            "settlement": "pmm",
            "private": True,
            "expiryDuration": 7,
            "chainId": 10,
            "feeBps": 3,
        }
    )
    assert (found.quote.taking_amount, found.quote.making_amount) == (None, 5)
    assert (found.settlement, found.private, found.ttl_s) == (Settlement.PMM, True, 7)
    assert (found.quote.chain_id, found.quote.fee_bps) == (10, 3)


def test_decode__field_we_do_not_know__is_ignored() -> None:
    assert read({**_STANDARD, "refId": "x", "usePermit2": False}).quote.taking_amount == 10**18


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"{]}",
        b"\xff\xfe",
        b'{"baseToken": "\xff"}',
        b"[" * 4_000,
        b'{"a":' * 600,
    ],
)
def test_decode__body_that_is_no_object__is_400(body: bytes) -> None:
    refusal = refused(body)
    assert refusal.status == 400
    assert refusal.code in ("invalid_json", "invalid_request")
    assert refusal.remedy


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("amount", "0", "at least 1 base unit"),
        ("amount", "-1", ">= 0"),
        ("amount", "1.5", "decimal string"),
        ("amount", "1e18", "decimal string"),
        ("amount", "", "decimal string"),
        ("amount", " 1", "decimal string"),
        ("amount", "0x10", "decimal string"),
        ("amount", "\u0661", "decimal string"),  # a digit, but not ASCII
        ("amount", str(2**256), "at most 256 bits"),
        ("amount", "9" * 101, "decimal string"),
        ("amount", 1_000, "Expected `str | null`"),
        ("amount", 1.5, "Expected `str | null`"),
        ("amount", None, "found neither"),
        ("quoteAmount", "1", "found both"),
        ("baseToken", "WETH", "40 hex digits"),
        ("baseToken", WETH.address.replace("C02a", "c02a"), "wrong EIP-55 checksum"),
        ("quoteToken", 7, "Expected `str`"),
        ("quoteToken", WETH.address, "are both WETH"),
        ("taker", "0x" + "0" * 40, "zero address"),
        ("taker", "0x1", "40 hex digits"),
        ("taker", None, "Expected `str`"),
        ("feeBps", -1, ">= 0"),
        ("feeBps", 10_000, "<= 9999"),
        ("feeBps", "5", "Expected `int`"),
        ("feeBps", 1.5, "Expected `int`"),
        ("settlement", "uniswap", "Invalid enum value"),
        ("expiryDuration", 0, ">= 1"),
        ("private", True, '"settlement": "pmm"'),
        ("chainId", 0, ">= 1"),
    ],
)
def test_decode__wrong_field__is_400_naming_it(field: str, value: object, text: str) -> None:
    refusal = refused({**_STANDARD, field: value})
    assert (refusal.status, refusal.code) == (400, "invalid_request")
    assert text in refusal.message


@pytest.mark.parametrize(
    "deep", [b"[" * 4_000, b'{"a":' * 800 + b"1" + b"}" * 800, b'{"more":' + b"[" * 4_000]
)
def test_decode__json_nested_deeply__is_400(deep: bytes) -> None:
    assert refused(deep).status == 400


def test_decode__taker_of_zero_bits__is_400_on_1inch_only() -> None:
    taker = "0x" + "77" * 10 + "00" * 10
    refusal = refused({**_STANDARD, "taker": taker})
    assert (refusal.status, refusal.code) == (400, "invalid_request")
    assert taker in refusal.message.lower()
    assert read({**_STANDARD, "taker": taker, "settlement": "pmm"}).quote.taker.lower() == taker


@pytest.mark.parametrize("field", ["baseToken", "quoteToken", "taker"])
def test_decode__missing_field__is_400_naming_it(field: str) -> None:
    refusal = refused({key: value for key, value in _STANDARD.items() if key != field})
    assert refusal.status == 400
    assert field in refusal.message


def test_decode__token_we_do_not_deal_in__is_422() -> None:
    refusal = refused({**_STANDARD, "baseToken": "0x" + "12" * 20})
    assert (refusal.status, refusal.code) == (422, "unknown_token")


@given(st.binary(max_size=300))
def test_decode__any_bytes__never_raises(body: bytes) -> None:
    decode(body)


_JSON: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([{}])
)


@given(st.sampled_from([*_STANDARD, "settlement", "quoteAmount", "chainId", "private"]), _JSON)
def test_decode__any_value_in_a_field__never_raises(name: str, value: object) -> None:
    decode({**_STANDARD, name: value})


def answer(settlement: Settlement, codec: OneInchCodec = _CODEC) -> tuple[AnsweredQuote, dict[str, object]]:
    request = read({**_STANDARD, "settlement": settlement.value})
    found = asyncio.run(open_test_desk().desk.firm_quote(request))
    assert isinstance(found, AnsweredQuote)
    return found, json.loads(codec.encode_quote(ORDER, found))


def test_encode_quote__on_1inch__is_what_the_client_reads() -> None:
    found, body = answer(Settlement.ONEINCH)
    order = body["order"]
    assert isinstance(order, dict)
    assert set(order) == {
        "salt",
        "maker",
        "receiver",
        "makerAsset",
        "takerAsset",
        "makingAmount",
        "takingAmount",
        "makerTraits",
    }
    assert all(isinstance(value, str) for value in order.values())
    parsed = RfqOrder.from_dict(order)
    assert parsed == found.firm.signed_order.order
    packed = ContractSignature.decode(bytes.fromhex(str(body["signature"])[2:]), parsed.maker)
    assert packed.order == parsed
    digest = order_hash(parsed, found.firm.signed_order.domain)
    assert body["orderHash"] == "0x" + digest.hex()
    assert recover_signer(digest, packed.signature) == body["signer"]
    assert body["extension"] == "0x"
    assert body["expiry"] == parsed.traits.expiration_s
    assert "components" not in body


def test_encode_quote__on_pmm__is_r_s_v_and_its_two_words() -> None:
    found, body = answer(Settlement.PMM)
    raw = bytes.fromhex(str(body["signature"])[2:])
    assert len(raw) == 65
    signature = Signature.from_bytes(raw)
    assert body["r"] == "0x" + signature.r_bytes.hex()
    assert body["vs"] == "0x" + signature.vs_bytes.hex()
    assert recover_signer(found.admitted.order_hash, signature) == body["signer"]


def test_encode_quote__components_wanted__they_add_up() -> None:
    _, body = answer(Settlement.PMM, replace(_CODEC, answer_components=True))
    parts = body["components"]
    assert isinstance(parts, dict)
    assert sum((Decimal(part) for part in parts.values()), Decimal(0)) == Decimal(str(body["totalBps"]))


def walk(levels: list[list[str]], amount: Decimal) -> Decimal | None:
    """Return what a relayer computes from levels of (price, size)."""
    out = Decimal(0)
    for price, size in levels:
        part = min(amount, Decimal(size))
        out += part * Decimal(price)
        amount -= part
        if amount == 0:
            return out
    return None


@given(st.integers(min_value=10**11, max_value=10**12), st.integers(min_value=10**10, max_value=40 * 10**18))
def test_encode_levels__any_firm_quote__is_not_better_than_the_strings_say(eth_usd: int, amount: int) -> None:
    desk = open_test_desk(chain_view(market(eth_usd=eth_usd)))
    found = asyncio.run(desk.desk.ladders())
    assert not isinstance(found, Decision)
    view, ladders = found
    body = json.loads(_CODEC.encode_levels(LEVELS, ladders))
    pair = desk.policy.pairs.find(maker_asset=USDC, taker_asset=WETH)
    assert pair is not None
    terms = desk.admission.terms(view, pair, maker_asset=USDC, taker_asset=WETH)
    assert not isinstance(terms, Decision)
    walked = walk(body[f"{WETH.address}_{USDC.address}".lower()], Decimal(amount).scaleb(-18))
    priced = price_exact_in(terms, amount)
    assume(walked is not None)
    if isinstance(priced, PricedAmounts):
        assert walked is not None
        assert Decimal(priced.making_amount).scaleb(-6) <= walked


def test_encode_levels__price_without_end__is_rounded_up() -> None:
    level = PriceLevel(maker_asset=USDC, taker_asset=USDT, making_amount=1, taking_amount=3)
    ladder = PublishedLadder(maker_asset=USDC, taker_asset=USDT, levels=(level,))
    ((price, size),) = next(iter(json.loads(_CODEC.encode_levels(LEVELS, (ladder,))).values()))
    assert Decimal(price) * Decimal(size) >= Decimal("0.000001")


def test_encode_levels__order_of_a_level__is_a_setting() -> None:
    found = asyncio.run(open_test_desk().desk.ladders())
    assert not isinstance(found, Decision)
    key = f"{WETH.address}_{USDC.address}".lower()
    price, size = json.loads(_CODEC.encode_levels(LEVELS, found[1]))[key][0]
    other = replace(_CODEC, level_order=LevelOrder.SIZE_PRICE)
    assert json.loads(other.encode_levels(LEVELS, found[1]))[key][0] == [size, price]
    # USDC per WETH, and WETH: an inverted ladder would show the two the other way round.
    assert 2_900 < Decimal(price) < 3_000
    assert Decimal(size) < 1


def test_encode_refusal__object_form__has_code_message_and_remedy() -> None:
    refusal = wire_refusal(Decision.refuse(RefusalReason.STALE_PRICE, "too old"))
    body = json.loads(_CODEC.encode_refusal(ORDER, refusal).body)
    assert body == {"error": {"code": "stale_price", "message": "too old", "remedy": refusal.remedy}}
    assert (refusal.status, refusal.retry_after_s) == (503, 1)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (RefusalReason.AMOUNT_TOO_SMALL, "order is too small"),
        (RefusalReason.PAUSED, "detail"),
    ],
)
def test_encode_refusal__string_form__is_what_the_client_knows(reason: RefusalReason, text: str) -> None:
    codec = replace(_CODEC, error_form=ErrorForm.STRING)
    assert (
        json.loads(codec.encode_refusal(ORDER, wire_refusal(Decision.refuse(reason, "detail"))).body) == text
    )


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_wire_refusal__every_reason__has_status_and_remedy(reason: RefusalReason) -> None:
    refusal = wire_refusal(Decision.refuse(reason, "detail"))
    assert refusal.status in (409, 422, 503)
    assert refusal.remedy
    assert refusal.code == reason.value


def test_decode__idempotency_key__names_the_request() -> None:
    assert read(_STANDARD | {"idempotencyKey": "a-1"}).idempotency_key == "a-1"
    for wrong in ("", "x" * 129, "t\u00e4glich", 7):
        assert "dempotency" in refused(_STANDARD | {"idempotencyKey": wrong}).message
