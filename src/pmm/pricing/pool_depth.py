"""Which pools are deep enough to say what an asset is worth: a thin one is cheap to move."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Token
from pmm.pricing.fixed_point import BPS, E36, div_up
from pmm.pricing.market import MarketSnapshot, PoolReading

_WAD = 10**18
_PIPS = 1_000_000
# How far the average price of a trade may fall below the mid price, fee apart, for the trade to count as depth.
_WITHIN_BPS = 100
# Amounts of the ladder are cut to three leading digits, which takes less than one part in a hundred off.
_CUT_BPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepPool:
    """A pool whose price counts, and the US dollars that it trades near that price, either way."""

    reading: PoolReading
    depth_usd: int
    slippage_e36: int


def deep_pools(
    snapshot: MarketSnapshot, *, maker_asset: Token, taker_asset: Token, least_usd: int
) -> tuple[DeepPool, ...]:
    """Return the pools of a pair that trade ``least_usd`` near their mid price both ways, the deepest first.

    Both ways, because one side alone is half as dear to fake. Depth is read at a few sizes only: of those that
    reach the same size, the one that slips least there is the deepest.
    """
    back = {pool.pool: pool for pool in snapshot.pools.get((maker_asset.address, taker_asset.address), ())}
    found: list[DeepPool] = []
    for pool in snapshot.pools.get((taker_asset.address, maker_asset.address), ()):
        other = back.get(pool.pool)
        if other is None:
            continue
        sides = (_reach(pool, snapshot, taker_asset), _reach(other, snapshot, maker_asset))
        depth_usd = min(usd for usd, _ in sides)
        if depth_usd * BPS >= least_usd * (BPS - _CUT_BPS):
            slippage_e36 = max(slippage for _, slippage in sides)
            found.append(DeepPool(reading=pool, depth_usd=max(depth_usd, 1), slippage_e36=slippage_e36))
    most_usd = max((pool.depth_usd for pool in found), default=0)
    found.sort(key=lambda pool: (pool.depth_usd * BPS < most_usd * (BPS - _CUT_BPS), pool.slippage_e36))
    return tuple(found)


def _reach(pool: PoolReading, snapshot: MarketSnapshot, paid: Token) -> tuple[int, int]:
    """Return the US dollars that the pool trades near its mid price, rounded down, and the slippage there."""
    reached = (0, 0)
    for amount_in, amount_out in pool.depth.knots:
        # What the mid price would give, fee paid.
        ideal_e36 = amount_in * pool.spot_rate_e36 * (_PIPS - pool.fee_pips) // _PIPS
        if ideal_e36 == 0:
            break
        slippage_e36 = div_up(max(ideal_e36 - amount_out * E36, 0) * E36, ideal_e36)
        if slippage_e36 * BPS > _WITHIN_BPS * E36:
            break
        reached = (snapshot.usd_wad(paid, amount_in) // _WAD, slippage_e36)
    return reached
