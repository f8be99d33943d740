"""A made-up WETH/USDC market at 3,000 USD, for the checks of models."""

from __future__ import annotations

from pmm.domain import USDC, WETH, Token, address_from_bytes
from pmm.pricing import FeedReading, MarketSnapshot, PoolKind, PoolReading
from pmm.pricing.tick_map import V2_FEE_PIPS, PairReserves

TAKER = address_from_bytes(b"\x22" * 20)
_NOW_S = 1_750_000_000
_LADDER_USD = (100, 1_000, 10_000, 50_000, 150_000, 600_000)
_RESERVES = {WETH.address: 30_000 * 10**18, USDC.address: 90_000_000 * 10**6}


def sample_market() -> MarketSnapshot:
    """Return the market, built anew."""
    feeds = {WETH.address: _feed("ETH / USD", 3_000 * 10**8), USDC.address: _feed("USDC / USD", 10**8)}
    pools = {
        (taker.address, maker.address): (_pool(taker, maker),)
        for taker, maker in ((WETH, USDC), (USDC, WETH))
    }
    return MarketSnapshot(
        snapshot_id="sample",
        block_number=1,
        block_timestamp_s=_NOW_S,
        chain_time_s=_NOW_S,
        gas_price_wei=2 * 10**9,
        feeds=feeds,
        pools=pools,
    )


def _feed(name: str, answer: int) -> FeedReading:
    return FeedReading(name=name, answer=answer, decimals=8, updated_at_s=_NOW_S - 60, heartbeat_s=3_600)


def _pool(taker: Token, maker: Token) -> PoolReading:
    pair = PairReserves(reserve_in=_RESERVES[taker.address], reserve_out=_RESERVES[maker.address])
    unit = 10**6 if taker is USDC else 10**18 // 3_000
    depth = pair.depth([usd * unit for usd in _LADDER_USD])
    assert depth is not None
    return PoolReading(
        pool=address_from_bytes(b"\x33" * 20),
        fee_pips=V2_FEE_PIPS,
        spot_rate_e36=pair.spot_rate_e36(),
        depth=depth,
        kind=PoolKind.UNISWAP_V3,
    )
