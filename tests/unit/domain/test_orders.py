from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given

from pmm.domain import UINT256_MAX, USDC, WETH, ZERO_ADDRESS, Address, RfqOrder, parse_address
from pmm.errors import InvalidInput
from tests.unit.domain.order_strategies import orders

MAKER = parse_address("0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a")
ORDER = RfqOrder(
    salt=1,
    maker=MAKER,
    maker_asset=WETH.address,
    taker_asset=USDC.address,
    making_amount=10**18,
    taking_amount=2_500_000_000,
    maker_traits=0,
)


@given(orders())
def test_encode__any_order__equals_eth_abi(order: RfqOrder) -> None:
    types = ["uint256", "address", "address", "address", "address", "uint256", "uint256", "uint256"]
    values = [getattr(order, name) for name in RfqOrder.__slots__]
    assert order.encode() == encode(types, values)


@given(orders())
def test_from_dict__of_to_dict__is_the_order(order: RfqOrder) -> None:
    assert RfqOrder.from_dict(order.to_dict()) == order


def test_from_dict__hex_numbers_lower_case_and_no_receiver__is_the_order() -> None:
    record = {
        "salt": "0x1",
        "maker": MAKER.lower(),
        "makerAsset": WETH.address.lower(),
        "takerAsset": USDC.address.lower(),
        "makingAmount": hex(10**18),
        "takingAmount": "2500000000",
        "makerTraits": "0x0",
        "extra": object(),
    }
    assert RfqOrder.from_dict(record) == ORDER


@pytest.mark.parametrize(
    "name", ["salt", "maker", "makerAsset", "takerAsset", "makingAmount", "takingAmount"]
)
def test_from_dict__field_missing__raises_and_names_it(name: str) -> None:
    record = ORDER.to_dict()
    del record[name]
    with pytest.raises(InvalidInput, match=f"order: missing {name}"):
        RfqOrder.from_dict(record)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("making_amount", 0, "makingAmount: expected at least 1 base unit, found 0"),
        ("taking_amount", 0, "takingAmount: expected at least 1 base unit, found 0"),
        ("making_amount", -1, "makingAmount: expected a number >= 0"),
        ("taking_amount", UINT256_MAX + 1, "takingAmount: expected at most 256 bits"),
        ("salt", UINT256_MAX + 1, "salt: expected at most 256 bits"),
        ("salt", -1, "salt: expected a number >= 0"),
        ("maker_traits", UINT256_MAX + 1, "makerTraits: expected at most 256 bits"),
        ("making_amount", 1.0, "makingAmount: expected an integer"),
        ("making_amount", True, "makingAmount: expected an integer"),
        ("maker", ZERO_ADDRESS, "maker: expected an address, found the zero address"),
        ("maker_asset", ZERO_ADDRESS, "makerAsset: expected an address"),
        ("taker_asset", Address("WETH"), "takerAsset: expected an address"),
        ("receiver", Address(WETH.address.swapcase()), "receiver: expected an address|wrong EIP-55"),
    ],
)
def test_order__field_out_of_range__raises_and_names_it(field: str, value: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(ORDER, **{field: value})


def test_order__assignment__raises() -> None:
    with pytest.raises(FrozenInstanceError):
        ORDER.salt = 2  # type: ignore[misc]
