"""One step of a Uniswap V3 swap, to the unit: ``SqrtPriceMath`` and ``SwapMath`` of Uniswap/v3-core.

Amounts are base units, square-root prices Q64.96; every rounding is the pool's, in the pool's favour.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import div_up

PIPS = 1_000_000
_Q96_BITS = 96
_UINT256 = 1 << 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapStep:
    """What one step moves: ``amount_in`` without the fee."""

    sqrt_x96: int
    amount_in: int
    amount_out: int
    fee_amount: int


def amount0_delta(one_x96: int, other_x96: int, liquidity: int, *, up: bool) -> int:
    """Return the token0 between two prices, rounded up or down."""
    low, high = (one_x96, other_x96) if one_x96 < other_x96 else (other_x96, one_x96)
    product = (liquidity << _Q96_BITS) * (high - low)
    return div_up(div_up(product, high), low) if up else product // high // low


def amount1_delta(one_x96: int, other_x96: int, liquidity: int, *, up: bool) -> int:
    """Return the token1 between two prices, rounded up or down."""
    product = liquidity * abs(one_x96 - other_x96)
    return div_up(product, 1 << _Q96_BITS) if up else product >> _Q96_BITS


def price_after_input_x96(sqrt_x96: int, liquidity: int, amount_in: int, *, zero_for_one: bool) -> int:
    """Return the price after an input, rounded so that the pool pays no more than it may."""
    if zero_for_one:
        return _after_amount0(sqrt_x96, liquidity, amount_in)
    return sqrt_x96 + (amount_in << _Q96_BITS) // liquidity


def price_after_output_x96(sqrt_x96: int, liquidity: int, amount_out: int, *, zero_for_one: bool) -> int:
    """Return the price after an output; raise InvalidInput where the range does not hold that much."""
    if zero_for_one:
        found = sqrt_x96 - div_up(amount_out << _Q96_BITS, liquidity)
    else:
        numerator, product = liquidity << _Q96_BITS, amount_out * sqrt_x96
        found = div_up(numerator * sqrt_x96, numerator - product) if numerator > product else 0
    if found <= 0:
        raise InvalidInput(f"output: expected less than what the price range holds, found {amount_out}")
    return found


def _after_amount0(sqrt_x96: int, liquidity: int, amount: int) -> int:
    if amount == 0:
        return sqrt_x96
    numerator, product = liquidity << _Q96_BITS, amount * sqrt_x96
    if product < _UINT256 and numerator + product < _UINT256:
        return div_up(numerator * sqrt_x96, numerator + product)
    # The pool's own way around 256 bits: it gives another rounding.
    return div_up(numerator, numerator // sqrt_x96 + amount)


def step_exact_in(sqrt_x96: int, target_x96: int, liquidity: int, remaining: int, fee_pips: int) -> SwapStep:
    """Return the step towards ``target_x96`` that ``remaining`` (fee included) pays for."""
    zero_for_one = sqrt_x96 >= target_x96
    after_fee = remaining * (PIPS - fee_pips) // PIPS
    amount_in = _in(sqrt_x96, target_x96, liquidity, zero_for_one)
    reached = after_fee >= amount_in
    if reached:
        next_x96 = target_x96
    else:
        next_x96 = price_after_input_x96(sqrt_x96, liquidity, after_fee, zero_for_one=zero_for_one)
        reached = next_x96 == target_x96
        if not reached:
            amount_in = _in(sqrt_x96, next_x96, liquidity, zero_for_one)
    # What does not reach the target is spent whole: the rest is fee.
    fee = div_up(amount_in * fee_pips, PIPS - fee_pips) if reached else remaining - amount_in
    return SwapStep(
        sqrt_x96=next_x96,
        amount_in=amount_in,
        amount_out=_out(sqrt_x96, next_x96, liquidity, zero_for_one),
        fee_amount=fee,
    )


def step_exact_out(sqrt_x96: int, target_x96: int, liquidity: int, remaining: int, fee_pips: int) -> SwapStep:
    """Return the step towards ``target_x96`` that pays out at most ``remaining``."""
    zero_for_one = sqrt_x96 >= target_x96
    amount_out = _out(sqrt_x96, target_x96, liquidity, zero_for_one)
    next_x96 = target_x96
    if remaining < amount_out:
        next_x96 = price_after_output_x96(sqrt_x96, liquidity, remaining, zero_for_one=zero_for_one)
        amount_out = min(_out(sqrt_x96, next_x96, liquidity, zero_for_one), remaining)
    amount_in = _in(sqrt_x96, next_x96, liquidity, zero_for_one)
    return SwapStep(
        sqrt_x96=next_x96,
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=div_up(amount_in * fee_pips, PIPS - fee_pips),
    )


def _in(from_x96: int, to_x96: int, liquidity: int, zero_for_one: bool) -> int:
    delta = amount0_delta if zero_for_one else amount1_delta
    return delta(from_x96, to_x96, liquidity, up=True)


def _out(from_x96: int, to_x96: int, liquidity: int, zero_for_one: bool) -> int:
    delta = amount1_delta if zero_for_one else amount0_delta
    return delta(from_x96, to_x96, liquidity, up=False)
