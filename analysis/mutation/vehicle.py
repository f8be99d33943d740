"""Runs collected tests against a changed bytecode of one contract, many times, without starting anew each time.

usage: python -m analysis.mutation.vehicle TEST ...   (in a copy of the project; speaks vehicle_protocol.py)

Ape, its plugins and the offline mainnet are loaded and the tests collected once, inside pytest's own loop. For each
request the process forks there: the child puts the bytecode into Ape's project, runs the tests to the first failure
and ends; anvil goes back to the snapshot before.
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
from typing import IO, Any
from urllib.parse import urlsplit

import ape
import pytest
from _pytest.main import pytest_runtestloop

from analysis.mutation.vehicle_protocol import LOG, Answer, Request, free_port
from pmm.chain.rpc import JsonRpc
from pmm.errors import ChainError, SetupError
from pmm.localnet.anvil import KEEP_OLD_STATES_OFF_DISK
from pmm.localnet.node import down, up

_NETWORK = "ethereum:mainnet-fork:foundry"
_ANVIL_START_S = 30


class _Recorder:
    """A pytest plugin: remembers the first failure."""

    def __init__(self) -> None:
        self.failed = ""
        self.message = ""
        self.passed = 0

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
    process = subprocess.Popen(  # noqa: S603 - the command Ape would run, but for the states
        [*provider.build_command(), *KEEP_OLD_STATES_OFF_DISK],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    provider._host = None
    try:
        _await_answer(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _await_answer(url: str) -> None:
    for _ in range(_ANVIL_START_S * 10):
        with contextlib.suppress(ChainError), JsonRpc(url) as rpc:
            rpc.call("eth_chainId")
            return
        time.sleep(0.1)
    raise SetupError(
        f"expected anvil to answer at {url} within {_ANVIL_START_S} s, found silence; start again"
    )


def _order(items: list[pytest.Item], first: list[str]) -> None:
    def rank(item: pytest.Item) -> int:
        ranks = (
            i for i, name in enumerate(first) if item.nodeid == name or item.nodeid.startswith(f"{name}::")
        )
        return next(ranks, len(first))

    items.sort(key=rank)


def _child(session: pytest.Session, request: Request, answers: int) -> None:
    contract_type = getattr(ape.project, request["contract"]).contract_type
    contract_type.deployment_bytecode.bytecode = request["bytecode"]
    # Source maps of the unchanged contract would mislead Ape's tracebacks.
    contract_type.pcmap = contract_type.sourcemap = None
    # The parent's connection must not be shared.
    provider: Any = ape.networks.active_provider
    provider._set_web3()
    recorder = _Recorder()
    session.config.pluginmanager.register(recorder)
    _order(session.items, request["first"])
    started = time.monotonic()
    with contextlib.suppress(session.Failed, session.Interrupted):
        pytest_runtestloop(session)
    answer = Answer(
        failed=recorder.failed,
        message=recorder.message,
        passed=recorder.passed,
        seconds=round(time.monotonic() - started, 1),
        crashed=False,
    )
    os.write(answers, json.dumps(answer).encode())


def _run_child(session: pytest.Session, request: Request) -> Answer:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(reading)
            _child(session, request, writing)
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
    return Answer(failed=why, message="", passed=0, seconds=request["timeout_s"], crashed=True)


class _Server:
    """A pytest plugin: in the place of running the tests once, runs them for every request."""

    def __init__(self, protocol: IO[str], url: str) -> None:
        self._protocol = protocol
        self._url = url

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        assert ape.project.RfqSettlement.contract_type
        self._say({"tests": len(session.items)})
        for line in sys.stdin:
            # Not kept open: a child must not share a connection with its parent.
            with JsonRpc(self._url) as rpc:
                snapshot = rpc.call("evm_snapshot")
            answer = _run_child(session, json.loads(line))
            with JsonRpc(self._url) as rpc:
                rpc.call("evm_revert", snapshot)
            self._say(answer)
        return True

    def _say(self, what: object) -> None:
        print(json.dumps(what), file=self._protocol, flush=True)


def main(tests: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    protocol = os.fdopen(os.dup(1), "w")
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with _upstream(), _anvil() as url:
        os.environ["APE_FOUNDRY_HOST"] = url
        arguments = [*tests, "--network", _NETWORK, "-x", "-q", "-p", "no:cacheprovider", "--capture=no"]
        pytest.main(arguments, plugins=[_Server(protocol, url)])


if __name__ == "__main__":
    main(sys.argv[1:])
