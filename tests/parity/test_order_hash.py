"""Python's digest equals the contracts' own ``hashOrder``, ours and 1inch's."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from pmm.chain.addresses import ONEINCH_ROUTER
from pmm.chain.rpc import JsonRpc
from pmm.domain import RfqOrder, encode_hash_order, oneinch_domain, order_hash, settlement_domain
from tests.unit.domain.order_strategies import orders

ORDERS = orders()
CHAIN_PROPERTY = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _on_chain(rpc: JsonRpc, contract: str, order: RfqOrder) -> bytes:
    call = {"to": contract, "data": "0x" + encode_hash_order(order).hex()}
    return bytes.fromhex(rpc.call("eth_call", call, "latest")[2:])


@CHAIN_PROPERTY
@given(order=ORDERS)
def test_order_hash__any_order__equals_hash_order_of_the_settlement(
    order: RfqOrder, settlement: Any, rpc: JsonRpc
) -> None:
    domain = settlement_domain(1, settlement.address)
    assert order_hash(order, domain) == _on_chain(rpc, settlement.address, order)


@CHAIN_PROPERTY
@given(order=ORDERS)
def test_order_hash__any_order__equals_hash_order_of_the_router(
    order: RfqOrder, rpc: JsonRpc, owner: Any
) -> None:
    assert order_hash(order, oneinch_domain(1)) == _on_chain(rpc, ONEINCH_ROUTER, order)


def test_order_hash__wrong_chain_or_contract__differs_from_the_chain(
    settlement: Any, owner: Any, rpc: JsonRpc
) -> None:
    order = RfqOrder(
        salt=1,
        maker=settlement.address,
        receiver=settlement.address,
        maker_asset=settlement.address,
        taker_asset=settlement.address,
        making_amount=1,
        taking_amount=1,
        maker_traits=0,
    )
    found = _on_chain(rpc, settlement.address, order)
    assert order_hash(order, settlement_domain(1, settlement.address)) == found
    assert order_hash(order, settlement_domain(10, settlement.address)) != found
    assert order_hash(order, settlement_domain(1, owner.address)) != found
