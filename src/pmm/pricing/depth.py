"""How much a hedge venue pays out for growing amounts paid in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import div_up


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthStep:
    """For ``amount_in`` more, the venue pays ``amount_out`` more (base units, of this step alone)."""

    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthCurve:
    """Cumulative (amount in, amount out) of a venue, both strictly rising, (0, 0) left out.

    Between two knots the curve is a straight line. A pool pays out along a concave curve, so the line is never
    better than the pool: what is read from here is in the maker's favour. Raises InvalidInput otherwise.
    """

    knots: tuple[tuple[int, int], ...]
    steps: tuple[DepthStep, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps: list[DepthStep] = []
        last_in = last_out = 0
        for amount_in, amount_out in self.knots:
            if amount_in <= last_in or amount_out <= last_out:
                raise InvalidInput(
                    f"depth: expected rising amounts, found ({amount_in}, {amount_out}) after "
                    f"({last_in}, {last_out})"
                )
            step_in, step_out = amount_in - last_in, amount_out - last_out
            if steps:
                # Quoters round down, which can make a later step look better than an earlier one by a unit.
                previous = steps[-1]
                step_out = min(step_out, step_in * previous.amount_out // previous.amount_in)
            if step_out <= 0:
                break
            steps.append(DepthStep(amount_in=step_in, amount_out=step_out))
            last_in, last_out = amount_in, last_out + step_out
        object.__setattr__(self, "steps", tuple(steps))

    def in_up(self, amount_out: int) -> int | None:
        """Return what must be paid in for an exact amount out, rounded up; None beyond the last knot."""
        needed = 0
        for step in self.steps:
            if amount_out <= step.amount_out:
                return needed + div_up(amount_out * step.amount_in, step.amount_out)
            amount_out -= step.amount_out
            needed += step.amount_in
        return None if amount_out else needed

    def out_down(self, amount_in: int) -> int | None:
        """Return what is paid out for an amount in, rounded down; None beyond the last knot."""
        paid = 0
        for step in self.steps:
            if amount_in <= step.amount_in:
                return paid + amount_in * step.amount_out // step.amount_in
            amount_in -= step.amount_in
            paid += step.amount_out
        return None if amount_in else paid


def merge_steps(curves: Iterable[DepthCurve]) -> tuple[DepthStep, ...]:
    """Return the steps of several venues, best price first: the depth of splitting an order over them."""
    steps = [step for curve in curves for step in curve.steps]
    # A fraction as key: exact, and only a handful of steps.
    steps.sort(key=lambda step: -(step.amount_out * 10**36 // step.amount_in))
    return tuple(steps)
