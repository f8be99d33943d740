# pragma version 0.4.3
"""
@title One swap on a Uniswap V3 pool, with a ticket for its callback
@license Apache-2.0
@dev The pool pays out first and then calls back for its money. What it is paid with is the callback's matter.
     The ticket is the hash of the pool and of the data, in which bought token and amount stand already: two words
     to hash instead of the four of `callback_ticket._open`, whose tickets it cannot be mistaken for.
"""
from ...interfaces import ISwapPool
from .. import callback_ticket
from .. import hedger_errors
from .. import uniswap_v3
from . import delta_errors

uses: callback_ticket
uses: uniswap_v3

MAX_AMOUNT: constant(uint256) = 2**255 - 1

# Bits of a trade's terms; 224-247 is the fee tier, the others are the caller's.
EXACT_INPUT: constant(uint256) = 1 << 129
PAYS_FROM_HERE: constant(uint256) = 1 << 131
_FEE_AT: constant(uint256) = 224
_FEE_MASK: constant(uint256) = 2**24 - 1

# TickMath.MIN_SQRT_RATIO + 1 and MAX_SQRT_RATIO - 1: no price limit. The callers bound what the swap costs.
_LOWEST_PRICE: constant(uint160) = 4295128740
_HIGHEST_PRICE: constant(uint160) = 1461446703485210103287273052203988822378723970341


# @dev Travels through the pool as five words.
struct Trade:
    # What the pool receives, and what it pays.
    sold: address
    bought: address
    # Of `sold` for an exact input, else of `bought`.
    amount: uint256
    # For the callback.
    margin: uint256
    terms: uint256


@internal
def _swap(trade: Trade, receiver: address) -> (uint256, uint256):
    """
    @dev Raises PoolNotFound, PoolTooShallow, InvalidAmount.
    @return What was sold and bought.
    """
    # Zero wraps to the highest integer.
    if unsafe_sub(trade.amount, 1) >= MAX_AMOUNT:
        delta_errors._invalid_amount(trade.amount)
    pool: address = empty(address)
    zero_for_one: bool = False
    pool, zero_for_one = uniswap_v3._pool(trade.sold, trade.bought, (trade.terms >> _FEE_AT) & _FEE_MASK)
    data: Bytes[160] = abi_encode(trade)
    callback_ticket._commitment = keccak256(abi_encode(pool, keccak256(data)))
    amount: int256 = convert(trade.amount, int256)
    if trade.terms & EXACT_INPUT == 0:
        amount = -amount
    amount0: int256 = 0
    amount1: int256 = 0
    amount0, amount1 = extcall ISwapPool(pool).swap(
        receiver, zero_for_one, amount, _LOWEST_PRICE if zero_for_one else _HIGHEST_PRICE, data
    )
    callback_ticket._require_redeemed(pool)
    # What the pool got is positive, what it paid negative, whichever of its tokens is which.
    sold: uint256 = convert(max(amount0, amount1), uint256)
    bought: uint256 = convert(unsafe_sub(0, min(amount0, amount1)), uint256)
    swapped: uint256 = bought if amount < 0 else sold
    if swapped != trade.amount:
        delta_errors._pool_too_shallow(pool, trade.amount, swapped)
    return sold, bought


@internal
def _redeem(trade: Trade, data_hash: bytes32):
    """
    @dev For the callback. Raises UnexpectedCallback unless the caller is the pool of the open ticket and brings its
         data; then the ticket is used up.
    """
    if callback_ticket._commitment != keccak256(abi_encode(msg.sender, data_hash)):
        hedger_errors._unexpected_callback(msg.sender, trade.bought, trade.amount)
    callback_ticket._commitment = empty(bytes32)
