"""What a signer process refuses, whoever asks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from pmm.domain import (
    USDC,
    WETH,
    Address,
    OrderDomain,
    RfqOrder,
    oneinch_domain,
    order_hash,
    settlement_domain,
)
from pmm.errors import InvalidInput
from pmm.signers.order_limits import OrderJudge, OrderLimits
from pmm.signers.protocol import SignRequest, decode_answer, decode_request, encode_error, encode_request
from tests.helpers.quoting import CHAIN_TIME_S, MAKER, TAKER, answered_quote

_OTHER = Address("0x" + "77" * 20)


@cache
def good_order() -> tuple[RfqOrder, OrderDomain]:
    """Return an order that the desk has made."""
    signed = answered_quote().firm.signed_order
    return signed.order, signed.domain


def limits(**changes: Any) -> OrderLimits:
    """Return limits that let the good order pass."""
    own, router = settlement_domain(1, MAKER), oneinch_domain(1)
    base = OrderLimits(
        chain_id=1,
        maker=MAKER,
        verifying_contracts={domain.name: domain.verifying_contract for domain in (own, router)},
        most_per_order={USDC.address: 5_000 * 10**6},
    )
    return replace(base, **changes)


def judge(request: SignRequest, **changes: Any) -> bytes:
    return OrderJudge(limits(**changes)).judge(request, now_s=CHAIN_TIME_S, monotonic_s=1.0)


def ask(order: RfqOrder, domain: OrderDomain, digest: bytes | None = None) -> SignRequest:
    return SignRequest(order=order, domain=domain, digest=digest or order_hash(order, domain))


def test_judge__order_of_the_desk__gives_the_digest() -> None:
    order, domain = good_order()
    assert judge(ask(order, domain)) == order_hash(order, domain)
    assert judge(ask(order, oneinch_domain(1))) == order_hash(order, oneinch_domain(1))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"maker": _OTHER}, "maker"),
        ({"receiver": TAKER}, "receiver"),
        ({"maker_asset": WETH.address, "taker_asset": USDC.address}, "makerAsset"),
        ({"making_amount": 5_000 * 10**6 + 1}, "makingAmount"),
        ({"maker_traits": 0}, "expiry"),
    ],
)
def test_judge__order_beyond_a_limit__is_refused_by_name(change: dict[str, Any], name: str) -> None:
    order, domain = good_order()
    with pytest.raises(InvalidInput, match=name):
        judge(ask(replace(order, **change), domain))


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        (settlement_domain(10, MAKER), "chainId"),
        (settlement_domain(1, _OTHER), "verifyingContract"),
        (oneinch_domain(1, _OTHER), "verifyingContract"),
        (OrderDomain(name="Permit2", version="1", chain_id=1, verifying_contract=MAKER), "domain"),
    ],
)
def test_judge__foreign_domain__is_refused(domain: OrderDomain, name: str) -> None:
    order, _ = good_order()
    with pytest.raises(InvalidInput, match=name):
        judge(ask(order, domain))


def test_judge__digest_of_something_else__is_refused() -> None:
    order, domain = good_order()
    with pytest.raises(InvalidInput, match="digest"):
        judge(ask(order, domain, digest=b"\x07" * 32))
    # The version is part of the digest: one that the contract does not have gives another.
    odd = OrderDomain(name=domain.name, version="2", chain_id=1, verifying_contract=MAKER)
    with pytest.raises(InvalidInput, match="digest"):
        judge(ask(order, odd, digest=order_hash(order, domain)))


def test_judge__order_that_anybody_may_fill__is_refused() -> None:
    order, domain = good_order()
    for_all = replace(order, maker_traits=order.maker_traits >> 80 << 80)
    with pytest.raises(InvalidInput, match="allowedSender"):
        judge(ask(for_all, domain))


@pytest.mark.parametrize("now_s", [CHAIN_TIME_S - 300, CHAIN_TIME_S + 3_600])
def test_judge__expiry_too_far_or_past__is_refused(now_s: int) -> None:
    order, domain = good_order()
    with pytest.raises(InvalidInput, match="expiry"):
        OrderJudge(limits()).judge(ask(order, domain), now_s=now_s, monotonic_s=1.0)


def test_judge__hourly_sum__is_refused_and_comes_back() -> None:
    order, domain = good_order()
    hourly = {USDC.address: order.making_amount * 2 + 1}
    found = OrderJudge(limits(most_per_hour=hourly))
    for second in (1.0, 2.0):
        found.judge(ask(order, domain), now_s=CHAIN_TIME_S, monotonic_s=second)
    with pytest.raises(InvalidInput, match="an hour"):
        found.judge(ask(order, domain), now_s=CHAIN_TIME_S, monotonic_s=3_600.9)
    found.judge(ask(order, domain), now_s=CHAIN_TIME_S, monotonic_s=3_601.1)


def test_judge__too_many_a_second__is_refused() -> None:
    order, domain = good_order()
    found = OrderJudge(limits(per_s=2))
    for _ in range(2):
        found.judge(ask(order, domain), now_s=CHAIN_TIME_S, monotonic_s=10.0)
    with pytest.raises(InvalidInput, match="rate"):
        found.judge(ask(order, domain), now_s=CHAIN_TIME_S, monotonic_s=10.0)


def test_request__there_and_back__is_the_same() -> None:
    order, domain = good_order()
    found = decode_request(encode_request(order, domain, order_hash(order, domain)))
    assert (found.order, found.domain, found.digest) == (order, domain, order_hash(order, domain))


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"null", b"[" * 5_000, b'{"digest":"0x00"}', b'{"sign":"0x07"}', b"\xff"],
)
def test_decode_request__anything_else__is_refused(line: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_request(line)


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b'{"signature": 1}', b'{"signature": "0x12"}'])
def test_decode_answer__no_signature__is_refused(line: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_answer(line)


def test_decode_answer__error__gives_the_reason() -> None:
    with pytest.raises(InvalidInput, match="the signer refused: too much"):
        decode_answer(encode_error("too much"))
