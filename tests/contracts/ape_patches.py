"""Changes of the pinned eth-ape 0.8.51 for the contract tests: one mend, and steps left out that no test looks at.

The steps take more than half of a session's time. A name that another release lacks fails at once, not in silence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partialmethod
from typing import Any

from ape.api import ReceiptAPI, SubprocessProvider
from ape.exceptions import ProviderError
from ape.pytest.fixtures import FixtureManager, FixtureMap
from ape_foundry.provider import FoundryForkProvider, FoundryProvider
from web3._utils.http_session_manager import HTTPSessionManager
from web3.eth import Eth

from pmm.localnet.anvil import KEEP_OLD_STATES_OFF_DISK, free_port
from tests.contracts.bare_connection import BareConnection

_LOCAL = "http://127.0.0.1:"
_RECEIPT_POLL_S = 0.005
_CALL_TIMEOUT_S = 120.0
_NODE_START_S = 120

_usual_start: Callable[..., None] = FoundryProvider._start
_usually_connected: Any = FoundryProvider.is_connected
_starting: set[int] = set()
_usual_command = FoundryForkProvider.build_command
_usual_post = HTTPSessionManager.make_post_request
_connections: dict[tuple[int, str], BareConnection] = {}


def _is_stateful(self: FixtureManager, name: str) -> bool:
    """Take a fixture for one that changes the chain unless `ape.fixture` declared otherwise.

    Ape asks the node whether it mines by itself, for every fixture of every test, only to find that it does not
    know and to assume the same.
    """
    return self._stateful_fixtures_cache.get(name, True)


def _fixtures_of(cls: type[FixtureMap], item: Any) -> FixtureMap:
    """Sort the fixtures that a test sees by their scope.

    Ape goes by name through those of every directory. One that has the name of a session's fixture elsewhere is
    then set up before the snapshot of its test, and what it did to the chain stays there for the next one.
    """
    sorted_by_scope = cls(item)
    for name, seen in item._fixtureinfo.name2fixturedefs.items():
        if seen and name in item.fixturenames:
            sorted_by_scope[seen[-1].scope].append(name)
    return sorted_by_scope


def _show_no_logs(self: ReceiptAPI) -> None:
    """Ape traces every transaction to a contract for calls of console.log; no contract here makes any."""


def _post(self: HTTPSessionManager, endpoint_uri: Any, data: Any, **kwargs: Any) -> bytes:
    """Post over a bare connection where the node is on this machine."""
    if not str(endpoint_uri).startswith(_LOCAL) or not isinstance(data, bytes):
        return _usual_post(self, endpoint_uri, data, **kwargs)
    key = (threading.get_ident(), str(endpoint_uri))
    connection = _connections.get(key)
    if connection is None:
        connection = _connections[key] = BareConnection(str(endpoint_uri), timeout_s=_CALL_TIMEOUT_S)
    return connection.post(data)


def _command_of_a_light_node(self: FoundryForkProvider) -> list[str]:
    return [*_usual_command(self), *KEEP_OLD_STATES_OFF_DISK]


def _start_on_a_free_port(self: FoundryProvider) -> None:
    """Take a port that no client has: on one that is taken anvil ends at once."""
    if self._host == "auto":
        self._host = f"http://127.0.0.1:{free_port()}"
    _starting.add(id(self))
    try:
        _usual_start(self)
    finally:
        _starting.discard(id(self))


def _is_connected(self: FoundryProvider) -> bool:
    """Fail where the node has ended before it answered: Ape waits for it all the same."""
    if id(self) in _starting and self.process is not None and self.process.poll() is not None:
        raise ProviderError(
            f"expected anvil to start, it ended with {self.process.poll()}; is the endpoint that it forks alive?"
        )
    return bool(_usually_connected.fget(self))


def _replace(owner: type, name: str, value: Any) -> None:
    assert hasattr(owner, name), f"expected {owner.__name__}.{name}, which this release lacks"
    setattr(owner, name, value)


def apply() -> None:
    """Change Ape in this process."""
    _replace(FixtureManager, "is_stateful", _is_stateful)
    _replace(FixtureMap, "from_test_item", classmethod(_fixtures_of))
    _replace(ReceiptAPI, "show_debug_logs", _show_no_logs)
    _replace(HTTPSessionManager, "make_post_request", _post)
    # The node mines at once, but answers before that: the first look is often too early, and then 0.1 s is long.
    wait = Eth.wait_for_transaction_receipt
    _replace(Eth, "wait_for_transaction_receipt", partialmethod(wait, poll_latency=_RECEIPT_POLL_S))
    _replace(FoundryForkProvider, "build_command", _command_of_a_light_node)
    _replace(FoundryProvider, "_start", _start_on_a_free_port)
    _replace(FoundryProvider, "is_connected", property(_is_connected))
    # Ape's 20 s are too few where several sessions start a node on a busy machine.
    _replace(SubprocessProvider, "start", partialmethod(SubprocessProvider.start, timeout=_NODE_START_S))
