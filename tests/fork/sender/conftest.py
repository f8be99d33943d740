"""A node with the offline mainnet, rolled back after every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pmm.chain.rpc import JsonRpc
from pmm.localnet.node import start


@pytest.fixture(scope="session")
def connection() -> Iterator[JsonRpc]:
    node = start(genuine=bool(os.environ.get("PMM_LOCALNET_GENUINE")))
    try:
        with node.rpc() as client:
            yield client
    finally:
        node.stop()


@pytest.fixture
def rpc(connection: JsonRpc) -> Iterator[JsonRpc]:
    snapshot = connection.call("evm_snapshot")
    base_fee = connection.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
    yield connection
    connection.call("evm_setAutomine", True)
    connection.call("anvil_dropAllTransactions")
    connection.call("evm_revert", snapshot)
    # A base fee that a test gave the next block outlives the way back.
    connection.call("anvil_setNextBlockBaseFeePerGas", base_fee)
