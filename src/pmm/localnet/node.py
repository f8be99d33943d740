"""Starts, finds and stops the offline mainnet.

``AnvilNode`` is a child that ends with its parent; :func:`up` starts a node that outlives it, known by a file
under ``.pmm``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pmm.chain.rpc import JsonRpc, NodeUnreachable
from pmm.errors import ChainError, SetupError
from pmm.localnet.addresses import MARKER
from pmm.localnet.anvil import ENOUGH_THREADS, HOST, AnvilNode, node_command, port_in_use, wait_until_up
from pmm.localnet.artifacts import write_atomically
from pmm.localnet.builder import Progress, State, ensure_state
from pmm.localnet.feeds import is_offline_mainnet
from pmm.localnet.file_lock import exclusive
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import refresh_feeds
from pmm.toolchain import project_root

__all__ = [
    "DEFAULT_PORT",
    "AnvilNode",
    "RunningNode",
    "down",
    "ensure_up",
    "make_present",
    "run_in_foreground",
    "running_node",
    "start",
    "up",
]

DEFAULT_PORT = 8612
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningNode:
    """A detached offline mainnet.

    Attributes:
        state_key: hash of the state it was started from.
        started: False where :func:`up` found it running.
    """

    pid: int
    port: int
    genuine: bool
    state_key: str
    started: bool = False

    @property
    def url(self) -> str:
        """HTTP address of the node."""
        return f"http://{HOST}:{self.port}"


def start(
    port: int | None = None,
    *,
    load_state: Path | None = None,
    fork_url: str | None = None,
    genuine: bool = False,
) -> AnvilNode:
    """Start a child node: from ``load_state``, as a fork of ``fork_url``, else from the built offline mainnet.

    Its clock and feeds are brought to the present. Stop it, or let it end with this process.
    """
    if load_state is None and fork_url is None:
        load_state = ensure_state(genuine=genuine).path
    node = AnvilNode(port=port, load_state=load_state, fork_url=fork_url).start()
    try:
        make_present(node.url)
    except BaseException:
        node.stop()
        raise
    return node


def make_present(url: str) -> None:
    """Set the chain's clock to now and, on an offline mainnet, report every feed's price anew.

    A chain whose clock was moved ahead of now keeps it.
    """
    with JsonRpc(url) as rpc:
        now_s = int(time.time())
        if int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16) < now_s:
            rpc.call("anvil_setTime", now_s)
        if is_offline_mainnet(ChainBuilder(rpc)):
            refresh_feeds(rpc)


def running_node(port: int = DEFAULT_PORT) -> RunningNode | None:
    """Return the detached node on ``port``, None where there is none (a stale record is removed)."""
    record = _record_path(port)
    try:
        node = RunningNode(**json.loads(record.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if _is_alive(node.pid) and port_in_use(port) and _carries(node):
        return node
    record.unlink(missing_ok=True)
    return None


def up(
    port: int = DEFAULT_PORT, *, genuine: bool = False, on_progress: Progress | None = None
) -> RunningNode:
    """Start the offline mainnet as a process of its own, or find it running; feeds are fresh afterwards.

    Raises:
        SetupError: the port is used by something else, or by an offline mainnet of the other kind.
    """
    with exclusive(_record_path(port).with_name("localnet.lock")):
        node = running_node(port)
        if node is not None and node.genuine != genuine:
            raise SetupError(
                f"expected the {_kind(genuine)} offline mainnet on port {port}, found the {_kind(node.genuine)} "
                "one running; stop it with `pmm localnet down` or choose another --port"
            )
        if node is None:
            _require_free(port)
            node = _launch(port, ensure_state(genuine=genuine, on_progress=on_progress))
        make_present(node.url)
        return node


def run_in_foreground(
    port: int, *, genuine: bool, on_ready: Callable[[str], None], on_progress: Progress | None = None
) -> None:
    """Run the offline mainnet as a child until it ends or this process is interrupted.

    Raises:
        SetupError: the port is used.
    """
    with exclusive(_record_path(port).with_name("localnet.lock")):
        _require_free(port)
        state = ensure_state(genuine=genuine, on_progress=on_progress)
        child = AnvilNode(port=port, load_state=state.path).start()
        try:
            _write_record(RunningNode(pid=child.pid, port=port, genuine=genuine, state_key=state.key))
            make_present(child.url)
        except BaseException:
            child.stop()
            raise
    try:
        on_ready(child.url)
        child.wait()
    finally:
        child.stop()
        _record_path(port).unlink(missing_ok=True)


def ensure_up(port: int = DEFAULT_PORT, genuine: bool = False) -> str:
    """Return the address of the offline mainnet on ``port``, starting it where needed; see :func:`up`."""
    return up(port, genuine=genuine).url


def down(port: int = DEFAULT_PORT) -> bool:
    """Stop the detached node on ``port``; False where none runs.

    Raises:
        SetupError: it did not end.
    """
    node = running_node(port)
    if node is None:
        return False
    for sign in (signal.SIGTERM, signal.SIGKILL):
        os.kill(node.pid, sign)
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            _reap(node.pid)
            if not _is_alive(node.pid) and not port_in_use(port):  # its threads may outlive it by a moment
                _record_path(port).unlink(missing_ok=True)
                _record_path(port).with_suffix(".log").unlink(missing_ok=True)
                return True
            time.sleep(_POLL_S)
    raise SetupError(f"expected process {node.pid} to end, found it alive; end it by hand")


def _launch(port: int, state: State) -> RunningNode:
    log = _record_path(port).with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            node_command(port, load_state=state.path),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | ENOUGH_THREADS,
        )
    try:
        wait_until_up(f"http://{HOST}:{port}", process, log, _START_TIMEOUT_S)
    except BaseException:
        process.kill()
        process.wait()
        raise
    node = RunningNode(pid=process.pid, port=port, genuine=state.genuine, state_key=state.key)
    _write_record(node)
    return replace(node, started=True)


def _write_record(node: RunningNode) -> None:
    write_atomically(_record_path(node.port), json.dumps(asdict(node)).encode())


def _carries(node: RunningNode) -> bool:
    """Tell whether what listens on the port is the recorded chain; a node too busy to answer counts as it."""
    try:
        with JsonRpc(node.url) as rpc:
            return int(rpc.call("eth_getStorageAt", MARKER, "0x2", "latest"), 16) == int(node.state_key, 16)
    except NodeUnreachable:
        return True
    except ChainError:
        return False


def _require_free(port: int) -> None:
    if not port_in_use(port):
        return
    try:
        with JsonRpc(f"http://{HOST}:{port}", timeout_s=3) as rpc:
            found = f"{rpc.call('web3_clientVersion')} that `pmm localnet up` did not start"
    except ChainError:
        found = "another program"
    raise SetupError(
        f"expected port {port} to be free, found {found}; stop it, or choose another with --port"
    )


def _record_path(port: int) -> Path:
    folder = project_root() / ".pmm"
    folder.mkdir(exist_ok=True)
    return folder / f"localnet-{port}.json"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # somebody else's process has the number now
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def _reap(pid: int) -> None:
    """Collect the node where it is a child of this very process."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _kind(genuine: bool) -> str:
    return "genuine" if genuine else "ordinary"
