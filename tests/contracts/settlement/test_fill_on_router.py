"""Our orders on 1inch's own contract: what is filled, what is refused, what is cancelled, what may be pulled."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.addresses import ONEINCH_ROUTER
from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    MAKING,
    TAKING,
    Desk,
    lower,
    moved,
)

MAX_128 = 2**128 - 1
BAD_SIGNATURE = "0x5cd5d233"
BIT_INVALIDATED = "0xa4f62a96"


def _router_refusal(desk: Desk, router: Any, values: list[Any]) -> str:
    request = {
        "from": str(desk.taker.address),
        "to": ONEINCH_ROUTER,
        "data": router.fillContractOrder.encode_input(*values).to_0x_hex(),
    }
    with pytest.raises(desk.rpc_error) as refused:
        desk.rpc.call("eth_call", request, "latest")
    return str(refused.value.data)[:10]


def test_fill_contract_order__sound_order__moves_exactly_both_amounts(
    desk: Desk, router: Any, on_router: Any
) -> None:
    before = desk.balances(desk.settlement, desk.taker)
    router.fillContractOrder(*on_router(desk.order()), sender=desk.taker)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-MAKING, TAKING), (MAKING, -TAKING)]
    assert desk.base.allowance(desk.settlement, router) == 9 * MAKING


def test_fill_contract_order__part__is_1inchs_rounding(desk: Desk, router: Any, on_router: Any) -> None:
    values = on_router(desk.order(), 2_001, MAKER_AMOUNT)
    making, taking, _ = router.fillContractOrder.call(*values, sender=desk.taker)
    assert (making, taking) == (2_001, 2)
    assert desk.simulate(desk.order(), amount=2_001, taker_traits=MAKER_AMOUNT)[:2] == (2_001, 2)


def test_fill_contract_order__again__is_refused_by_1inch(desk: Desk, router: Any, on_router: Any) -> None:
    order = desk.order()
    router.fillContractOrder(*on_router(order), sender=desk.taker)
    assert _router_refusal(desk, router, on_router(order)) == BIT_INVALIDATED


@pytest.mark.parametrize("how", ["pauseSigner", "revokeSigner", "cancelAllLanes", "unregisterToken"])
def test_fill_contract_order__stopped_here__is_refused_there_in_the_same_block(
    desk: Desk, router: Any, on_router: Any, guardian: Any, how: str
) -> None:
    values = on_router(desk.order())
    subject = desk.base if how == "unregisterToken" else desk.key.address
    getattr(desk.settlement, how)(subject, sender=guardian)
    assert _router_refusal(desk, router, values) == BAD_SIGNATURE


def test_fill_contract_order__expired__is_refused(desk: Desk, router: Any, on_router: Any) -> None:
    values = on_router(desk.order(expiration_s=desk.now_s() - 10))
    assert _router_refusal(desk, router, values) == BAD_SIGNATURE


def test_cancel_on_router__one_nonce__is_dead_there_and_lives_here(
    desk: Desk, router: Any, on_router: Any, guardian: Any
) -> None:
    order = desk.order(nonce=300)
    desk.settlement.cancelOnRouter(order.maker_traits, order.digest(desk.router_domain), sender=guardian)
    assert router.bitInvalidatorForOrder(desk.settlement, 300) == 1 << (300 & 0xFF)
    assert _router_refusal(desk, router, on_router(order)) == BIT_INVALIDATED
    assert desk.simulate(order)[0] == MAKING


def test_cancel_mask_on_router__a_block_of_nonces__is_dead_there(
    desk: Desk, router: Any, on_router: Any, owner: Any
) -> None:
    order = desk.order(nonce=512)
    desk.settlement.cancelMaskOnRouter(order.maker_traits, 0b110, sender=owner)
    for nonce in (512, 513, 514):
        assert _router_refusal(desk, router, on_router(desk.order(nonce=nonce))) == BIT_INVALIDATED
    router.fillContractOrder(*on_router(desk.order(nonce=515)), sender=desk.taker)


def test_set_router_allowance__amount__is_exactly_that(desk: Desk, owner: Any) -> None:
    for amount in (5, MAX_128):
        receipt = desk.settlement.setRouterAllowance(desk.base, amount, sender=owner)
        assert desk.base.allowance(desk.settlement, ONEINCH_ROUTER) == amount
        (event,) = receipt.decode_logs(desk.settlement.RouterAllowanceSet)
        assert (event.token, event.amount) == (desk.base, amount)


def test_set_router_allowance__guardian__may_set_zero_alone(desk: Desk, owner: Any, guardian: Any) -> None:
    desk.settlement.setRouterAllowance(desk.base, 5, sender=owner)
    refusal = desk.refusal(desk.settlement.setRouterAllowance, desk.base, 4, sender=guardian)
    assert refusal == ("Unauthorised", lower(guardian))
    desk.settlement.setRouterAllowance(desk.base, 0, sender=guardian)
    assert desk.base.allowance(desk.settlement, ONEINCH_ROUTER) == 0


def test_set_router_allowance__unregistered_token__is_refused_but_for_zero(desk: Desk, owner: Any) -> None:
    token = owner.deploy(ape.project.MockOddToken)
    refusal = desk.refusal(desk.settlement.setRouterAllowance, token, 1, sender=owner)
    assert refusal == ("UnregisteredToken", int(token.address, 16))
    desk.settlement.setRouterAllowance(token, 0, sender=owner)
