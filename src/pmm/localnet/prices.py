"""Sets prices on any anvil node: the Chainlink feed and every Uniswap pool that holds the asset, together."""

from __future__ import annotations

from decimal import Decimal

from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import FEEDS
from pmm.localnet.feeds import read_answer, set_answer, to_answer
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.pool_prices import move_pools


def set_price(rpc: JsonRpc, asset: str, price_usd: Decimal, *, pools: bool = True) -> None:
    """Make the feed of ``asset`` (ETH, BTC, USDC, USDT, DAI) report ``price_usd`` and move its pools there.

    Pools move by real swaps up to the price, paid by an account of ours, so their fees and volumes are real too.

    Raises:
        InvalidInput: no such feed, or a price that is not positive or finer than 8 decimals.
        ChainError: the node is not anvil, or a contract refused.
    """
    answer = to_answer(price_usd)
    with ChainBuilder(rpc) as chain:
        set_answer(chain, asset, answer)
        if pools:
            move_pools(chain, asset)


def refresh_feeds(rpc: JsonRpc) -> None:
    """Report every feed's present price again, so that it is as fresh as the chain's clock."""
    with ChainBuilder(rpc) as chain:
        for asset in FEEDS:
            set_answer(chain, asset, read_answer(chain, asset))
