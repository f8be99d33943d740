"""``pmm desk`` and ``pmm status`` as processes: how they end, and what they say when something lacks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.fork.server.site import Deployed

_STOP_S = 30.0


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pmm", *arguments]


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PMM_")}
    return {**kept, "PMM_PAIRS": "WETH/USDC", "PMM_DESK_METRICS_PORT": "0", **extra}


def wait_for_a_block(url: str) -> None:
    deadline_s = time.monotonic() + _STOP_S
    while time.monotonic() < deadline_s:
        with urllib.request.urlopen(url, timeout=5) as page:
            if re.search(rb"^pmm_desk_state [1-9]", page.read(), re.M):
                return
        time.sleep(0.05)
    raise AssertionError("the desk has not looked at the chain")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_desk_command__signalled__ends_with_status_0_and_status_shows_it(
    deployed: Deployed, ledger: Path, how: signal.Signals
) -> None:
    where = ("--rpc", deployed.rpc.url, "--deployment", str(deployed.record), "--ledger", str(ledger))
    for _ in range(2):
        process = subprocess.Popen(
            command("desk", *where),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(PMM_MONITORING_LOG_LEVEL="error"),
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(f"pmm desk: following {deployed.settlement} on http://127.0.0.1:"), line
            wait_for_a_block(line.rsplit(" ", 1)[1].strip())
            process.send_signal(how)
            assert process.wait(_STOP_S) == 0
            assert process.stderr is not None
            assert process.stderr.read() == ""
        finally:
            process.kill()
            process.communicate()
    done = subprocess.run(
        command("status", *where), capture_output=True, text=True, timeout=60, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    assert "WETH" in done.stdout
    assert "inventory_turnover_per_day" in done.stdout
    assert f"node_health_pct[{deployed.rpc.url}]" in done.stdout


@pytest.mark.parametrize(
    ("name", "arguments", "code", "said"),
    [
        ("desk", ("--rpc", "http://127.0.0.1:1"), 1, "check that the node runs"),
        ("desk", ("--deployment", "/nowhere/record.json"), 2, "ape run deploy settlement"),
        ("status", ("--ledger", "/nowhere/ledger.sqlite"), 2, "ledger"),
    ],
)
def test_command__without_what_it_needs__is_one_line(
    deployed: Deployed, ledger: Path, name: str, arguments: tuple[str, str], code: int, said: str
) -> None:
    given = {"--rpc": deployed.rpc.url, "--deployment": str(deployed.record), "--ledger": str(ledger)}
    given[arguments[0]] = arguments[1]
    done = subprocess.run(
        command(name, *(part for pair in given.items() for part in pair)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr
