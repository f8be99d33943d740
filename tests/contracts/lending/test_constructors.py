"""What the constructors fix, and what they refuse."""

from __future__ import annotations

from typing import Any

import ape
import pytest

from pmm.chain.rpc import JsonRpc, RpcError
from pmm.localnet.addresses import (
    AAVE_POOL,
    COMPOUND_CETH,
    COMPOUND_COMPTROLLER,
    MORPHO,
    ONEINCH_ROUTER,
    UNISWAP_V3_FACTORY,
    USDC,
    WETH,
)
from pmm.localnet.protocols.aave_reserves import RESERVES
from tests.contracts.lending.desk_fixtures import FLOOR_BPS

CODELESS = "0x00000000000000000000000000000000000000aA"


def creation_error(rpc: JsonRpc, contract: Any, arguments: list[Any], sender: Any) -> bytes:
    """Return the revert data of a creation."""
    creation = contract.constructor.serialize_transaction(*arguments)
    with pytest.raises(RpcError) as refused:
        rpc.call("eth_call", {"from": sender.address, "data": "0x" + bytes(creation.data).hex()}, "latest")
    return bytes.fromhex((refused.value.data or "0x")[2:])


def test_lending_account__getters__are_what_was_given(account: Any, desk: Any) -> None:
    names = ("SETTLEMENT", "AAVE_V3_POOL", "COMPOUND_COMPTROLLER", "COMPOUND_CETH", "WETH")
    given = [desk.address, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH]
    assert [getattr(account, name)() for name in names] == given
    assert account.AAVE_WETH_DEBT() == RESERVES[0].variable_debt_token


@pytest.mark.parametrize("position", range(5))
def test_lending_account__codeless_address__reverts(
    position: int, desk: Any, rpc: JsonRpc, owner: Any, error_types: Any
) -> None:
    arguments = [desk.address, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, FLOOR_BPS]
    arguments[position] = CODELESS
    data = creation_error(rpc, ape.project.LendingAccount, arguments, owner)
    assert error_types[data[:4]][0] == "NotAContract"
    assert int.from_bytes(data[4:], "big") == int(CODELESS, 16)


@pytest.mark.parametrize("floor_bps", [0, 10_000, 65_536])
def test_lending_account__floor_out_of_range__reverts(
    floor_bps: int, desk: Any, rpc: JsonRpc, owner: Any, error_types: Any
) -> None:
    arguments = [desk.address, AAVE_POOL, COMPOUND_COMPTROLLER, COMPOUND_CETH, WETH, floor_bps]
    assert (
        error_types[creation_error(rpc, ape.project.LendingAccount, arguments, owner)[:4]][0]
        == "InvalidFloor"
    )


def test_delta_hedger__getters__are_what_was_given(delta: Any, account: Any, desk: Any) -> None:
    names = (
        "SETTLEMENT",
        "LENDING_ACCOUNT",
        "UNISWAP_V3_FACTORY",
        "MORPHO_BLUE",
        "ONEINCH_ROUTER",
        "UNIT_TOKEN",
    )
    given = [desk.address, account.address, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC]
    assert [getattr(delta, name)() for name in names] == given


@pytest.mark.parametrize("position", range(6))
def test_delta_hedger__codeless_address__reverts(
    position: int, desk: Any, account: Any, rpc: JsonRpc, owner: Any, error_types: Any
) -> None:
    arguments = [desk.address, account.address, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC]
    arguments[position] = CODELESS
    data = creation_error(rpc, ape.project.DeltaHedger, arguments, owner)
    assert error_types[data[:4]][0] == "NotAContract"


def test_delta_hedger__account_of_another_settlement__reverts(
    account: Any, rpc: JsonRpc, owner: Any, error_types: Any
) -> None:
    other = owner.deploy(ape.project.MockDesk, owner, owner, owner, owner)
    arguments = [other.address, account.address, UNISWAP_V3_FACTORY, MORPHO, ONEINCH_ROUTER, USDC]
    data = creation_error(rpc, ape.project.DeltaHedger, arguments, owner)
    assert error_types[data[:4]][0] == "ForeignAccount"
