"""Roles, deployments and money for the contract tests, the same on every upstream.

The network is ``ethereum:mainnet-fork:foundry``: a fork of the offline mainnet, or of ``MAINNET_RPC_URL``. What
differs between the two is hidden in ``deal`` (balances by impersonation or storage) and ``set_feed_price`` (an
aggregator of ours, installed through the impersonated owner of the feed's proxy).
"""

from __future__ import annotations

import atexit
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import ape
import pytest
from ape.exceptions import CompilerError

from pmm.chain.addresses import (
    ONEINCH_ROUTER,
    WETH,
)
from pmm.chain.rpc import JsonRpc
from pmm.domain import MAINNET_TOKENS, SigningKey
from pmm.localnet.funding import deal as give
from pmm.localnet.prices import set_price
from pmm.localnet.upstream import upstream
from scripts._build import compile_if_changed
from tests.contracts import ape_patches
from tests.contracts.bare_connection import ForkRpc
from tests.contracts.hedger_place import deploy_with_hedger

ape_patches.apply()

# Ape connects to the fork when the first test starts; its upstream must stand before that.
_upstream = ExitStack()
_upstream.enter_context(upstream(any_port=False))
atexit.register(_upstream.close)

LANES = 4
# ModuleKind of contracts/interfaces/IRfqSettlement.sol.
HEDGER = 0


@pytest.fixture(scope="session", autouse=True)
def _fresh_build() -> None:
    """Test what the sources say, not what an earlier compilation left."""
    try:
        compile_if_changed()
    except CompilerError as error:
        # Every test would compile, and fail, anew.
        pytest.exit(f"expected contracts that compile, found: {error}", returncode=1)


@pytest.fixture(scope="session")
def owner() -> Any:
    return ape.accounts.test_accounts[0]


@pytest.fixture(scope="session")
def guardian() -> Any:
    return ape.accounts.test_accounts[1]


@pytest.fixture(scope="session")
def operator() -> Any:
    return ape.accounts.test_accounts[2]


@pytest.fixture(scope="session")
def taker() -> Any:
    return ape.accounts.test_accounts[3]


@pytest.fixture(scope="session")
def attacker() -> Any:
    return ape.accounts.test_accounts[4]


@pytest.fixture(scope="session")
def signer_key() -> SigningKey:
    """A quoting key made for this run; no known key ever signs for chain id 1."""
    return SigningKey(secrets.token_bytes(32))


@pytest.fixture(scope="session")
def rpc() -> Iterator[JsonRpc]:
    """The fork's own JSON-RPC, for what Ape has no word for."""
    with ForkRpc(ape.networks.provider.http_uri) as client:
        yield client


@pytest.fixture(scope="session")
def deal(rpc: JsonRpc) -> Callable[[str, Any, int], None]:
    """Give an account exactly so many base units of a token, whatever it held."""

    def _deal(token: str, account: Any, amount: int) -> None:
        give(rpc, str(token), str(getattr(account, "address", account)), amount)

    return _deal


@pytest.fixture(scope="session")
def set_feed_price(rpc: JsonRpc) -> Callable[[str, str], None]:
    """Move the Chainlink feed of an asset, and no pool, to a price in USD."""

    def _set(asset: str, price_usd: str) -> None:
        set_price(rpc, asset, Decimal(price_usd), pools=False)

    return _set


@pytest.fixture(scope="session")
def settlement_and_hedger(
    owner: Any, guardian: Any, operator: Any, signer_key: SigningKey
) -> tuple[Any, Any]:
    """The settlement contract with its hedger, its roles set and one signer on four lanes."""
    core_tokens = [token.address for token in MAINNET_TOKENS]
    settlement, hedger = deploy_with_hedger(owner, WETH, ONEINCH_ROUTER, core_tokens)
    settlement.setGuardian(guardian, sender=owner)
    settlement.setOperator(operator, sender=owner)
    settlement.initLanes(signer_key.address, LANES, sender=owner)
    return settlement, hedger


@pytest.fixture(scope="session")
def settlement(settlement_and_hedger: tuple[Any, Any]) -> Any:
    """The settlement contract."""
    return settlement_and_hedger[0]


@pytest.fixture(scope="session")
def hedger(settlement_and_hedger: tuple[Any, Any]) -> Any:
    """Its atomic hedger."""
    return settlement_and_hedger[1]
