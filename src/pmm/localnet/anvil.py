"""One anvil process as a child that cannot outlive its parent.

A small shell watcher holds a pipe to the parent: when the parent ends in any way, by Ctrl-C, SIGTERM or
SIGKILL, the pipe closes and the watcher ends anvil. It needs no thread, no signal handler and nothing of Linux.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pmm.chain.rpc import JsonRpc, NodeUnreachable
from pmm.errors import ChainError, SetupError
from pmm.toolchain import anvil_path

HOST = "127.0.0.1"
# Beyond 500 blocks anvil writes every older state, whole, to a folder of its own that nothing removes when it is
# killed: half a gigabyte for each longer session. Without them a question about an older block is refused.
KEEP_OLD_STATES_OFF_DISK = ("--max-persisted-states", "0")
# anvil waits for its upstream on the threads that also read the answers, one per core by default: on two cores two
# questions at once can leave nobody to read, and it never answers again.
ENOUGH_THREADS = {"TOKIO_WORKER_THREADS": "8"}
_SERVER_PORTS = range(61_000, 65_536)
_MOST_TRIES = 50
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0
_POLL_S = 0.02
_WATCHER = """
exec 3<&0
"$@" </dev/null 3<&- & node=$!
( cat <&3 >/dev/null; kill "$node" ) & watch=$!
exec 3<&-
code=1
trap 'kill "$node" 2>/dev/null' TERM INT HUP
while kill -0 "$node" 2>/dev/null; do wait "$node"; code=$?; done
kill "$watch" 2>/dev/null
exit "$code"
"""


def free_port() -> int:
    """Return a port that nothing used a moment ago.

    Out of those that Linux never gives to a client: one from its range is soon some connection's own, and stays so
    for a minute after its end, in which a node cannot bind it.
    """
    for port in random.sample(_SERVER_PORTS, _MOST_TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_in_use(port: int) -> bool:
    """Tell whether something accepts connections on ``port`` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def node_command(
    port: int,
    *,
    load_state: Path | None = None,
    fork_url: str | None = None,
    timestamp_s: int | None = None,
    block_number: int | None = None,
) -> list[str]:
    """Return the command line of an anvil node with chain id 1; a fork takes its chain id from upstream."""
    command = [str(anvil_path()), "--host", HOST, "--port", str(port), "--silent", "--order", "fifo"]
    command += KEEP_OLD_STATES_OFF_DISK
    if fork_url:
        command += ["--fork-url", fork_url]
    else:
        command += ["--chain-id", "1"]
    if load_state:
        command += ["--load-state", str(load_state)]
    if timestamp_s is not None:
        command += ["--timestamp", str(timestamp_s)]
    if block_number is not None:
        command += ["--number", str(block_number)]
    return command


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    """Return once the node answers.

    Raises:
        SetupError: it ended, or did not answer in time; the message has its last words.
    """
    deadline = time.monotonic() + timeout_s
    with JsonRpc(url, timeout_s=5) as rpc:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                rpc.call("eth_chainId")
                return
            except NodeUnreachable:
                time.sleep(_POLL_S)
    words = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise SetupError(
        f"expected anvil to answer at {url} within {timeout_s:.0f} s, found exit code {process.poll()}: "
        f"{' '.join(words) or 'no output'}; free the port or choose another"
    )


class AnvilNode:
    """A child anvil node; use as a context manager, or call :meth:`start` and :meth:`stop`.

    Args:
        port: None takes a free one.
        load_state: state file of :mod:`pmm.localnet.state`.
        fork_url: upstream node to fork from instead.
        timestamp_s: genesis time, seconds since 1970.
        block_number: genesis block number.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        load_state: Path | None = None,
        fork_url: str | None = None,
        timestamp_s: int | None = None,
        block_number: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self._options = {"load_state": load_state, "fork_url": fork_url}
        self._genesis = {"timestamp_s": timestamp_s, "block_number": block_number}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None

    @property
    def url(self) -> str:
        """HTTP address of the node."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the watcher that owns the node."""
        return self._running().pid

    def wait(self) -> None:
        """Block until the node ends."""
        self._running().wait()

    def start(self) -> Self:
        """Start the node and wait until it answers; harmless when it runs already.

        Raises:
            SetupError: the port is taken, anvil is missing, or it did not start.
        """
        if self._process is not None:
            return self
        if port_in_use(self.port):
            raise SetupError(f"expected port {self.port} to be free, found a listener; choose another port")
        command = node_command(self.port, **self._options, **self._genesis)  # type: ignore[arg-type]
        handle, name = tempfile.mkstemp(prefix="pmm-anvil-", suffix=".log")
        self._log = Path(name)
        self._process = _spawn(command, handle)
        try:
            wait_until_up(self.url, self._process, self._log, _START_TIMEOUT_S)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the node and wait for it; harmless when it has ended already."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        if self._log is not None:
            self._log.unlink(missing_ok=True)

    def rpc(self, *, timeout_s: float = 30) -> JsonRpc:
        """Return a new connection to the node."""
        self._running()
        return JsonRpc(self.url, timeout_s=timeout_s)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ChainError("expected a started node, found none; call start() first")
        return self._process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _spawn(command: Sequence[str], log_handle: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches the parent only, which then ends the node in order.
    with os.fdopen(log_handle, "wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own command line
            ["/bin/sh", "-c", _WATCHER, "pmm-anvil", *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | ENOUGH_THREADS,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(_STOP_TIMEOUT_S)
            break
        except subprocess.TimeoutExpired:
            continue
    if process.stdin:
        process.stdin.close()
