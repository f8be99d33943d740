"""Runs chosen tests against a changed bytecode of one contract, many times, without starting anew each time.

usage: python -m analysis.mutation.vehicle   (in a copy of the project; speaks JSON lines, see vehicle_protocol.py)

Ape, its plugins, the compilers and the offline mainnet are loaded once. For each request the process forks: the
child puts the bytecode into Ape's project, runs pytest to the first failure and ends; anvil goes back to the
snapshot before. Tests whose failure told a fault of the same function before run first.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ape
import pytest

from analysis.mutation.vehicle_protocol import LOG, Answer, Request, free_port
from pmm.chain.rpc import JsonRpc
from pmm.localnet.node import down, up

_NETWORK = "ethereum:mainnet-fork:foundry"
_ANVIL_START_S = 30
# What every test session imports; loaded before the fork, each child has it for nothing.
_WARM = ("hypothesis.stateful", "vyper", "web3", "eth_account", "pmm.domain", "pmm.localnet.placement")


class _Recorder:
    """A pytest plugin: orders the tests and remembers the first failure."""

    def __init__(self, first: list[str]) -> None:
        self._first = first
        self.failed = ""
        self.message = ""
        self.passed = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._rank(item.nodeid))

    def _rank(self, test: str) -> int:
        ranks = (
            index for index, name in enumerate(self._first) if test == name or test.startswith(f"{name}::")
        )
        return next(ranks, len(self._first))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed
        if report.failed and not self.failed:
            self.failed = report.nodeid
            text = report.longreprtext.splitlines()
            said = [line[1:].strip() for line in text if line.startswith("E ")]
            self.message = (said or text or [""])[0][:200]


@contextlib.contextmanager
def _upstream() -> Iterator[None]:
    """Run the chain to fork where the tests of every child find it; nothing where it is a given one."""
    if os.environ.get("MAINNET_RPC_URL"):
        yield
        return
    port = urlsplit(os.environ["PMM_UPSTREAM_RPC_URL"]).port
    assert port
    up(port)
    try:
        yield
    finally:
        down(port)


@contextlib.contextmanager
def _anvil() -> Iterator[str]:
    """Start the fork as ape-foundry would and yield its address."""
    url = f"http://127.0.0.1:{free_port()}"
    provider: Any = ape.networks.parse_network_choice(_NETWORK)._provider
    provider._host = url
    process = subprocess.Popen(  # noqa: S603 - the command Ape would run
        provider.build_command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    provider._host = None
    try:
        for _ in range(_ANVIL_START_S * 10):
            with contextlib.suppress(Exception), JsonRpc(url) as rpc:
                rpc.call("eth_chainId")
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _child(request: Request, answers: int) -> None:
    contract_type = getattr(ape.project, request["contract"]).contract_type
    contract_type.deployment_bytecode.bytecode = request["bytecode"]
    # Source maps of the unchanged contract would mislead Ape's tracebacks.
    contract_type.pcmap = contract_type.sourcemap = None
    recorder = _Recorder(request["first"])
    started = time.monotonic()
    arguments = [*request["tests"], "--network", _NETWORK, "-x", "-q", "-p", "no:cacheprovider"]
    code = pytest.main(arguments, plugins=[recorder])
    answer = Answer(
        failed=recorder.failed,
        message=recorder.message,
        exit_code=int(code),
        passed=recorder.passed,
        seconds=round(time.monotonic() - started, 1),
    )
    os.write(answers, json.dumps(answer).encode())


def _run_child(request: Request) -> Answer:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(reading)
            _child(request, writing)
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], request["timeout_s"])
        raw = os.read(reading, 65_536) if ready else b""
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if raw:
        answer: Answer = json.loads(raw)
        return answer
    why = "the tests' process died" if ready else "timeout"
    return Answer(failed=why, message="", exit_code=-1, passed=0, seconds=request["timeout_s"])


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    protocol = os.fdopen(os.dup(1), "w")
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name in _WARM:
        import_module(name)
    assert ape.project.RfqSettlement.contract_type
    with _upstream(), _anvil() as url:
        os.environ["APE_FOUNDRY_HOST"] = url
        print(json.dumps({"ready": str(Path.cwd())}), file=protocol, flush=True)
        for line in sys.stdin:
            # Not kept open: a child must not share a connection with its parent.
            with JsonRpc(url) as rpc:
                snapshot = rpc.call("evm_snapshot")
            answer = _run_child(json.loads(line))
            with JsonRpc(url) as rpc:
                rpc.call("evm_revert", snapshot)
            print(json.dumps(answer), file=protocol, flush=True)


if __name__ == "__main__":
    main()
