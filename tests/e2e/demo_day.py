"""A day of the demo under a Prometheus, and what every query of every board says at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pmm.localnet.anvil import free_port, port_in_use
from pmm.monitoring.boards import BOARDS
from tests.helpers.prometheus import Prometheus, is_installed, running

PMM = [sys.executable, "-m", "pmm"]
RULES = Path(__file__).parents[2] / "monitoring/rules/pmm.rules.yml"
_STAYS = "go on until Ctrl-C"
_WITHIN_S = 300.0
_SCRAPED_WITHIN_S = 60.0
# Longer than any of these days: what happened at its start is in the window.
_WINDOW = "30m"

Series = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDay:
    """What the command printed, its exit code and its JSON file.

    ``answers`` are the series of each query of the boards, and ``alerts`` the names of the rules that fired; both
    None where there is no Prometheus.
    """

    code: int
    printed: str
    errors: str
    json_file: Path
    answers: dict[str, Series] | None
    alerts: set[str] | None


def environment(**extra: str) -> dict[str, str]:
    """Return the test's own, without a real endpoint."""
    return {key: value for key, value in os.environ.items() if key != "MAINNET_RPC_URL"} | extra


def run_day(folder: Path) -> DemoDay:
    """Run `pmm demo --once --stay` from its start to Ctrl-C, and ask Prometheus while desk and server still run."""
    port, json_file = _two_free_ports(), folder / "demo.json"
    command = [*PMM, "demo", "--once", "--day", "synthetic", "--json", str(json_file)]
    command += ["--stay", "--metrics-port", str(port)]
    with _scraping(folder, {"pmm-desk": port, "pmm-serve": port + 1}) as server, _log(folder) as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(PYTHONUNBUFFERED="1")
        )
        assert process.stdout is not None
        try:
            printed = ""
            for line in process.stdout:
                printed += line
                if _STAYS in line:
                    break
            answers = alerts = None
            if server is not None and _STAYS in printed:
                answers, alerts = _asked(server)
            process.send_signal(signal.SIGINT)
            printed += process.stdout.read()
            code = process.wait(_WITHIN_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    return DemoDay(
        code=code,
        printed=printed,
        errors=(folder / "errors.log").read_text(),
        json_file=json_file,
        answers=answers,
        alerts=alerts,
    )


@contextmanager
def _scraping(folder: Path, targets: dict[str, int]) -> Iterator[Prometheus | None]:
    if not is_installed():
        yield None
        return
    with running(folder, targets, RULES) as server:
        yield server


@contextmanager
def _log(folder: Path) -> Iterator[Any]:
    with (folder / "errors.log").open("wb") as file:
        yield file


def _asked(server: Prometheus) -> tuple[dict[str, Series], set[str]]:
    """Ask once both were scraped after the day's end."""
    ended_s, deadline_s = time.time(), time.monotonic() + _SCRAPED_WITHIN_S
    both = f"count(up == 1 and timestamp(up) > {ended_s:.3f}) == 2"
    while not server.query(both):
        assert time.monotonic() < deadline_s, f"desk and quote server were not scraped: {server.query('up')}"
        time.sleep(0.2)
    answers = {
        query.expr: server.query(query.expr.replace("$__rate_interval", _WINDOW))
        for board in BOARDS
        for panel in board.panels
        for query in panel.queries
    }
    fired = server.query(f'max_over_time(ALERTS{{alertstate="firing"}}[{_WINDOW}])')
    return answers, {one["metric"]["alertname"] for one in fired}


def _two_free_ports() -> int:
    """Return a port that is free, as the one behind it is."""
    while True:
        port = free_port()
        if not port_in_use(port + 1):
            return port
