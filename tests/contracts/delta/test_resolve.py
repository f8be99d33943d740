"""A taker-signed order on the genuine 1inch contract, filled out of its own maker asset."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from pmm.chain.abi import encode_call, selector
from pmm.domain import USDC as USDC_TOKEN
from pmm.domain import WETH as WETH_TOKEN
from pmm.domain import RfqOrder, SignedOrder, SigningKey, oneinch_domain, sign_order
from pmm.localnet.addresses import ONEINCH_ROUTER, USDC, WETH
from tests.contracts.delta.positions import FEE_PIPS
from tests.contracts.lending.desk_fixtures import ONE_WETH

PROFIT = 5 * 10**6
_ORDER = "(" + ",".join(["uint256"] * 8) + ")"
_FILL = f"fillOrderArgs({_ORDER},bytes32,bytes32,uint256,uint256,bytes)"


def words(signed: SignedOrder) -> tuple[int, ...]:
    """Return the eight words of an order."""
    raw = signed.order.encode()
    return tuple(int.from_bytes(raw[i : i + 32], "big") for i in range(0, 256, 32))


def resolve_call(signed: SignedOrder, minimum_profit: int, **changes: Any) -> tuple[Any, ...]:
    """Return the arguments of `resolve`."""
    terms = {"amount": signed.order.making_amount, "extension": b"", "fee": FEE_PIPS} | changes
    return (
        words(signed),
        signed.signature.r_bytes,
        signed.signature.vs_bytes,
        terms["amount"],
        terms["extension"],
        terms["fee"],
        minimum_profit,
    )


@pytest.fixture
def user() -> SigningKey:
    """Somebody who sells 2 WETH on 1inch."""
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture
def signed(user: SigningKey, deal: Any, builder: Any, desk: Any) -> Callable[..., SignedOrder]:
    """Sign a sale of 2 WETH that leaves about ``room`` USDC between Chainlink's value and what is asked."""

    def _sign(room: int = 60 * 10**6) -> SignedOrder:
        making = 2 * ONE_WETH
        deal(WETH, user.address, making)
        builder.transact(WETH, "approve(address,uint256)", ONEINCH_ROUTER, making, sender=user.address)
        order = RfqOrder(
            salt=secrets.randbits(200) << 40,
            maker=user.address,
            maker_asset=WETH_TOKEN.address,
            taker_asset=USDC_TOKEN.address,
            making_amount=making,
            taking_amount=desk.fairTakingAmount(WETH, USDC, making) - room,
            maker_traits=0,
        )
        return sign_order(order, oneinch_domain(), user)

    return _sign


def test_resolve__price_better_than_asked__pays_the_user_and_sends_the_profit_to_the_desk(
    delta: Any, operator: Any, signed: Any, user: SigningKey, desk: Any, balance_of: Any, nothing_stays: Any
) -> None:
    order = signed()
    before = balance_of(USDC, desk)
    delta.resolve(*resolve_call(order, PROFIT), sender=operator)
    assert balance_of(USDC, user.address) == order.order.taking_amount
    assert balance_of(WETH, user.address) == 0
    assert balance_of(USDC, desk) - before >= PROFIT
    nothing_stays()


def test_resolve__a_part__fills_that_part(
    delta: Any, operator: Any, signed: Any, user: SigningKey, balance_of: Any, nothing_stays: Any
) -> None:
    order = signed()
    delta.resolve(*resolve_call(order, 1, amount=ONE_WETH), sender=operator)
    # 1inch rounds the taking amount up.
    assert balance_of(USDC, user.address) == (order.order.taking_amount + 1) // 2
    assert balance_of(WETH, user.address) == ONE_WETH
    nothing_stays()


def test_resolve__profit_below_the_minimum__reverts(
    delta: Any, operator: Any, signed: Any, refusal_of: Any, user: SigningKey, balance_of: Any
) -> None:
    order = signed()
    error = refusal_of(delta.resolve, *resolve_call(order, 100 * 10**6), sender=operator)
    assert error[0] == "ProfitTooLow"
    assert error[2] == order.order.taking_amount + 100 * 10**6
    assert balance_of(WETH, user.address) == 2 * ONE_WETH


def test_resolve__profit_of_exactly_the_minimum__fills_and_one_more_does_not(
    delta: Any, operator: Any, signed: Any, refusal_of: Any
) -> None:
    order = signed()
    bought = refusal_of(delta.resolve, *resolve_call(order, 10**9), sender=operator)[1]
    exactly = bought - order.order.taking_amount
    refused = refusal_of(delta.resolve, *resolve_call(order, exactly + 1), sender=operator)
    assert refused[0] == "ProfitTooLow"
    delta.resolve(*resolve_call(order, exactly), sender=operator)


def test_resolve__asks_more_than_the_pool_gives__reverts_without_minimum_too(
    delta: Any, operator: Any, signed: Any, refusal_of: Any
) -> None:
    error = refusal_of(delta.resolve, *resolve_call(signed(-60 * 10**6), 0), sender=operator)
    assert error[0] == "ProfitTooLow"


def test_resolve__donations_before__neither_count_as_profit_nor_stay(
    delta: Any, operator: Any, signed: Any, refusal_of: Any, deal: Any, desk: Any, balance_of: Any
) -> None:
    deal(USDC, delta, 500 * 10**6)
    order = signed()
    assert refusal_of(delta.resolve, *resolve_call(order, 400 * 10**6), sender=operator)[0] == "ProfitTooLow"
    before = balance_of(USDC, desk)
    delta.resolve(*resolve_call(order, PROFIT), sender=operator)
    assert balance_of(USDC, delta) == 0
    assert balance_of(USDC, desk) - before >= 500 * 10**6 + PROFIT


def test_resolve__an_order_already_filled__reverts(delta: Any, operator: Any, signed: Any, rpc: Any) -> None:
    order = signed()
    delta.resolve(*resolve_call(order, PROFIT), sender=operator)
    request = {
        "from": operator.address,
        "to": delta.address,
        "data": delta.resolve.encode_input(*resolve_call(order, PROFIT)).to_0x_hex(),
        "gas": hex(2_000_000),
    }
    receipt = rpc.call("eth_sendTransactionSync", request)
    assert receipt["status"] == "0x0"


def test_resolve__pool_that_does_not_exist__reverts(
    delta: Any, operator: Any, signed: Any, refusal_of: Any
) -> None:
    error = refusal_of(delta.resolve, *resolve_call(signed(), 1, fee=501), sender=operator)
    assert error == ("PoolNotFound", WETH.lower(), USDC.lower(), 501)


def test_taker_interaction__strangers_fill_that_names_the_hedger__reverts(
    delta: Any, stranger: Any, signed: Any, rpc: Any, deal: Any, builder: Any
) -> None:
    order = signed()
    deal(USDC, stranger, order.order.taking_amount)
    builder.transact(
        USDC, "approve(address,uint256)", ONEINCH_ROUTER, order.order.taking_amount, sender=stranger.address
    )
    interaction = bytes.fromhex(delta.address[2:]) + FEE_PIPS.to_bytes(32, "big") + bytes(32)
    traits = 1 << 255 | len(interaction) << 200
    arguments = (words(order), order.signature.r_bytes, order.signature.vs_bytes, 2 * ONE_WETH, traits)
    data = encode_call(_FILL, *arguments, interaction)
    request = {
        "from": stranger.address,
        "to": ONEINCH_ROUTER,
        "data": "0x" + data.hex(),
        "gas": hex(2_000_000),
    }
    trace = rpc.call("eth_sendTransactionSync", request)
    assert trace["status"] == "0x0"
    # The same fill without the interaction goes through: it is the hedger that refuses.
    data = encode_call(_FILL, *arguments[:-1], 1 << 255, b"")
    assert rpc.call("eth_sendTransactionSync", request | {"data": "0x" + data.hex()})["status"] == "0x1"


def test_taker_interaction__selector__is_1inchs(delta: Any) -> None:
    method = next(m for m in delta.contract_type.mutable_methods if m.name == "takerInteraction")
    assert selector(method.selector).hex() == "adf38ba1"
