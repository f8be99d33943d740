"""The servers under load, each a process of its own on the first core; everything else keeps to the others."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pmm.demo.child import Child
from pmm.demo.contracts import Contracts
from pmm.demo.run import serve_command, wait_for_server
from pmm.errors import SetupError
from pmm.localnet.anvil import free_port
from pmm.toolchain import node_path, npm_command, project_root

SERVER_CORE = 0
_NODE_SOURCES = Path(__file__).parent / "node"
_START_S = 20.0
# Enough that neither a limit nor inventory ends the run, and one life of a quote for all.
LIMITS = {
    "PMM_MAX_LIVE_QUOTES": "10000000",
    "PMM_MAX_OPEN_USD": "1000000000000",
    "PMM_MAX_TAKER_USD": "1000000000000",
    "PMM_CONFIRMATIONS": "0",
    # As on a real node: development nodes add components to every answer, and are read again while a block stands.
    "PMM_ANSWER_COMPONENTS": "false",
    "PMM_REREAD_BLOCK": "false",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers on a port of the loopback."""

    child: Child
    port: int

    def resident_mb(self) -> float:
        """Return the resident memory of the server process in MiB."""
        for pid in _descendants(self.child.process.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            if "Name:\tpython" in status or "Name:\tpmm" in status:
                line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
                return int(line.split()[1]) / 1024
        raise SetupError(f"expected the {self.child.name} to run, found no such process: {self.child.tail()}")


def keep_off_the_server_core() -> int:
    """Keep this process, and what it starts, off the core of the servers; return how many cores there are."""
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        raise SetupError("expected two cores, one for the server and one for the load; found one")
    os.sched_setaffinity(0, cores - {SERVER_CORE})
    return len(cores)


@contextmanager
def pmm_server(contracts: Contracts, **settings: str) -> Iterator[Server]:
    """Run ``pmm serve`` with a journal of its own."""
    port = free_port()
    contracts.folder.joinpath("journal.sqlite").unlink(missing_ok=True)
    environment = {**LIMITS, **settings}
    with _pinned("quote server", serve_command(contracts, port), contracts.folder, environment) as child:
        wait_for_server(child, f"http://127.0.0.1:{port}")
        yield Server(child, port)


@contextmanager
def plain_server(folder: Path) -> Iterator[Server]:
    """Run the plainest Python server."""
    port = free_port()
    command = [sys.executable, "-m", "quote_bench.plain_server", str(port)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with _pinned("plain server", command, folder, environment) as child:
        _wait_for_port(child, port)
        yield Server(child, port)


@contextmanager
def node_server(folder: Path) -> Iterator[Server]:
    """Run the Node server with 1inch's SDK."""
    port = free_port()
    command = [str(node_path()), str(_node_project() / "server.mjs"), str(port)]
    with _pinned("Node server", command, folder, {}) as child:
        _wait_for_port(child, port)
        yield Server(child, port)


@contextmanager
def _pinned(name: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Child]:
    log = folder / f"{name.replace(' ', '-')}.log"
    pinned = ["taskset", "-c", str(SERVER_CORE), *command]
    with Child(name, pinned, log=log, environment=environment) as child:
        yield child


def _node_project() -> Path:
    folder = project_root() / ".cache" / "bench-node"
    if not (folder / "node_modules" / ".ready").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_NODE_SOURCES / name, folder)
        path = os.pathsep.join((str(node_path().parent), os.environ.get("PATH", "")))
        command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True, timeout=300, env={**os.environ, "PATH": path})
        (folder / "node_modules" / ".ready").touch()
    shutil.copy(_NODE_SOURCES / "server.mjs", folder)
    return folder


def _wait_for_port(child: Child, port: int) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        child.check_alive()
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SetupError(f"expected the {child.name} on port {port}, found nothing listening: {child.tail()}")


def _descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _descendants(int(child))
