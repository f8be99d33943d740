"""1inch Limit Order Protocol v4 at the router's address: orders of ours fill, cancel and fail as on mainnet."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pmm.chain.abi import decode_result
from pmm.domain import (
    Address,
    FillFunction,
    MakerTraits,
    RfqOrder,
    SignedOrder,
    SigningKey,
    TakerTraits,
    address_from_bytes,
    encode_call,
    encode_fill,
    encode_hash_order,
    oneinch_domain,
    order_hash,
    sign_order,
)
from pmm.errors import ChainError
from pmm.localnet.addresses import ONEINCH_ROUTER, USDC, WETH
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from tests.fork.protocols.fixture_types import BalanceOf, Hold

_MAKING_WEI, _TAKING_USDC = 10**18, 2_700 * 10**6
_NONCE = 7 << 8 | 5
_EXACT_MAKING = TakerTraits(maker_amount=True)
_BAD_SIGNATURE, _EXPIRED, _INVALIDATED = "0x5cd5d233", "0xc56873ba", "0xa4f62a96"
_WORD = st.integers(1, 2**256 - 1)
_ADDRESS = st.binary(min_size=20, max_size=20).filter(any).map(address_from_bytes)


@pytest.fixture
def maker_key(chain: ChainBuilder) -> SigningKey:
    """A key made for this run, whose account sells WETH."""
    key = SigningKey(secrets.token_bytes(32))
    deal(chain.rpc, WETH, key.address, 10 * _MAKING_WEI)
    chain.transact(WETH, "approve(address,uint256)", ONEINCH_ROUTER, 2**256 - 1, sender=key.address)
    return key


@pytest.fixture
def order(chain: ChainBuilder, maker_key: SigningKey, hold: Hold) -> RfqOrder:
    """One WETH for USDC; the trader holds the USDC."""
    hold(USDC, 10 * _TAKING_USDC, spender=ONEINCH_ROUTER)
    now_s = int(chain.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    traits = MakerTraits.for_quote(lane=3, nonce=_NONCE, expiration_s=now_s + 600)
    return RfqOrder(
        salt=secrets.randbits(256),
        maker=maker_key.address,
        maker_asset=Address(WETH),
        taker_asset=Address(USDC),
        making_amount=_MAKING_WEI,
        taking_amount=_TAKING_USDC,
        maker_traits=traits.encode(),
    )


def _fill(chain: ChainBuilder, signed: SignedOrder, trader: str, amount: int = _MAKING_WEI) -> dict[str, Any]:
    data = encode_fill(signed, amount=amount, taker_traits=_EXACT_MAKING)
    return chain.send(ONEINCH_ROUTER, data, sender=trader)


def test_domain__at_the_router__is_version_six(chain: ChainBuilder) -> None:
    fields = chain.read(
        ONEINCH_ROUTER,
        "eip712Domain()",
        returns=("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"),
    )
    assert fields[1:5] == ("1inch Aggregation Router", "6", 1, ONEINCH_ROUTER.lower())


@pytest.mark.parametrize(
    "selector",
    [
        *("9fda64bd", "f497df75", "cc713a04", "56a75868", "b68fb020", "89e7c650", "05b1ea03", "c3cf8043"),
        *("0d2c7c16", "fcea9e4e", "ce3d710a", "143e86a7", "435b9789", "c2a40753", "802b2ef1", "bd61951d"),
        "5816d723",
    ],
)
def test_code__selectors_of_the_router__are_dispatched(chain: ChainBuilder, selector: str) -> None:
    # An unknown selector falls through to an empty revert in under a few hundred gas; the code compares
    # against each known one with PUSH4.
    assert bytes.fromhex("63" + selector) in chain.code(ONEINCH_ROUTER)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hash_order__any_order__equals_ours(chain: ChainBuilder, data: st.DataObject) -> None:
    order = RfqOrder(
        salt=data.draw(_WORD),
        maker=data.draw(_ADDRESS),
        receiver=data.draw(_ADDRESS),
        maker_asset=data.draw(_ADDRESS),
        taker_asset=data.draw(_ADDRESS),
        making_amount=data.draw(_WORD),
        taking_amount=data.draw(_WORD),
        maker_traits=data.draw(_WORD),
    )
    assert chain.call(ONEINCH_ROUTER, encode_hash_order(order)) == order_hash(order, oneinch_domain())


def test_fill_order__signed_by_the_maker__moves_both_assets_once(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str, balance: BalanceOf
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    usdc_before = balance(USDC, trader)

    _fill(chain, signed, trader)

    assert balance(WETH, trader) == _MAKING_WEI
    assert balance(WETH, maker_key.address) == 9 * _MAKING_WEI
    assert balance(USDC, maker_key.address) == _TAKING_USDC
    assert balance(USDC, trader) == usdc_before - _TAKING_USDC
    word = chain.read(ONEINCH_ROUTER, "bitInvalidatorForOrder(address,uint256)", maker_key.address, _NONCE)
    assert word == 1 << (_NONCE & 0xFF)
    with pytest.raises(ChainError, match=_INVALIDATED):
        _fill(chain, signed, trader)


def test_fill_order__of_a_part__rounds_the_taking_amount_up(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str, balance: BalanceOf
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    usdc_before = balance(USDC, trader)
    part_wei = _MAKING_WEI // 3

    _fill(chain, signed, trader, amount=part_wei)

    expected = -(-part_wei * _TAKING_USDC // _MAKING_WEI)
    assert usdc_before - balance(USDC, trader) == expected
    assert balance(WETH, trader) == part_wei


def test_fill_order__of_a_cancelled_order__reverts(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    cancel = encode_call("cancelOrder", order.maker_traits, signed.order_hash)
    chain.send(ONEINCH_ROUTER, cancel, sender=maker_key.address)
    with pytest.raises(ChainError, match=_INVALIDATED):
        _fill(chain, signed, trader)


def test_fill_order__signed_by_another_key__reverts(
    chain: ChainBuilder, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), SigningKey(secrets.token_bytes(32)))
    with pytest.raises(ChainError, match=_BAD_SIGNATURE):
        _fill(chain, signed, trader)


def test_fill_order__of_other_amounts_than_signed__reverts(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    with pytest.raises(ChainError, match=_BAD_SIGNATURE):
        _fill(chain, replace(signed, order=replace(order, taking_amount=1)), trader)


def test_fill_order__after_its_expiry__reverts(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    chain.rpc.call("evm_increaseTime", 601)
    with pytest.raises(ChainError, match=_EXPIRED):
        _fill(chain, signed, trader)


def test_fill_contract_order__maker_without_code__reverts(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    data = encode_fill(
        signed,
        amount=_MAKING_WEI,
        taker_traits=_EXACT_MAKING,
        function=FillFunction.FILL_CONTRACT_ORDER,
    )
    with pytest.raises(ChainError, match=_BAD_SIGNATURE):
        chain.send(ONEINCH_ROUTER, data, sender=trader)


def test_fill_order__answer__is_amounts_and_hash(
    chain: ChainBuilder, maker_key: SigningKey, order: RfqOrder, trader: str
) -> None:
    signed = sign_order(order, oneinch_domain(), maker_key)
    data = encode_fill(signed, amount=_MAKING_WEI, taker_traits=_EXACT_MAKING)
    answer = chain.call(ONEINCH_ROUTER, data, sender=trader)
    assert decode_result(("uint256", "uint256", "bytes32"), answer) == (
        _MAKING_WEI,
        _TAKING_USDC,
        signed.order_hash,
    )
