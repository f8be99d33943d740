"""Scaled integers keep every digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.fixed_point import bps_of_share, bps_text, div_up, share_of_bps_e36


@given(st.integers(min_value=0, max_value=2**300), st.integers(min_value=1, max_value=2**200))
def test_div_up__any_operands__is_the_ceiling(numerator: int, denominator: int) -> None:
    quotient = div_up(numerator, denominator)
    assert (quotient - 1) * denominator < numerator <= quotient * denominator


@given(st.integers(min_value=-(10**40), max_value=10**40))
def test_bps_of_share__any_share__comes_back_exactly(share_e36: int) -> None:
    assert share_of_bps_e36(bps_of_share(share_e36)) == share_e36


def test_share_of_bps_e36__more_than_32_places__raises() -> None:
    with pytest.raises(InvalidInput, match="32 decimal places"):
        share_of_bps_e36(Decimal("1e-33"))


@given(st.integers(-(10**45), 10**45) | st.integers(-(10**6), 10**6).map(lambda bps: bps * 10**32))
def test_bps_text__any_share__is_what_the_decimal_says(share_e36: int) -> None:
    assert bps_text(share_e36) == format(bps_of_share(share_e36), "f")
