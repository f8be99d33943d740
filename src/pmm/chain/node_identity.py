"""Which node this is: a real one, or one of those whose chain is made up."""

from __future__ import annotations

from typing import Any

from pmm.errors import ChainError
from pmm.execution import NodeIdentity

# Prefixes of web3_clientVersion of nodes that fork, fake balances and impersonate.
_DEVELOPMENT_CLIENTS = (
    "anvil",
    "hardhat",
    "ganache",
    "testrpc",
    "ethereumjs",
    "tenderly",
    "foundry",
    "titanoboa",
)

IDENTITY_CALLS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("web3_clientVersion", ()),
    ("eth_chainId", ()),
    # Answered by anvil whatever it calls itself.
    ("anvil_nodeInfo", ()),
)


def node_identity(answers: list[Any]) -> NodeIdentity:
    """Read the answers to :data:`IDENTITY_CALLS`; raises ChainError when version or chain id are missing.

    A node counts as development when its name says so or when it answers ``anvil_nodeInfo``.
    """
    version, chain_id, anvil_info = answers
    if not isinstance(version, str) or not isinstance(chain_id, str):
        raise ChainError(
            f"expected a client version and a chain id from the node, found {version!r} and {chain_id!r}"
        )
    return NodeIdentity(
        client_version=version,
        chain_id=int(chain_id, 16),
        development=is_development(version) or isinstance(anvil_info, dict),
    )


def is_development(client_version: str) -> bool:
    """Tell whether a client version names a development node."""
    name = client_version.lower()
    return any(client in name for client in _DEVELOPMENT_CLIENTS)
