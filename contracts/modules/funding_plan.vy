# pragma version 0.4.3
"""
@title The signed plan of a funded fill: one word, and the route behind it
@license Apache-2.0
@dev Tables of sources, legs and routes: contracts/README.md, plan word.
     | bits    | meaning                                                            |
     |---------|--------------------------------------------------------------------|
     | 248-255 | source of funds                                                    |
     | 224-247 | fee of the Uniswap V3 or V4 pool that closes the position, 1e-6     |
     | 200-223 | fee tier of the lending Uniswap V3 pool, source 5                  |
     | 192-199 | hedge leg                                                          |
     | 168-191 | tick spacing of the Uniswap V4 pool                                |
     | 167     | the Uniswap V4 pool trades ether                                   |
     | 128-166 | zero                                                               |
     | 0-127   | minimum profit; the settlement contract enforces it                |
"""
from . import hedger_errors

UNISWAP_V3_SWAP: constant(uint256) = 1
MORPHO_BLUE_LOAN: constant(uint256) = 2
BALANCER_V2_LOAN: constant(uint256) = 3
AAVE_V3_LOAN: constant(uint256) = 4
UNISWAP_V3_FLASH: constant(uint256) = 5
ERC3156_LOAN: constant(uint256) = 6
UNISWAP_V2_SWAP: constant(uint256) = 7
UNISWAP_V4_SWAP: constant(uint256) = 8
SIGNED_ORDER: constant(uint256) = 9

LEG_V3: constant(uint256) = 0
LEG_V3_PATH: constant(uint256) = 1
LEG_V2: constant(uint256) = 2
LEG_V4: constant(uint256) = 3
LEG_ORDER: constant(uint256) = 4

TRADES_ETHER: constant(uint256) = 1 << 167

_FEE: constant(uint256) = (2**24 - 1) << 224
_LENDING_FEE: constant(uint256) = (2**24 - 1) << 200
_LEG: constant(uint256) = 255 << 192
_V4_POOL: constant(uint256) = (2**25 - 1) << 167
_ZERO: constant(uint256) = (2**39 - 1) << 128
_MINIMUM_PROFIT: constant(uint256) = 2**128 - 1

_ORDER_LENGTH: constant(uint256) = 320
_TWO_POOLS: constant(uint256) = 26
_THREE_POOLS: constant(uint256) = 49


@internal
@pure
def _source(plan: uint256) -> uint256:
    """
    @dev Raises InvalidPlan for an unknown source or leg, and for a field that this plan has no use for.
    """
    source: uint256 = plan >> 248
    if source == UNISWAP_V3_SWAP:
        # One pool of the fee, or a path that names its own.
        beyond: uint256 = _ZERO | _LENDING_FEE | _V4_POOL | _LEG
        if plan & _LEG == LEG_V3_PATH << 192:
            beyond = _ZERO | _LENDING_FEE | _V4_POOL | _FEE
        if plan & beyond != 0:
            hedger_errors._invalid_plan(plan)
        return source

    refused: uint256 = _ZERO
    if source != UNISWAP_V3_FLASH:
        refused |= _LENDING_FEE
    leg: uint256 = (plan >> 192) & 255
    if source == UNISWAP_V2_SWAP or source == SIGNED_ORDER:
        refused |= _LEG | _FEE | _V4_POOL
    elif source == UNISWAP_V4_SWAP:
        refused |= _LEG
    elif leg == LEG_V3:
        refused |= _V4_POOL
    elif leg != LEG_V4:
        refused |= _FEE | _V4_POOL
    if source == 0 or source > SIGNED_ORDER or leg > LEG_ORDER or plan & refused != 0:
        hedger_errors._invalid_plan(plan)
    return source


@internal
@pure
def _sale_source(plan: uint256) -> uint256:
    """
    @dev The same for a sale of inventory, which goes through a pool and whose minimum the settlement contract keeps.
    """
    source: uint256 = self._source(plan)
    if source != UNISWAP_V3_SWAP and source != UNISWAP_V2_SWAP and source != UNISWAP_V4_SWAP:
        hedger_errors._invalid_plan(plan)
    if plan & _MINIMUM_PROFIT != 0:
        hedger_errors._invalid_plan(plan)
    return source


@internal
@pure
def _fee(plan: uint256) -> uint256:
    return (plan >> 224) & (2**24 - 1)


@internal
@pure
def _lending_fee(plan: uint256) -> uint256:
    return (plan >> 200) & (2**24 - 1)


@internal
@pure
def _leg(plan: uint256) -> uint256:
    return (plan >> 192) & 255


@internal
@pure
def _tick_spacing(plan: uint256) -> uint256:
    return (plan >> 168) & (2**24 - 1)


@internal
@pure
def _require_route(plan: uint256, length: uint256):
    """
    @dev Raises InvalidRoute unless a route of that length is what the plan asks for; the lender of source 6 is cut off
         before.
    """
    leg: uint256 = (plan >> 192) & 255
    expected: uint256 = 0
    if leg == LEG_ORDER or plan >> 248 == SIGNED_ORDER:
        expected = _ORDER_LENGTH
    elif leg == LEG_V3_PATH:
        expected = _TWO_POOLS if length <= _TWO_POOLS else _THREE_POOLS
    if length != expected:
        hedger_errors._invalid_route(expected, length)
