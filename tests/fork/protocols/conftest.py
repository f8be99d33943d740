"""A node with the offline mainnet on it, rolled back after every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.chain.abi import encode_arguments
from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import BUILDER, keyless_account
from pmm.localnet.artifacts import compile_contracts
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.node import start
from pmm.localnet.placement import ChainBuilder
from tests.fork.protocols.fixture_types import BalanceOf, DeployBorrower, Hold

_SOURCE = Path(__file__).parents[2] / "helpers" / "solidity" / "FlashBorrower.sol"


@pytest.fixture(scope="session")
def rpc() -> Iterator[JsonRpc]:
    node = start(genuine=bool(os.environ.get("PMM_LOCALNET_GENUINE")))
    try:
        with node.rpc() as client:
            # Builders end their impersonations; a nested one would end those of the test's own.
            client.call("anvil_autoImpersonateAccount", True)
            yield client
    finally:
        node.stop()


@pytest.fixture
def chain(rpc: JsonRpc) -> Iterator[ChainBuilder]:
    snapshot = rpc.call("evm_snapshot")
    with ChainBuilder(rpc) as builder:
        yield builder
    rpc.call("evm_revert", snapshot)


@pytest.fixture
def trader() -> str:
    return keyless_account("protocol test trader")


@pytest.fixture
def hold(chain: ChainBuilder, trader: str) -> Hold:
    """Let the trader hold so many base units of a token, and ``spender`` pull them."""

    def give(token: str, amount: int, *, spender: str) -> None:
        deal(chain.rpc, token, trader, amount)
        chain.transact(token, "approve(address,uint256)", spender, 2**256 - 1, sender=trader)

    return give


@pytest.fixture
def balance(chain: ChainBuilder) -> BalanceOf:
    """Read a token balance in base units."""
    return lambda token, account: balance_of(chain.rpc, token, account)


@pytest.fixture
def flash_borrower(chain: ChainBuilder) -> DeployBorrower:
    """Deploy a flash borrower; with ``repays=False`` it keeps the loan."""
    contract = f"{_SOURCE.name}:FlashBorrower"
    compiled = compile_contracts(
        solc="0.8.37",
        entries={_SOURCE.name: _SOURCE.read_text()},
        roots={},
        settings={"optimizer": {"enabled": True, "runs": 200}, "evmVersion": "paris"},
        contracts=[contract],
    )[contract]

    def deploy(*, repays: bool = True) -> str:
        return chain.create(compiled.creation(arguments=encode_arguments(["bool"], repays)), sender=BUILDER)

    return deploy
