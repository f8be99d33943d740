# pragma version 0.4.3
"""
@title The pairs of one Uniswap V2 factory
@license Apache-2.0
@dev A pair is authenticated by its CREATE2 address alone, which fixes its two tokens.
"""
from ..interfaces import IUniswapV2Pair
from . import hedger_errors

# keccak256 of UniswapV2Pair's creation code, v2-core 1.0.1.
_PAIR_INIT_CODE_HASH: constant(bytes32) = 0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f

# The pair keeps 3 of 1,000 of what comes in.
_SCALE: constant(uint256) = 1_000
_KEPT: constant(uint256) = 997

FACTORY: immutable(address)


@deploy
def __init__(factory: address):
    FACTORY = factory


@internal
@view
def _pair(token_in: address, token_out: address) -> address:
    """
    @dev Raises PoolNotFound when the factory has not deployed that pair.
    """
    salt: bytes32 = empty(bytes32)
    if convert(token_in, uint256) < convert(token_out, uint256):
        salt = keccak256(concat(convert(token_in, bytes20), convert(token_out, bytes20)))
    else:
        salt = keccak256(concat(convert(token_out, bytes20), convert(token_in, bytes20)))
    digest: bytes32 = keccak256(concat(0xff, convert(FACTORY, bytes20), salt, _PAIR_INIT_CODE_HASH))
    pair: address = convert(convert(digest, uint256) & convert(max_value(uint160), uint256), address)
    if not pair.is_contract:
        hedger_errors._pool_not_found(token_in, token_out, 3_000)
    return pair


@internal
@view
def _amount_in_up(pair: address, token_in: address, token_out: address, amount_out: uint256) -> uint256:
    """
    @dev What the pair asks for an exact output, rounded up as it wants it. Raises PoolTooShallow.
    """
    reserve_in: uint256 = 0
    reserve_out: uint256 = 0
    reserve_in, reserve_out = self._reserves(pair, token_in, token_out)
    if amount_out >= reserve_out:
        hedger_errors._pool_too_shallow(pair, amount_out, reserve_out)
    return reserve_in * amount_out * _SCALE // ((reserve_out - amount_out) * _KEPT) + 1


@internal
@view
def _amount_out_down(pair: address, token_in: address, token_out: address, amount_in: uint256) -> uint256:
    reserve_in: uint256 = 0
    reserve_out: uint256 = 0
    reserve_in, reserve_out = self._reserves(pair, token_in, token_out)
    kept: uint256 = amount_in * _KEPT
    return kept * reserve_out // (reserve_in * _SCALE + kept)


@internal
def _pay_out(
    pair: address, token_in: address, token_out: address, amount_out: uint256, recipient: address, data: Bytes[128]
):
    if convert(token_in, uint256) < convert(token_out, uint256):
        extcall IUniswapV2Pair(pair).swap(0, amount_out, recipient, data)
    else:
        extcall IUniswapV2Pair(pair).swap(amount_out, 0, recipient, data)


@internal
@view
def _reserves(pair: address, token_in: address, token_out: address) -> (uint256, uint256):
    reserve0: uint112 = 0
    reserve1: uint112 = 0
    changed_at: uint32 = 0
    reserve0, reserve1, changed_at = staticcall IUniswapV2Pair(pair).getReserves()
    if convert(token_in, uint256) < convert(token_out, uint256):
        return convert(reserve0, uint256), convert(reserve1, uint256)
    return convert(reserve1, uint256), convert(reserve0, uint256)
