# pragma version 0.4.3
"""
@title Swaps on the pools of one Uniswap V3 factory
@license Apache-2.0
@dev A pool is authenticated by its CREATE2 address alone: no other code than the factory's own pool can stand
     there, and a pool's address fixes its two tokens and its fee.
"""
from ..interfaces import IUniswapV3Pool
from . import hedger_errors

# keccak256 of UniswapV3Pool's creation code, v3-core 1.0.1.
_POOL_INIT_CODE_HASH: constant(bytes32) = 0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54

# TickMath.MIN_SQRT_RATIO + 1 and MAX_SQRT_RATIO - 1: no price limit. What the taker pays bounds the cost.
_LOWEST_PRICE: constant(uint160) = 4295128740
_HIGHEST_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970341

FACTORY: immutable(address)


@deploy
def __init__(factory: address):
    FACTORY = factory


@internal
@view
def _pool(token_in: address, token_out: address, fee: uint256) -> (address, bool):
    """
    @dev Raises PoolNotFound when the factory has not deployed that pool.
    @return The pool, and whether the token in is its first.
    """
    zero_for_one: bool = convert(token_in, uint256) < convert(token_out, uint256)
    salt: bytes32 = empty(bytes32)
    if zero_for_one:
        salt = keccak256(abi_encode(token_in, token_out, fee))
    else:
        salt = keccak256(abi_encode(token_out, token_in, fee))
    digest: bytes32 = keccak256(concat(0xff, convert(FACTORY, bytes20), salt, _POOL_INIT_CODE_HASH))
    pool: address = convert(convert(digest, uint256) & convert(max_value(uint160), uint256), address)
    if not pool.is_contract:
        hedger_errors._pool_not_found(token_in, token_out, fee)
    return pool, zero_for_one


@internal
def _swap(
    pool: address, recipient: address, zero_for_one: bool, specified: int256, data: uint256
) -> (uint256, uint256):
    """
    @dev The pool pays the recipient first, then calls back for its money.
    @param specified Exact input where positive, exact output where negative.
    @return What it was paid, and what it paid out.
    """
    limit: uint160 = _LOWEST_PRICE if zero_for_one else _HIGHEST_PRICE
    change0: int256 = 0
    change1: int256 = 0
    change0, change1 = extcall IUniswapV3Pool(pool).swap(
        recipient, zero_for_one, specified, limit, abi_encode(data), skip_contract_check=True
    )
    if zero_for_one:
        return convert(change0, uint256), convert(-change1, uint256)
    return convert(change1, uint256), convert(-change0, uint256)
