"""The chain that forks continue: ``MAINNET_RPC_URL`` where it is set, else the offline mainnet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pmm.environment import OFFLINE_MAINNET_URL
from pmm.errors import SetupError
from pmm.localnet.anvil import port_in_use
from pmm.localnet.builder import state_key
from pmm.localnet.node import DEFAULT_PORT, make_present, running_node, start


def is_genuine() -> bool:
    """Whether ``PMM_LOCALNET_GENUINE`` asks for recorded mainnet bytecode."""
    return bool(os.environ.get("PMM_LOCALNET_GENUINE"))


@contextmanager
def upstream(*, any_port: bool) -> Iterator[str]:
    """Yield the address of the chain to fork, starting the offline mainnet as a child where it does not run.

    ``PMM_LOCALNET_GENUINE`` asks for recorded mainnet bytecode in the place of wrappers and stand-ins.

    Args:
        any_port: whether another port may serve where the configured one is taken by something else. Ape reads
            the configured address, so its tests pass False.

    Raises:
        SetupError: the configured port is taken and ``any_port`` is False, or the node did not start.
    """
    if url := os.environ.get("MAINNET_RPC_URL"):
        yield url
        return
    port = urlsplit(os.environ.get("PMM_UPSTREAM_RPC_URL", OFFLINE_MAINNET_URL)).port or DEFAULT_PORT
    genuine = is_genuine()
    running = running_node(port)
    if running is not None and running.state_key == state_key(genuine=genuine):
        make_present(running.url)
        yield running.url
        return
    taken = running is not None or port_in_use(port)
    if taken and not any_port:
        raise SetupError(
            f"expected the present build of the {'genuine ' if genuine else ''}offline mainnet, or nothing, on port "
            f"{port}, found something else; `pmm localnet down` or `pmm localnet reset`, or set PMM_UPSTREAM_RPC_URL "
            "to an address with a free port"
        )
    node = start(None if taken else port, genuine=genuine)
    try:
        yield node.url
    finally:
        node.stop()
