"""What the node commands do about ports and records, without a node."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmm.cli.localnet import app
from pmm.errors import InvalidInput, PmmError, SetupError
from pmm.localnet import node
from pmm.localnet.anvil import AnvilNode, free_port, node_command


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pmm.localnet.node.project_root", lambda: tmp_path)
    return tmp_path / ".pmm"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def record(folder: Path, port: int, pid: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"localnet-{port}.json"
    path.write_text(json.dumps({"pid": pid, "port": port, "genuine": False, "state_key": "ab"}))
    return path


def test_up__port_taken_by_another_program__names_port_and_remedy(taken_port: int) -> None:
    with pytest.raises(
        SetupError, match=f"expected port {taken_port} to be free.*choose another with --port"
    ):
        node.up(taken_port)


def test_start__port_taken__is_refused_before_anything_starts(taken_port: int) -> None:
    with pytest.raises(SetupError, match=f"expected port {taken_port} to be free"):
        AnvilNode(port=taken_port).start()


def test_running_node__process_gone__removes_the_record(records: Path) -> None:
    path = record(records, free_port(), 2**22 + 1)
    assert node.running_node(int(path.stem.rpartition("-")[2])) is None
    assert not path.exists()


def test_running_node__process_lives_but_listens_not__is_none(records: Path) -> None:
    port = free_port()
    record(records, port, os.getpid())
    assert node.running_node(port) is None


def test_running_node__no_or_broken_record__is_none(records: Path) -> None:
    port = free_port()
    assert node.running_node(port) is None
    record(records, port, 1).write_text("{")
    assert node.running_node(port) is None


def test_down__nothing_runs__says_so_and_succeeds() -> None:
    result = CliRunner().invoke(app, ["down", "--port", str(free_port())])
    assert result.exit_code == 0
    assert "was not running" in result.output


def test_status__nothing_runs__exits_1_with_the_remedy() -> None:
    port = str(free_port())
    text = CliRunner().invoke(app, ["status", "--port", port])
    assert text.exit_code == 1
    assert f"pmm localnet up --port {port}" in text.output
    answer = CliRunner().invoke(app, ["status", "--json", "--port", port])
    assert answer.exit_code == 1
    assert json.loads(answer.output) == {"running": False, "port": int(port)}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["DOGE", "1"], InvalidInput),
        (["ETH", "abc"], InvalidInput),
        (["ETH", "0"], InvalidInput),
        (["ETH"], InvalidInput),
        (["ETH", "3000", "--rpc", "http://127.0.0.1:9"], PmmError),
    ],
)
def test_price__bad_input_or_no_node__raises_for_one_line(
    arguments: list[str], error: type[PmmError]
) -> None:
    result = CliRunner().invoke(app, ["price", *arguments])
    assert isinstance(result.exception, error)
    assert "expected" in str(result.exception)


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_up__port_out_of_range__is_a_usage_error(port: str) -> None:
    assert CliRunner().invoke(app, ["up", "--port", port]).exit_code == 2


def test_node_command__fork__takes_its_chain_id_from_upstream() -> None:
    command = node_command(1, fork_url="http://127.0.0.1:2")
    assert command[command.index("--fork-url") + 1] == "http://127.0.0.1:2"
    assert "--chain-id" not in command
    assert "--chain-id" in node_command(1)


def test_free_port__many__are_none_that_a_client_may_have() -> None:
    clients = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not clients.exists():
        pytest.skip("Linux says which ports clients are given, this system does not")
    most = int(clients.read_text().split()[1])
    found = [free_port() for _ in range(50)]
    if most < 61_000:
        assert all(port > most for port in found)
    assert len(set(found)) > 40
