from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pmm.domain import (
    USDC,
    WETH,
    ZERO_ADDRESS,
    Decision,
    Fill,
    FirmQuote,
    Inventory,
    PriceLevel,
    QuoteRequest,
    RefusalReason,
    SigningKey,
    oneinch_domain,
    sign_order,
    whole_tokens,
)
from pmm.domain.unix_time import relative_text, utc_text
from pmm.errors import InvalidInput, InvariantViolated
from tests.unit.domain.test_verification import NOW_S, SETTLEMENT, order_of

REQUEST = QuoteRequest(
    request_id="r1",
    chain_id=1,
    maker_asset=WETH,
    taker_asset=USDC,
    taking_amount=2_500_000_000,
    taker=SETTLEMENT,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"taking_amount": None}, "found neither"),
        ({"making_amount": 1}, "found both"),
        ({"taking_amount": 0}, "takingAmount: expected at least 1"),
        ({"taking_amount": -5}, "takingAmount: expected a number >= 0"),
        ({"taking_amount": 2**256}, "takingAmount: expected at most 256 bits"),
        ({"taker_asset": WETH}, "both WETH"),
        ({"taker": ZERO_ADDRESS}, "zero address"),
        ({"fee_bps": 10_000}, "feeBps"),
    ],
)
def test_quote_request__contradictory__raises(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(REQUEST, **changes)


def test_firm_quote__answers_the_request__shows_its_expiry_and_no_signature() -> None:
    signed = sign_order(order_of(SETTLEMENT), oneinch_domain(), SigningKey(b"\x11" * 32))
    quote = FirmQuote(request=REQUEST, signed_order=signed)
    assert quote.expiration_s == NOW_S + 30
    assert signed.signature.r_bytes.hex() not in repr(quote)
    assert str(signed.signature.r) not in repr(quote)


@pytest.mark.parametrize(
    "changes",
    [
        {"taking_amount": 1},
        {"taking_amount": None, "making_amount": 1},
        {"maker_asset": USDC, "taker_asset": WETH},
    ],
)
def test_firm_quote__answers_something_else__raises(changes: dict[str, Any]) -> None:
    signed = sign_order(order_of(SETTLEMENT), oneinch_domain(), SigningKey(b"\x11" * 32))
    with pytest.raises(InvariantViolated, match="firm quote"):
        FirmQuote(request=replace(REQUEST, **changes), signed_order=signed)


def test_firm_quote__order_without_expiry__raises() -> None:
    order = replace(order_of(SETTLEMENT), maker_traits=0)
    with pytest.raises(InvariantViolated, match="never expires"):
        FirmQuote(request=REQUEST, signed_order=sign_order(order, oneinch_domain(), SigningKey(b"\x11" * 32)))


def test_price_level__rate__is_rounded_down_to_18_digits() -> None:
    level = PriceLevel(maker_asset=WETH, taker_asset=USDC, making_amount=10**18, taking_amount=3_000_000)
    assert level.making_per_taking_down == Decimal("0.333333333333333333")
    with pytest.raises(InvalidInput, match="takingAmount: expected at least 1"):
        replace(level, taking_amount=0)


def test_whole_tokens__largest_amount__keeps_every_digit() -> None:
    assert str(whole_tokens(2**256 - 1, USDC)).replace(".", "") == str(2**256 - 1)


def test_inventory__reserved_over_balance__has_nothing_free() -> None:
    assert Inventory(token=WETH, balance=5, reserved=3).free == 2
    assert Inventory(token=WETH, balance=3, reserved=5).free == 0
    with pytest.raises(InvalidInput, match="balance of WETH"):
        Inventory(token=WETH, balance=-1)


def test_decision__refusal__carries_code_and_detail() -> None:
    assert Decision.accept().accepted
    refused = Decision.refuse(RefusalReason.STALE_PRICE, "feed is 4,000 s old, expected at most 3,600 s")
    assert not refused.accepted
    assert refused.reason == "stale_price"
    with pytest.raises(InvalidInput, match="needs a detail"):
        Decision.refuse(RefusalReason.PAUSED, "")


def test_fill__amount_out_of_range__raises() -> None:
    with pytest.raises(InvalidInput, match="makingAmount"):
        Fill(
            order_hash=bytes(32),
            settled_by=SETTLEMENT,
            taker=SETTLEMENT,
            maker_asset=WETH,
            taker_asset=USDC,
            making_amount=-1,
            taking_amount=1,
            transaction_hash=bytes(32),
            block_number=1,
            block_timestamp_s=1,
        )


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "1970-01-01 00:00:00 UTC"), (253_402_300_799, "9999-12-31 23:59:59 UTC"),
     (2**40 - 1, "unix second 1099511627775, after the year 9999")],
)  # fmt: skip
def test_utc_text__any_uint40__is_readable(time_s: int, text: str) -> None:
    assert utc_text(time_s) == text


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(100, "now"), (101, "in 1 second"), (98, "2 seconds ago"), (190, "in 1.5 minutes"),
     (100 + 86_400, "in 1.0 days"), (100 + 7_200, "in 2.0 hours")],
)  # fmt: skip
def test_relative_text__distance__is_in_its_largest_unit(time_s: int, text: str) -> None:
    assert relative_text(time_s, 100) == text
