# pragma version 0.4.3
"""
@title Swaps on the hookless pools of the Uniswap V4 PoolManager, inside one unlock
@license Apache-2.0
@dev Pools with hooks are never used: a hook is foreign code between the price and the payment.
"""
from ..interfaces import IUniswapV4PoolManager
from . import funding_plan
from . import hedger_errors

# TickMath.MIN_SQRT_PRICE + 1 and MAX_SQRT_PRICE - 1: no price limit. What the taker pays bounds the cost.
_LOWEST_PRICE: constant(uint160) = 4295128740
_HIGHEST_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970341
_LOW_HALF: constant(uint256) = 2**128 - 1

MANAGER: immutable(address)
_WETH: immutable(address)


@deploy
def __init__(manager: address, weth: address):
    MANAGER = manager
    _WETH = weth


@internal
@view
def _currency(token: address, plan: uint256) -> address:
    """
    @dev What the pool of the plan trades for that token: zero, ether, for WETH where the plan says so.
    """
    if plan & funding_plan.TRADES_ETHER != 0 and token == _WETH:
        return empty(address)
    return token


@internal
def _swap(currency_in: address, currency_out: address, specified: int256, plan: uint256) -> (uint256, uint256):
    """
    @dev Raises PoolTooShallow when the pool trades less than what is specified.
    @param specified Exact output where positive, exact input where negative: the other way round than on V3.
    @return What is owed and what may be taken.
    """
    zero_for_one: bool = convert(currency_in, uint256) < convert(currency_out, uint256)
    delta: int256 = extcall IUniswapV4PoolManager(MANAGER).swap(
        IUniswapV4PoolManager.PoolKey(
            currency0=currency_in if zero_for_one else currency_out,
            currency1=currency_out if zero_for_one else currency_in,
            fee=convert(funding_plan._fee(plan), uint24),
            tickSpacing=convert(funding_plan._tick_spacing(plan), int24),
            hooks=empty(address),
        ),
        IUniswapV4PoolManager.SwapParams(
            zeroForOne=zero_for_one,
            amountSpecified=specified,
            sqrtPriceLimitX96=_LOWEST_PRICE if zero_for_one else _HIGHEST_PRICE,
        ),
        b"",
    )
    amount0: uint256 = convert(abs(delta >> 128), uint256)
    low: uint256 = convert(delta, uint256) & _LOW_HALF
    amount1: uint256 = low if low < 2**127 else 2**128 - low
    owed: uint256 = amount0 if zero_for_one else amount1
    credited: uint256 = amount1 if zero_for_one else amount0
    traded: uint256 = credited if specified > 0 else owed
    wanted: uint256 = convert(abs(specified), uint256)
    if traded != wanted:
        hedger_errors._pool_too_shallow(MANAGER, wanted, traded)
    return owed, credited
