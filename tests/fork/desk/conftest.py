"""The deployed contracts, allowed to hedge, and a quote server on a fork, as the server's tests have them."""

from __future__ import annotations

import pytest

from pmm.domain import USDC, WETH
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.conftest import chain, deployed, desk_node, journal, server
from tests.fork.server.site import Deployed, as_owner

__all__ = ["chain", "deployed", "desk_node", "journal", "server"]

_HEARTBEAT_S = 90_000
_BAND_UNITS = 20  # of 5 bps


@pytest.fixture(autouse=True)
def band(deployed: Deployed, chain: ChainBuilder) -> None:
    """Feeds and a band of the pair: without them the contract lets no hedge through."""
    for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
        as_owner(chain, deployed, "setFeed(address,address,uint40)", token.address, feed, _HEARTBEAT_S)
    as_owner(chain, deployed, "setBand(address,address,uint8)", WETH.address, USDC.address, _BAND_UNITS)
