"""Our digest against eth-account's, and proof that the comparison can fail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import Phase, given, settings

from pmm.domain import (
    ORDER_TYPEHASH,
    OrderDomain,
    RfqOrder,
    oneinch_domain,
    order_hash,
    settlement_domain,
    typed_data,
)
from pmm.domain.eip712 import ORDER_TYPE
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import domains, orders
from tests.unit.domain.test_orders import MAKER, ORDER

HashFunction = Callable[[RfqOrder, OrderDomain], bytes]


def _eth_account_hash(order: RfqOrder, domain: OrderDomain) -> bytes:
    signable = encode_typed_data(full_message=typed_data(order, domain))
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def _check_hash_property(
    hash_function: HashFunction, examples: int, phases: Collection[Phase] = tuple(Phase)
) -> None:
    @settings(max_examples=examples, database=None, derandomize=True, deadline=None, phases=phases)
    @given(orders(), domains())
    def equals_eth_account(order: RfqOrder, domain: OrderDomain) -> None:
        assert hash_function(order, domain) == _eth_account_hash(order, domain)

    equals_eth_account()


def test_order_hash__any_order_and_domain__equals_eth_account() -> None:
    _check_hash_property(order_hash, examples=150)


def _swapped_assets(order: RfqOrder, domain: OrderDomain) -> bytes:
    return order_hash(replace(order, maker_asset=order.taker_asset, taker_asset=order.maker_asset), domain)


def _receiver_defaulted(order: RfqOrder, domain: OrderDomain) -> bytes:
    return order_hash(replace(order, receiver=order.maker), domain)


def _without_prefix(order: RfqOrder, domain: OrderDomain) -> bytes:
    return keccak(domain.separator + keccak(ORDER_TYPEHASH + order.encode()))


def _solidity_type_string(order: RfqOrder, domain: OrderDomain) -> bytes:
    typehash = keccak(text=ORDER_TYPE.replace("address ", "uint256 "))
    return keccak(domain.prefix + keccak(typehash + order.encode()))


def _ignores_chain_id(order: RfqOrder, domain: OrderDomain) -> bytes:
    return order_hash(order, replace(domain, chain_id=1))


def _truncated_traits(order: RfqOrder, domain: OrderDomain) -> bytes:
    return order_hash(replace(order, maker_traits=order.maker_traits % 2**255), domain)


@pytest.mark.parametrize(
    "mutant",
    [
        _swapped_assets,
        _receiver_defaulted,
        _without_prefix,
        _solidity_type_string,
        _ignores_chain_id,
        _truncated_traits,
    ],
)
def test_hash_property__planted_fault__is_found(mutant: HashFunction) -> None:
    with pytest.raises(AssertionError):
        _check_hash_property(mutant, examples=50, phases=(Phase.generate,))  # finding is enough, no shrinking


def test_typehash__of_the_type_string__is_the_published_one() -> None:
    assert ORDER_TYPEHASH.hex() == "3af21ec5a20011b88d3b7b4ed7c806cef05a5980cf34974bcd53566a131f7e4c"


def test_oneinch_domain__mainnet__has_the_deployed_separator() -> None:
    assert (
        oneinch_domain().separator.hex() == "d999e213f11c7bfa3e796c3409e316f25e02aa3e25e5c207a92e381c7d22b6de"
    )
    assert not oneinch_domain().is_own


def test_order_hash__other_chain_contract_name_or_version__differs() -> None:
    base = oneinch_domain()
    others = [
        replace(base, chain_id=10),
        replace(base, verifying_contract=MAKER),
        replace(base, name="1inch Limit Order Protocol"),
        replace(base, version="5"),
        settlement_domain(1, base.verifying_contract),
    ]
    assert len({order_hash(ORDER, domain) for domain in (base, *others)}) == 6


@pytest.mark.parametrize("bit", [0, 79, 80, 119, 120, 160, 200, 246, 255])
def test_order_hash__one_bit_of_traits_flipped__differs(bit: int) -> None:
    flipped = replace(ORDER, maker_traits=ORDER.maker_traits ^ 1 << bit)
    assert order_hash(flipped, oneinch_domain()) != order_hash(ORDER, oneinch_domain())


def test_domain__wrong_contract_or_chain__raises() -> None:
    with pytest.raises(InvalidInput, match="verifyingContract: expected an address"):
        settlement_domain(1, "0x12")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="chainId"):
        oneinch_domain(-1)
