# pragma version 0.4.3
"""
@title The owner's limits on what the operator may swap through DeltaHedger
@license Apache-2.0
@dev Settings and usage share one word, so that a swap reads and writes one slot:

     | bits    | meaning                                                                   |
     |---------|---------------------------------------------------------------------------|
     | 0-63    | notional swapped in the window of bits 192-223, base units of the unit token |
     | 64-127  | notional swapped in the window before it                                   |
     | 128-191 | most notional of this and the previous window together, zero = nothing      |
     | 192-223 | number of the window that was last used: timestamp // window               |
     | 224-243 | length of a window in seconds                                              |
     | 244-255 | largest cost of a swap against Chainlink, bps                              |

     Two neighbouring windows cover any span of one window's length: in any such span at most the cap is swapped.
"""
from . import delta_errors

_MASK_64: constant(uint256) = 2**64 - 1
_MASK_32: constant(uint256) = 2**32 - 1
_MAX_WINDOW_S: constant(uint256) = 2**20 - 1
_MAX_COST_BPS: constant(uint256) = 2**12 - 1
_BPS: constant(uint256) = 10_000

_CAP_AT: constant(uint256) = 128
_WINDOW_AT: constant(uint256) = 192
_WINDOW_S_AT: constant(uint256) = 224
_COST_AT: constant(uint256) = 244
# All but the counters and the window.
_LIMITS: constant(uint256) = ~((_MASK_32 << _WINDOW_AT) | (2**128 - 1))


event LimitsSet:
    max_cost_bps: uint256
    cap: uint256
    window_s: uint256


_word: uint256


@internal
def _set(max_cost_bps: uint256, cap: uint256, window_s: uint256):
    """
    @dev What was swapped in this and the previous window stays counted, as if swapped in this one.
    """
    if max_cost_bps > _MAX_COST_BPS or cap > _MASK_64 or window_s == 0 or window_s > _MAX_WINDOW_S:
        delta_errors._invalid_limits(max_cost_bps, cap, window_s)
    used: uint256 = 0
    if self._word != 0:
        used = min(self._used(self._moved_on(self._word)), _MASK_64)
    self._word = (
        used
        | (cap << _CAP_AT)
        | (((block.timestamp // window_s) & _MASK_32) << _WINDOW_AT)
        | (window_s << _WINDOW_S_AT)
        | (max_cost_bps << _COST_AT)
    )
    log LimitsSet(max_cost_bps=max_cost_bps, cap=cap, window_s=window_s)


@internal
def _stop():
    """
    @dev A cap of zero refuses every swap.
    """
    self._word &= ~(_MASK_64 << _CAP_AT)
    word: uint256 = self._word
    log LimitsSet(max_cost_bps=word >> _COST_AT, cap=0, window_s=(word >> _WINDOW_S_AT) & _MAX_WINDOW_S)


@internal
def _consume(notional: uint256, fair: uint256, bought: uint256):
    """
    @dev Raises CostTooHigh and NotionalCapExceeded.
    @param fair Chainlink's value of what was sold, base units of what was bought.
    """
    word: uint256 = self._word
    max_cost_bps: uint256 = word >> _COST_AT
    if bought * _BPS < fair * (_BPS - max_cost_bps):
        delta_errors._cost_too_high(fair, bought, max_cost_bps)
    cap: uint256 = (word >> _CAP_AT) & _MASK_64
    # Without limits there is no window to count in, and nothing may be swapped.
    if cap == 0:
        delta_errors._notional_cap_exceeded(notional, cap)
    word = self._moved_on(word)
    used: uint256 = self._used(word) + notional
    if used > cap:
        delta_errors._notional_cap_exceeded(used, cap)
    # Stays within its 64 bits, for the cap does.
    self._word = unsafe_add(word, notional)


@internal
@view
def _moved_on(word: uint256) -> uint256:
    """
    @return The word as of now: its window is the one that runs, and the counters belong to that and the one before.
    """
    window: uint256 = block.timestamp // ((word >> _WINDOW_S_AT) & _MAX_WINDOW_S)
    last: uint256 = (word >> _WINDOW_AT) & _MASK_32
    if window == last:
        return word
    previous: uint256 = word & _MASK_64 if window == last + 1 else 0
    return (word & _LIMITS) | (previous << 64) | ((window & _MASK_32) << _WINDOW_AT)


@internal
@pure
def _used(word: uint256) -> uint256:
    """
    @return Notional of both windows together.
    """
    return unsafe_add(word & _MASK_64, (word >> 64) & _MASK_64)


@internal
@view
def _state() -> (uint256, uint256, uint256, uint256, uint256):
    """
    @return Largest cost in bps, cap, length of a window in seconds, notional of this window and of the previous.
    """
    word: uint256 = self._word
    if word == 0:
        return 0, 0, 0, 0, 0
    word = self._moved_on(word)
    return (
        word >> _COST_AT,
        (word >> _CAP_AT) & _MASK_64,
        (word >> _WINDOW_S_AT) & _MAX_WINDOW_S,
        word & _MASK_64,
        (word >> 64) & _MASK_64,
    )
