"""The client reads what the server writes and names what it refuses."""

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from pmm.domain import MAINNET_TOKENS, USDC, WETH, QuoteRequest
from pmm.errors import ChainError, SetupError
from pmm.execution import CONTRACT_VENUES, AnsweredQuote, FirmQuoteRequest, Settlement
from pmm.relayers.oneinch import ORDER, OneInchCodec
from pmm.server.client import QuoteClient, QuoteRefused, parse_answer, wait_ready
from tests.helpers.quoting import TAKER, open_test_desk

Handler = Callable[[httpx.Request], httpx.Response]


def client(handler: Handler) -> QuoteClient:
    return QuoteClient("http://test", transport=httpx.MockTransport(handler))


def answer(settlement: Settlement) -> tuple[AnsweredQuote, bytes]:
    codec = OneInchCodec(tokens=MAINNET_TOKENS, answer_components=True)
    quote = QuoteRequest(
        request_id="q", chain_id=1, maker_asset=USDC, taker_asset=WETH, taking_amount=10**18, taker=TAKER
    )
    desk = open_test_desk()
    found = asyncio.run(desk.desk.firm_quote(FirmQuoteRequest(quote=quote, settlement=settlement)))
    assert isinstance(found, AnsweredQuote)
    return found, codec.encode_quote(ORDER, found)


@pytest.mark.parametrize("settlement", CONTRACT_VENUES)
def test_order__signed_answer__is_the_order_that_was_signed(settlement: Settlement) -> None:
    sent, body = answer(settlement)
    seen: list[dict[str, object]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(200, content=body)

    with client(handler) as quotes:
        found = quotes.order(
            base_token=WETH.address,
            quote_token=USDC.address,
            taker=TAKER,
            amount=10**18,
            settlement=settlement,
        )
    signed = sent.firm.signed_order
    assert found.signed == signed
    assert found.signed.signature == signed.signature
    assert found.expiration_s == sent.admitted.expiration_s
    assert not found.is_flash_funded
    assert found.components_bps["half_spread"] == 5
    assert seen[0]["amount"] == str(10**18)
    assert ("settlement" in seen[0]) is (settlement is Settlement.PMM)


def test_parse_answer__hash_of_another_order__raises() -> None:
    _, body = answer(Settlement.PMM)
    raw = json.loads(body)
    raw["order"]["makingAmount"] = "1"
    with pytest.raises(ChainError, match="expected order hash"):
        parse_answer(raw)


def test_order__refusal__carries_code_and_remedy() -> None:
    body = {"error": {"code": "stale_price", "message": "old", "remedy": "wait"}}
    with (
        client(lambda _: httpx.Response(503, json=body)) as quotes,
        pytest.raises(QuoteRefused, match="stale_price: old; wait") as caught,
    ):
        quotes.levels()
    assert (caught.value.status, caught.value.code, caught.value.remedy) == (503, "stale_price", "wait")


def test_order__refusal_as_a_bare_string__is_read_too() -> None:
    with (
        client(lambda _: httpx.Response(422, json="order is too small")) as quotes,
        pytest.raises(QuoteRefused, match="order is too small"),
    ):
        quotes.levels()


def test_levels__something_else_answers__raises() -> None:
    with (
        client(lambda _: httpx.Response(200, text="<html>")) as quotes,
        pytest.raises(ChainError, match="expected JSON"),
    ):
        quotes.levels()


def test_levels__nobody_there__raises_with_the_remedy() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with client(handler) as quotes, pytest.raises(SetupError, match="pmm serve"):
        quotes.levels()


def test_wait_for_block__block_seen__returns() -> None:
    with client(lambda _: httpx.Response(200, json={"chain": {"block": 7}})) as quotes:
        quotes.wait_for_block(7)
        with pytest.raises(SetupError, match="see block 8"):
            quotes.wait_for_block(8, timeout_s=0)


def test_wait_for_block__server_that_says_no_block__is_an_error_and_no_key_error() -> None:
    with (
        client(lambda _: httpx.Response(200, json={"state": "quoting"})) as quotes,
        pytest.raises(SetupError, match="it is at None"),
    ):
        quotes.wait_for_block(8, timeout_s=0)


def test_wait_ready__nobody_there__raises() -> None:
    with pytest.raises(SetupError, match="expected a quoting server"):
        wait_ready("http://127.0.0.1:1", timeout_s=0.1)
