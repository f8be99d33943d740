"""A Uniswap V3 pool as its tick map: what any amount swaps for, across ticks, to the unit.

The walk stops where the pool's own loop stops (``UniswapV3Pool.swap`` and ``TickBitmap`` of Uniswap/v3-core): at
initialised ticks and at the ends of bitmap words, because each stop rounds once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.pricing.depth import DepthCurve
from pmm.pricing.swap_math import SwapStep, step_exact_in, step_exact_out
from pmm.pricing.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick_x96

_WORD_BITS = 8
_WORD_LAST = 255
V2_FEE_PIPS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TickMap:
    """State of a pool.

    Attributes:
        tick: the pool's own current tick, which at a boundary is not that of its price.
        ticks: initialised ticks, rising.
        net_liquidity: what each adds when it is crossed upwards.
        lowest_tick, highest_tick: between them, both included, every initialised tick is listed.

    Raises InvalidInput for ticks that do not rise or lie off the spacing.
    """

    sqrt_x96: int
    tick: int
    liquidity: int
    fee_pips: int
    tick_spacing: int
    ticks: tuple[int, ...]
    net_liquidity: tuple[int, ...]
    lowest_tick: int = MIN_TICK
    highest_tick: int = MAX_TICK

    def __post_init__(self) -> None:
        rising = all(one < other for one, other in zip(self.ticks, self.ticks[1:], strict=False))
        on_grid = all(tick % self.tick_spacing == 0 for tick in self.ticks)
        if not rising or not on_grid or len(self.ticks) != len(self.net_liquidity):
            raise InvalidInput(
                f"tick map: expected rising multiples of {self.tick_spacing} with a liquidity each, found "
                f"{len(self.ticks)} ticks and {len(self.net_liquidity)} liquidities"
            )

    def out_for_in(self, amount_in: int, *, zero_for_one: bool) -> int | None:
        """Return what the pool pays for an exact input, fee included; None beyond the known ticks."""
        return _Walk(self, zero_for_one).out_for_in(amount_in)

    def in_for_out(self, amount_out: int, *, zero_for_one: bool) -> int | None:
        """Return what the pool asks for an exact output, fee included; None beyond the known ticks."""
        return _Walk(self, zero_for_one).in_for_out(amount_out)

    def depth(self, amounts: Sequence[int], *, zero_for_one: bool) -> DepthCurve | None:
        """Return the depth at rising amounts in, as far as the ticks are known; None where it pays nothing."""
        walk = _Walk(self, zero_for_one)
        knots: list[tuple[int, int]] = []
        for amount in amounts:
            out = walk.out_for_in(amount)
            if out is None or out <= (knots[-1][1] if knots else 0):
                break
            knots.append((amount, out))
        return DepthCurve(knots=tuple(knots)) if knots else None

    def next_stop(self, tick: int, *, zero_for_one: bool) -> tuple[int, bool]:
        """Return the next tick at which the pool's loop stops, and whether it is initialised."""
        compressed = tick // self.tick_spacing
        if zero_for_one:
            end = compressed >> _WORD_BITS << _WORD_BITS
            index = bisect_right(self.ticks, compressed * self.tick_spacing) - 1
            found = self.ticks[index] if index >= 0 else None
            if found is not None and found >= end * self.tick_spacing:
                return found, True
        else:
            compressed += 1
            end = (compressed >> _WORD_BITS << _WORD_BITS) + _WORD_LAST
            index = bisect_left(self.ticks, compressed * self.tick_spacing)
            found = self.ticks[index] if index < len(self.ticks) else None
            if found is not None and found <= end * self.tick_spacing:
                return found, True
        return min(max(end * self.tick_spacing, MIN_TICK), MAX_TICK), False

    def net_at(self, tick: int) -> int:
        """Return the net liquidity of an initialised tick."""
        return self.net_liquidity[bisect_left(self.ticks, tick)]


class _Walk:
    """The pool's loop in one direction; whole steps are kept, so rising amounts go on where the last stopped."""

    def __init__(self, state: TickMap, zero_for_one: bool) -> None:
        self._map = state
        self._down = zero_for_one
        self._sqrt_x96 = state.sqrt_x96
        self._tick = state.tick
        self._liquidity = state.liquidity
        self._spent = 0
        self._got = 0

    def out_for_in(self, amount_in: int) -> int | None:
        while self._spent < amount_in:
            stop = self._stop()
            if stop is None:
                return None
            target = sqrt_ratio_at_tick_x96(stop[0])
            step = step_exact_in(
                self._sqrt_x96, target, self._liquidity, amount_in - self._spent, self._map.fee_pips
            )
            if step.sqrt_x96 != target:
                return self._got + step.amount_out
            self._take(step, *stop)
        # The last whole step ended exactly at the amount.
        return self._got

    def in_for_out(self, amount_out: int) -> int | None:
        while self._got < amount_out:
            stop = self._stop()
            if stop is None:
                return None
            target = sqrt_ratio_at_tick_x96(stop[0])
            step = step_exact_out(
                self._sqrt_x96, target, self._liquidity, amount_out - self._got, self._map.fee_pips
            )
            if step.sqrt_x96 != target:
                return self._spent + step.amount_in + step.fee_amount
            self._take(step, *stop)
        return self._spent

    def _stop(self) -> tuple[int, bool] | None:
        tick, initialised = self._map.next_stop(self._tick, zero_for_one=self._down)
        if not self._map.lowest_tick <= tick <= self._map.highest_tick:
            return None
        at_end = tick in (MIN_TICK, MAX_TICK) and self._sqrt_x96 == sqrt_ratio_at_tick_x96(tick)
        return None if at_end else (tick, initialised)

    def _take(self, step: SwapStep, tick: int, initialised: bool) -> None:
        self._spent += step.amount_in + step.fee_amount
        self._got += step.amount_out
        self._sqrt_x96 = step.sqrt_x96
        if initialised:
            net = self._map.net_at(tick)
            self._liquidity += -net if self._down else net
        self._tick = tick - 1 if self._down else tick


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReserves:
    """A Uniswap V2 pair seen by someone who pays one side in; formulas of ``UniswapV2Library`` (0.3 % fee)."""

    reserve_in: int
    reserve_out: int

    def out_for_in(self, amount_in: int) -> int:
        """Return what the pair pays for an exact input, rounded down."""
        kept = amount_in * 997
        return kept * self.reserve_out // (self.reserve_in * 1_000 + kept)

    def in_for_out(self, amount_out: int) -> int | None:
        """Return what the pair asks for an exact output, rounded up as it does; None beyond its reserve."""
        if amount_out >= self.reserve_out:
            return None
        return self.reserve_in * amount_out * 1_000 // ((self.reserve_out - amount_out) * 997) + 1

    def depth(self, amounts: Sequence[int]) -> DepthCurve | None:
        """Return the depth at rising amounts in; None where it pays nothing."""
        knots: list[tuple[int, int]] = []
        for amount in amounts:
            out = self.out_for_in(amount)
            if out <= (knots[-1][1] if knots else 0):
                break
            knots.append((amount, out))
        return DepthCurve(knots=tuple(knots)) if knots else None

    def spot_rate_e36(self) -> int:
        """Return the mid price without fee, rounded down."""
        return self.reserve_out * 10**36 // self.reserve_in if self.reserve_in else 0
