"""The ladder while fills may be hedged inside themselves: no quote of either way is better than it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from pmm.pricing.fill_hedge import HOOK_GAS
from pmm.pricing.fill_hedge_offers import hedge_pools, hedged_on
from pmm.pricing.fixed_point import E36, SHARE_STEP_E36, div_up
from pmm.pricing.funding_choice import gas_share_up_e36
from pmm.pricing.quote_model import ModelInputs
from pmm.pricing.terms import DirectionTerms, TermStep

_E72 = E36 * E36
# Roundings of a share that lie between a curve and the price of a quote on it: impact, gas, and the journal's own.
_ROUNDINGS = 4

Curve = dict[int, int]
"""What is left of the fair value by cumulative taking amount, shares times base units, straight in between."""


def ladder_terms(inputs: ModelInputs, terms: DirectionTerms) -> DirectionTerms:
    """Return terms to publish: those of inventory, raised to the fills hedged inside where a taker would get them.

    ``terms`` are those of inventory. Such a quote is given from the size on at which it is better by more than the
    gas of its hook. The least concave curve above all that are given is published, so that its prices fall with size
    as a relayer expects; between the sizes where one way overtakes the other it is a little above both.
    """
    rules = inputs.fill_hedge
    if rules is None or inputs.own_domain:
        return terms
    own = _curve(terms)
    raised = dict(own)
    given = False
    for pool in hedge_pools(inputs):
        hedged = _curve(hedged_on(inputs, terms, pool, rules))
        sizes = sorted({*own, *hedged})
        sizes = [size for size in sizes if size <= max(hedged, default=0) and size <= max(own, default=0)]
        wins = [_gain(inputs, terms, own, hedged, size) > 0 for size in sizes]
        for index, size in enumerate(sizes):
            # Between two sizes the gain is straight: where it is given in between, it is given at one of them.
            if any(wins[max(index - 1, 0) : index + 2]):
                raised[size] = max(raised.get(size, 0), _at(hedged, size), _at(own, size))
                given = True
    return replace(terms, flat=(), steps=_steps(_hull(raised))) if given else terms


def _curve(terms: DirectionTerms) -> Curve:
    flat_e36 = terms.flat_share_e36
    sizes = accumulate(step.taking_amount for step in terms.steps)
    left = accumulate(step.taking_amount * (E36 - flat_e36 - step.impact_share_e36) for step in terms.steps)
    return dict(zip(sizes, left, strict=True))


def _at(curve: Curve, size: int) -> int:
    """Return a curve's value up to its end, rounded up."""
    before_size = before = 0
    for end, value in curve.items():
        if size <= end:
            return before + div_up((value - before) * (size - before_size), end - before_size)
        before_size, before = end, value
    return before


def _gain(inputs: ModelInputs, terms: DirectionTerms, own: Curve, hedged: Curve, size: int) -> int:
    """Return how much a taker gains by the hedged quote after the gas of its hook, rounded up."""
    gas_e36 = gas_share_up_e36(
        inputs.snapshot,
        inputs.pair,
        units=HOOK_GAS,
        notional_usd_wad=inputs.snapshot.usd_wad(inputs.taker_asset, size),
    )
    # Amounts are whole base units, so a quote may be one of them away from its curve.
    slack = 2 * div_up(_E72, terms.fair.rate_e36) + _ROUNDINGS * SHARE_STEP_E36 * size
    return _at(hedged, size) - _at(own, size) + slack - gas_e36 * size


def _hull(curve: Curve) -> list[tuple[int, int]]:
    """Return the corners of the least concave curve above one, from nothing on."""
    corners: list[tuple[int, int]] = [(0, 0)]
    for size, value in sorted(curve.items()):
        while len(corners) > 1 and _is_below(corners[-2], corners[-1], (size, value)):
            corners.pop()
        corners.append((size, value))
    return corners


def _is_below(first: tuple[int, int], middle: tuple[int, int], last: tuple[int, int]) -> bool:
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def _steps(corners: Sequence[tuple[int, int]]) -> tuple[TermStep, ...]:
    return tuple(
        # Rounded in the ladder's favour: it must not be below a quote.
        TermStep(
            taking_amount=size - before,
            impact_share_e36=E36 - div_up(value - left, size - before),
        )
        for (before, left), (size, value) in pairwise(corners)
    )
