"""One fork with our contracts deployed by the Ape scripts; every test starts from the same block."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.deployments import load_deployment
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, parse_address
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.node import make_present
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.upstream import upstream
from tests.fork.server.site import INVENTORY, TAKER, Deployed, Server, approve_all, serving

_NETWORK = "ethereum:mainnet-fork:foundry"


def _deploy(url: str, source: str, record: Path) -> None:
    ape = str(Path(sys.executable).with_name("ape"))
    allowances = [f"--router-allowance={token}={amount}" for token, amount in INVENTORY.items()]
    scripts: tuple[tuple[str, list[str]], ...] = (("settlement", allowances),)
    for script, options in scripts:
        done = subprocess.run(
            [ape, "run", "deploy", script, "--network", _NETWORK, "--record", str(record), *options],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "APE_FOUNDRY_HOST": url, "PMM_UPSTREAM_RPC_URL": source},
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def desk_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    record = tmp_path_factory.mktemp("deployment") / "record.json"
    with upstream(any_port=True) as source, AnvilNode(fork_url=source) as node, JsonRpc(node.url) as rpc:
        _deploy(node.url, source, record)
        settlement = load_deployment(record).address("RfqSettlement")
        call = {"to": settlement, "data": "0x" + encode_call("owner()").hex()}
        answer = bytes.fromhex(rpc.call("eth_call", call, "latest")[2:])
        owner = parse_address(decode_result(("address",), answer)[0])
        deployed = Deployed(rpc=rpc, record=record, settlement=settlement, owner=owner)
        for token, amount in INVENTORY.items():
            deal(rpc, token, settlement, amount)
        for asset, amount in ((WETH.address, 10**21), (USDC.address, 10**13), (NATIVE, 10**20)):
            deal(rpc, asset, TAKER, amount)
        with ChainBuilder(rpc) as chain:
            approve_all(chain, deployed)
        make_present(node.url)
        yield deployed


@pytest.fixture
def deployed(desk_node: Deployed) -> Iterator[Deployed]:
    snapshot = desk_node.rpc.call("evm_snapshot")
    yield desk_node
    desk_node.rpc.call("evm_revert", snapshot)
    make_present(desk_node.rpc.url)


@pytest.fixture
def chain(deployed: Deployed) -> Iterator[ChainBuilder]:
    with ChainBuilder(deployed.rpc) as builder:
        yield builder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def server(deployed: Deployed, journal: Path) -> Iterator[Server]:
    with serving(deployed, journal) as running:
        yield running
