"""Nodes start, are found, are stopped, and never outlive who started them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmm.chain.rpc import JsonRpc, NodeUnreachable
from pmm.cli.localnet import app
from pmm.errors import SetupError
from pmm.localnet import node
from pmm.localnet.anvil import AnvilNode, free_port, port_in_use
from pmm.localnet.feeds import START_PRICES_USD
from tests.helpers.processes import alive, descendants, wait_until_gone

_PARENT = """
import sys, time
from pmm.localnet.anvil import AnvilNode
node = AnvilNode(port=int(sys.argv[1])).start()
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Yield a free port whose records lie in a folder of the test; whatever runs there is stopped."""
    monkeypatch.setattr("pmm.localnet.node.project_root", lambda: tmp_path)
    number = free_port()
    yield number
    node.down(number)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_child_node__parent_ends_in_any_way__ends_too(end: signal.Signals) -> None:
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(port)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        children = descendants(parent.pid)
        assert children
        parent.send_signal(end)
    assert wait_until_gone(children, 10) == set()
    assert not port_in_use(port)


def test_child_node__stop__leaves_no_process_and_no_listener() -> None:
    with AnvilNode() as child:
        port = child.port
        children = descendants(child.pid) | {child.pid}
        with child.rpc() as rpc:
            assert rpc.call("eth_chainId") == "0x1"
    assert alive(children) == set()
    assert not port_in_use(port)
    child.stop()  # a second time is harmless


def test_child_node__anvil_dies__rpc_reports_it_unreachable() -> None:
    with AnvilNode() as child, child.rpc() as rpc:
        for pid in descendants(child.pid):
            with contextlib.suppress(ProcessLookupError):  # one ends with another
                os.kill(pid, signal.SIGKILL)
        child.wait()
        with pytest.raises(NodeUnreachable, match="check that the node runs"):
            rpc.call("eth_chainId")


def test_up__twice__finds_the_first_and_down_ends_it(port: int, genuine: bool) -> None:
    first = node.up(port, genuine=genuine)
    second = node.up(port, genuine=genuine)
    assert (first.started, second.started) == (True, False)
    assert first.pid == second.pid
    assert node.ensure_up(port, genuine) == first.url
    assert node.down(port) is True
    assert not port_in_use(port)
    assert node.down(port) is False


def test_up__other_kind_is_running__is_refused_with_the_remedy(port: int, genuine: bool) -> None:
    node.up(port, genuine=genuine)
    with pytest.raises(SetupError, match=r"stop it with `pmm localnet down` or choose another --port"):
        node.up(port, genuine=not genuine)


def test_up__port_has_an_anvil_of_somebody_else__says_what_it_found(port: int) -> None:
    with AnvilNode(port=port), pytest.raises(SetupError, match=r"found anvil/.* did not start"):
        node.up(port)


def test_running_node__port_taken_over_by_another_chain__is_not_ours(port: int, genuine: bool) -> None:
    running = node.up(port, genuine=genuine)
    node.down(port)
    with AnvilNode(port=port) as other:
        node._write_record(replace(running, pid=other.pid))
        assert node.running_node(port) is None
        assert node.down(port) is False
        assert port_in_use(port)


def test_reset__after_changes__brings_the_first_state_back(port: int, genuine: bool) -> None:
    kind = ["--genuine"] if genuine else []
    runner = CliRunner()
    assert runner.invoke(app, ["up", "--port", str(port), *kind]).exit_code == 0
    assert runner.invoke(app, ["price", "ETH", "4000", "--port", str(port)]).exit_code == 0
    assert runner.invoke(app, ["reset", "--port", str(port)]).exit_code == 0
    status = json.loads(runner.invoke(app, ["status", "--json", "--port", str(port)]).output)
    assert {feed["asset"]: Decimal(feed["priceUsd"]) for feed in status["feeds"]} == START_PRICES_USD
    assert status["genuine"] is genuine


def test_status__running__lists_every_contract_with_hash_and_evidence(port: int, genuine: bool) -> None:
    node.up(port, genuine=genuine)
    answer = CliRunner().invoke(app, ["status", "--json", "--port", str(port)])
    assert answer.exit_code == 0
    status = json.loads(answer.output)
    assert (status["running"], status["chainId"], status["genuine"]) == (True, 1, genuine)
    wanted = {"protocol", "name", "address", "package", "version", "codehash", "evidence", "method"}
    for contract in status["contracts"]:
        assert wanted <= set(contract)
        assert len(contract["codehash"]) == 66
        assert contract["evidence"] in ("proven", "published", "compiled", "stand-in")
    protocols = {contract["protocol"] for contract in status["contracts"]}
    assert protocols >= {
        *("Tokens", "Multicall", "Permit2", "Uniswap V2", "Uniswap V3", "Uniswap V4", "Chainlink"),
        *("1inch", "Balancer V2", "Morpho Blue", "Aave V3", "Compound V2"),
    }
    text = CliRunner().invoke(app, ["status", "--port", str(port)])
    assert text.exit_code == 0
    assert "0x111111125421cA6dc452d289314280a0f8842A65" in text.output


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_up_foreground__interrupted__ends_the_node(end: signal.Signals, genuine: bool) -> None:
    port = free_port()
    command = [sys.executable, "-m", "pmm", "localnet", "up", "--foreground", "--port", str(port)]
    command += ["--genuine"] if genuine else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert f"http://127.0.0.1:{port}" in process.stdout.readline()
        assert node.running_node(port) is not None
        children = descendants(process.pid)
        process.send_signal(end)
        assert process.wait(15) == 0
    assert wait_until_gone(children, 10) == set()
    assert node.running_node(port) is None


def test_fork__of_the_offline_mainnet__shares_chain_id_and_code(localnet: AnvilNode) -> None:
    with node.start(fork_url=localnet.url) as fork, fork.rpc() as mine, JsonRpc(localnet.url) as theirs:
        for rpc in (mine, theirs):
            assert rpc.call("eth_chainId") == "0x1"
        address = "0x111111125421cA6dc452d289314280a0f8842A65"
        assert mine.call("eth_getCode", address, "latest") == theirs.call("eth_getCode", address, "latest")
