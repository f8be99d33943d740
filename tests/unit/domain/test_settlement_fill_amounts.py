"""Amounts on our own domain: decay, the smallest fill, and the rules they share with a plain order."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.domain import MakerTraits, QuoteDecay, RfqOrder, TakerTraits
from pmm.domain.fill_amounts import (
    FillAmounts,
    effective_making_amount_down,
    fill_amounts,
    settlement_fill_amounts,
    smallest_making_amount_up,
)
from pmm.errors import InvalidInput
from tests.unit.domain.test_orders import ORDER

EXPIRATION_S = 1_800_000_000
MAKING = TakerTraits(maker_amount=True)
# From 20 s before the expiration on, 0.5 bps each second, at most 7 bps.
DECAY = MakerTraits(
    expiration_s=EXPIRATION_S, decay_start_s=20, decay_slope_centi_bps_s=50, decay_cap_tenth_bps=70
)


def _order(traits: MakerTraits, making: int = 1_000_000, taking: int = 3_000_000) -> RfqOrder:
    return replace(ORDER, making_amount=making, taking_amount=taking, maker_traits=traits.encode())


def _moved(
    order: RfqOrder, amount: int, traits: TakerTraits = MAKING, now_s: int = EXPIRATION_S
) -> tuple[int, int]:
    found = settlement_fill_amounts(order, amount, traits, now_s=now_s)
    return found.making_amount, found.taking_amount


@pytest.mark.parametrize(
    ("seconds_left", "expected"),
    [(60, 1_000_000), (20, 1_000_000), (19, 999_950), (7, 999_350), (6, 999_300), (5, 999_300), (0, 999_300)],
)
def test_effective_making_amount__as_time_passes__falls_to_the_cap(seconds_left: int, expected: int) -> None:
    assert effective_making_amount_down(_order(DECAY), EXPIRATION_S - seconds_left) == expected


@pytest.mark.parametrize(
    "traits",
    [
        MakerTraits(expiration_s=EXPIRATION_S),
        replace(DECAY, decay_slope_centi_bps_s=0),
        replace(DECAY, decay_cap_tenth_bps=0),
        replace(DECAY, decay_start_s=0),
    ],
)
def test_effective_making_amount__decay_without_slope_cap_or_start__stays(traits: MakerTraits) -> None:
    assert effective_making_amount_down(_order(traits), EXPIRATION_S) == 1_000_000


def test_effective_making_amount__every_bit_set__is_largest_decay() -> None:
    traits = MakerTraits.decode((1 << 47) - 1 << 200 | EXPIRATION_S << 80)
    # 8,191 tenths of a bps are 81,910 parts of a million.
    assert effective_making_amount_down(_order(traits), EXPIRATION_S) == 1_000_000 - 81_910


@given(st.integers(1, 2**200), st.integers(0, 2**12 - 1), st.integers(0, 2**14 - 1), st.integers(0, 2**13 - 1),
       st.integers(0, 5_000))  # fmt: skip
def test_effective_making_amount__any_decay__is_the_formula_rounded_down(
    making: int, start_s: int, slope: int, cap: int, seconds_left: int
) -> None:
    traits = MakerTraits(
        expiration_s=EXPIRATION_S,
        decay_start_s=start_s,
        decay_slope_centi_bps_s=slope,
        decay_cap_tenth_bps=cap,
    )
    decay = min(Fraction(max(start_s - seconds_left, 0) * slope, 100), Fraction(cap, 10))  # in bps
    expected = floor(making * (1 - decay / 10_000))
    assert effective_making_amount_down(_order(traits, making), EXPIRATION_S - seconds_left) == expected


def test_settlement_fill_amounts__decayed__whole_order_costs_the_signed_taking_amount() -> None:
    order = _order(DECAY)
    assert _moved(order, 999_300) == (999_300, 3_000_000)
    assert _moved(order, 1_000_000) == (999_300, 3_000_000)  # clipped to what is left
    assert _moved(order, 3_000_000, TakerTraits()) == (999_300, 3_000_000)
    assert _moved(order, 499_650) == (499_650, 1_500_000)
    assert _moved(order, 100) == (100, 301)  # rounded up, for the maker


def test_settlement_fill_amounts__decayed_below_the_threshold__raises() -> None:
    order = _order(DECAY)
    assert _moved(order, 3_000_000, TakerTraits(threshold=999_300)) == (999_300, 3_000_000)
    with pytest.raises(InvalidInput, match="MakingAmountTooLow"):
        _moved(order, 3_000_000, TakerTraits(threshold=999_301))


def test_settlement_fill_amounts__all_or_nothing__means_what_decay_left() -> None:
    order = _order(replace(DECAY, no_partial_fills=True))
    assert _moved(order, 3_000_000, TakerTraits()) == (999_300, 3_000_000)
    with pytest.raises(InvalidInput, match="PartialFill: 999299 of 999300"):
        _moved(order, 999_299)


@pytest.mark.parametrize(
    ("ratio", "smallest"), [(1, 3_922), (128, 501_961), (254, 996_079), (255, 1_000_000)]
)
def test_settlement_fill_amounts__around_the_smallest_fill__is_held(ratio: int, smallest: int) -> None:
    order = _order(MakerTraits(expiration_s=EXPIRATION_S, min_fill_255ths=ratio))
    assert smallest_making_amount_up(order, 1_000_000) == smallest
    assert _moved(order, smallest)[0] == smallest
    with pytest.raises(InvalidInput, match=f"FillTooSmall: {smallest - 1} base units"):
        _moved(order, smallest - 1)


def test_settlement_fill_amounts__smallest_fill_of_a_decayed_order__shrinks_with_it() -> None:
    order = _order(replace(DECAY, min_fill_255ths=255))
    assert _moved(order, 999_300)[0] == 999_300
    with pytest.raises(InvalidInput, match="at least 999300"):
        _moved(order, 999_299)


@pytest.mark.parametrize(
    ("making", "taking", "amount", "traits", "message"),
    [
        (1, 5, 5, TakerTraits(), "ZeroAmount: the fill would move 0"),  # decay leaves nothing of one unit
        (1_000_000, 3, 0, MAKING, "ZeroAmount"),
        (2**255, 3, 2, MAKING, "AmountOverflow"),  # the decayed product
        (1_000_000, 3, 2**255, TakerTraits(), "AmountOverflow"),
        (1_000_000, 3_000_000, 5, replace(MAKING, threshold=15), "TakingAmountTooHigh"),
    ],
)
def test_settlement_fill_amounts__fill_that_would_revert__raises_with_its_error(
    making: int, taking: int, amount: int, traits: TakerTraits, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        _moved(_order(DECAY, making, taking), amount, traits)


def test_settlement_fill_amounts__whole_fill_of_huge_amounts__needs_no_product() -> None:
    order = _order(MakerTraits(expiration_s=EXPIRATION_S), 2**200 + 1, 2**190 + 1)
    assert _moved(order, order.making_amount) == (order.making_amount, order.taking_amount)
    assert _moved(order, order.taking_amount, TakerTraits()) == (order.making_amount, order.taking_amount)
    with pytest.raises(InvalidInput, match="AmountOverflow"):
        fill_amounts(order, order.making_amount, MAKING)


def test_settlement_fill_amounts__product_that_wraps_to_zero__is_refused_as_on_chain() -> None:
    order = _order(MakerTraits(expiration_s=EXPIRATION_S), 2**128, 2**128)
    with pytest.raises(InvalidInput, match="ZeroAmount"):
        _moved(order, 2**128)


@given(st.integers(1, 2**96), st.integers(1, 2**96), st.integers(1, 2**97), st.booleans(), st.integers(0, 30),
       st.integers(0, 255))  # fmt: skip
def test_settlement_fill_amounts__any__never_favours_the_taker(
    making: int, taking: int, amount: int, by_maker_amount: bool, seconds_left: int, ratio: int
) -> None:
    order = _order(replace(DECAY, min_fill_255ths=ratio), making, taking)
    now_s = EXPIRATION_S - seconds_left
    whole = effective_making_amount_down(order, now_s)
    try:
        moved = settlement_fill_amounts(order, amount, TakerTraits(maker_amount=by_maker_amount), now_s=now_s)
    except InvalidInput:
        return
    assert moved.making_amount <= whole <= making
    assert moved.taking_amount * whole >= moved.making_amount * taking
    assert moved.making_amount >= ceil(Fraction(whole * ratio, 255))


@given(st.integers(1, 2**120), st.integers(1, 2**120), st.integers(1, 2**120), st.booleans())
def test_settlement_fill_amounts__plain_order__equals_1inch(
    making: int, taking: int, amount: int, by_maker_amount: bool
) -> None:
    order, traits = _order(MakerTraits(), making, taking), TakerTraits(maker_amount=by_maker_amount)

    def outcome(on_1inch: bool) -> FillAmounts | None:
        try:
            if on_1inch:
                return fill_amounts(order, amount, traits)
            return settlement_fill_amounts(order, amount, traits, now_s=0)
        except InvalidInput:
            return None

    assert outcome(True) == outcome(False)


def test_quote_decay__for_quote__fills_the_fields() -> None:
    traits = MakerTraits.for_quote(
        lane=0,
        nonce=0,
        expiration_s=EXPIRATION_S,
        min_fill_255ths=51,
        decay=QuoteDecay(start_s=20, slope_centi_bps_s=50, cap_tenth_bps=70),
    )
    assert traits == replace(DECAY, min_fill_255ths=51)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("start_s", 0, "at least 1"),
        ("slope_centi_bps_s", 0, "at least 1"),
        ("cap_tenth_bps", 0, "at least 1"),
        ("start_s", 4096, "at most 12 bits"),
        ("slope_centi_bps_s", 16384, "at most 14 bits"),
        ("cap_tenth_bps", 8192, "at most 13 bits"),
        ("cap_tenth_bps", -1, "a number >= 0"),
    ],
)
def test_quote_decay__part_without_effect_or_too_large__raises(field: str, value: int, message: str) -> None:
    parts = {"start_s": 20, "slope_centi_bps_s": 50, "cap_tenth_bps": 70, field: value}
    with pytest.raises(InvalidInput, match=f"decay {field}: expected {message}"):
        QuoteDecay(**parts)
