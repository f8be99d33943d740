# pragma version 0.4.3
"""
@title The signed funding plan, one word
@license Apache-2.0
@dev | bits    | meaning                                                          |
     |---------|------------------------------------------------------------------|
     | 248-255 | source of funds, 1 to 4 below (5 is reserved: Uniswap V3 flash)   |
     | 224-247 | fee tier of the Uniswap V3 pool that closes the position, 1e-6    |
     | 200-223 | fee tier of a lending Uniswap V3 pool, zero for sources 1 to 4    |
     | 128-199 | zero                                                             |
     | 0-127   | minimum profit, base units of the taker asset                     |
"""
from . import hedger_errors

UNISWAP_V3_FLASH_SWAP: constant(uint256) = 1
MORPHO_BLUE_LOAN: constant(uint256) = 2
BALANCER_V2_LOAN: constant(uint256) = 3
AAVE_V3_LOAN: constant(uint256) = 4

_RESERVED_BITS: constant(uint256) = (2**96 - 1) << 128


@internal
@pure
def _source(plan: uint256) -> uint256:
    """
    @dev Raises InvalidPlan for an unknown source or a reserved bit that is set.
    """
    source: uint256 = plan >> 248
    if source == 0 or source > AAVE_V3_LOAN or plan & _RESERVED_BITS != 0:
        hedger_errors._invalid_plan(plan)
    return source


@internal
@pure
def _swap_fee(plan: uint256) -> uint256:
    return (plan >> 224) & (2**24 - 1)


@internal
@pure
def _minimum_profit(plan: uint256) -> uint256:
    return plan & (2**128 - 1)
