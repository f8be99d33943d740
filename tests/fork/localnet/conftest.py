"""A node of its own with the offline mainnet, rolled back after every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import keyless_account
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.builder import State, cached_state
from pmm.localnet.node import start
from pmm.localnet.placement import ChainBuilder


@pytest.fixture(scope="session")
def genuine() -> bool:
    """Whether the tests run on recorded mainnet code."""
    return bool(os.environ.get("PMM_LOCALNET_GENUINE"))


@pytest.fixture(scope="session")
def localnet(genuine: bool) -> Iterator[AnvilNode]:
    node = start(genuine=genuine)
    try:
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def state(localnet: AnvilNode, genuine: bool) -> State:
    found = cached_state(genuine=genuine)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def connection(localnet: AnvilNode) -> Iterator[JsonRpc]:
    with localnet.rpc() as client:
        yield client


@pytest.fixture
def rpc(connection: JsonRpc) -> Iterator[JsonRpc]:
    snapshot = connection.call("evm_snapshot")
    yield connection
    connection.call("evm_revert", snapshot)


@pytest.fixture
def chain(rpc: JsonRpc) -> Iterator[ChainBuilder]:
    with ChainBuilder(rpc) as builder:
        yield builder


@pytest.fixture
def trader() -> str:
    return keyless_account("localnet test trader")
