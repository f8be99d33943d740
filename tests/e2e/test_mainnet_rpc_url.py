"""The contract tests on an endpoint that nothing tells apart from a real one: a second anvil."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pmm.localnet.addresses import MARKER
from pmm.localnet.node import start

# One file per contract and the digests: the whole suite runs on the offline mainnet in the same CI run.
FILES = (
    "tests/parity",
    "tests/contracts/settlement/test_fill_order.py",
    "tests/contracts/hedger/test_fund_fill.py",
)


def _ape_test(url: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PMM_UPSTREAM_RPC_URL"}
    return subprocess.run(
        [
            Path(sys.executable).with_name("ape"),
            "test",
            *FILES,
            "--network",
            "ethereum:mainnet-fork:foundry",
            "-q",
            "--tb=line",
        ],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**environment, "MAINNET_RPC_URL": url},
    )


def test_contract_tests__second_anvil_as_mainnet_rpc_url__pass() -> None:
    with start() as node:
        with node.rpc() as rpc:
            rpc.call("anvil_setStorageAt", MARKER, "0x" + "00" * 32, "0x" + "00" * 32)
            block = rpc.call("eth_blockNumber")
        outcome = _ape_test(node.url)
        assert outcome.returncode == 0, outcome.stdout[-2000:]
        assert " passed" in outcome.stdout
        assert " skipped" not in outcome.stdout
        with node.rpc() as rpc:
            assert rpc.call("eth_blockNumber") == block, "the endpoint was written to"


def test_contract_tests__dead_mainnet_rpc_url__fail() -> None:
    outcome = _ape_test("http://127.0.0.1:9")
    assert outcome.returncode != 0
    assert "passed" not in outcome.stdout
    assert "is the endpoint that it forks alive?" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("path", FILES)
def test_files__each__exists(path: str) -> None:
    assert (Path(__file__).parents[2] / path).exists()
