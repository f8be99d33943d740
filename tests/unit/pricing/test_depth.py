"""Depth curves never promise more than the venue pays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import USDC, WETH
from pmm.errors import InvalidInput
from pmm.pricing import DepthCurve
from pmm.pricing.depth import merge_steps
from tests.helpers.quoting import POOL_DEPTH_WETH, pool_out, pool_reading

_RESERVES = (POOL_DEPTH_WETH, POOL_DEPTH_WETH * 3_000 // 10**12)


@given(st.integers(min_value=1, max_value=190 * 10**18))
def test_in_up__between_knots__asks_at_least_what_the_pool_asks(amount_in: int) -> None:
    curve = pool_reading(WETH, USDC).depth
    paid_out = pool_out(amount_in, *_RESERVES, 500)
    needed = curve.in_up(paid_out)
    if paid_out:
        assert needed is not None
        assert pool_out(needed, *_RESERVES, 500) >= paid_out


def test_in_up__beyond_the_last_knot__is_none() -> None:
    curve = DepthCurve(knots=((100, 90), (200, 170)))
    assert curve.in_up(170) == 200
    assert curve.in_up(171) is None


def test_in_up__fraction_of_a_unit__is_rounded_up() -> None:
    assert DepthCurve(knots=((3, 2),)).in_up(1) == 2


def test_depth_curve__later_step_better_by_rounding__is_held_to_the_earlier_price() -> None:
    curve = DepthCurve(knots=((3, 2), (6, 5)))
    assert [(step.amount_in, step.amount_out) for step in curve.steps] == [(3, 2), (3, 2)]


@pytest.mark.parametrize("knots", [((0, 5),), ((5, 0),), ((5, 5), (5, 6)), ((5, 5), (6, 5))])
def test_depth_curve__amounts_that_do_not_rise__raises(knots: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(InvalidInput, match="rising amounts"):
        DepthCurve(knots=knots)


def test_merge_steps__two_venues__takes_the_better_price_first() -> None:
    cheap = DepthCurve(knots=((100, 95), (200, 180)))
    dear = DepthCurve(knots=((100, 92),))
    assert [step.amount_out for step in merge_steps((dear, cheap))] == [95, 92, 85]
