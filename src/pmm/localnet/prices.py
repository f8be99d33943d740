"""Sets prices on any anvil node: the Chainlink feed and every Uniswap pool that holds the asset, together."""

from __future__ import annotations

from decimal import Decimal

from pmm.chain.rpc import JsonRpc
from pmm.localnet.addresses import FEEDS
from pmm.localnet.feeds import FeedReading, feed_address, read_answer, read_feed, set_answer, to_answer
from pmm.localnet.placement import ChainBuilder, require_anvil
from pmm.localnet.pool_prices import PoolPrice, move_pools, pool_prices
from pmm.localnet.pools import asset_of


def set_price(rpc: JsonRpc, asset: str, price_usd: Decimal, *, pools: bool = True) -> None:
    """Make the feed of ``asset`` (ETH, BTC, USDC, USDT, DAI) report ``price_usd`` and move its pools there.

    Pools move by real swaps up to the price, paid by an account of ours, so their fees and volumes are real too.

    Raises:
        InvalidInput: no such feed, or a price that is not positive or finer than 8 decimals.
        ChainError: the node is not anvil, or a contract refused.
    """
    answer = to_answer(price_usd)
    require_anvil(rpc)
    with ChainBuilder(rpc) as chain:
        set_answer(chain, asset, answer)
        if pools:
            move_pools(chain, asset)


def asset_named(name: str) -> str:
    """Return the asset of a name in any case; wrapped tokens count as what they wrap.

    Raises:
        InvalidInput: there is no feed for it.
    """
    asset = asset_of(name.upper())
    feed_address(asset)
    return asset


def read_prices(rpc: JsonRpc) -> tuple[list[FeedReading], list[PoolPrice]]:
    """Return every feed, and every pool with its distance from the feeds."""
    chain = ChainBuilder(rpc)
    return [read_feed(chain, asset) for asset in FEEDS], pool_prices(chain)


def refresh_feeds(rpc: JsonRpc) -> None:
    """Report every feed's present price again, so that it is as fresh as the chain's clock."""
    require_anvil(rpc)
    with ChainBuilder(rpc) as chain:
        for asset in FEEDS:
            set_answer(chain, asset, read_answer(chain, asset))
