"""Decay: what a maker gives shrinks on a signed slope before the expiration, and never beyond the signed cap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contracts.settlement.conftest import PROFIT
from tests.contracts.settlement.desk import (
    MAKER_AMOUNT,
    MAKING,
    NO_PARTIAL_FILLS,
    TAKING,
    Desk,
    RawOrder,
    args_traits,
    extension_of,
    moved,
)

ONE_UNIT = 1_000_000
LIFE_S = 600
START_S = 60
SLOPE = 1_000  # 10 bps a second
CAP = 500  # 0.5 %, reached after 5 seconds


def flags_of(*, start_s: int = START_S, slope: int = SLOPE, cap: int = CAP) -> int:
    return cap << 234 | slope << 220 | start_s << 208


def left_of(making: int, elapsed_s: int, *, slope: int = SLOPE, cap: int = CAP) -> int:
    """What is left so many seconds after the start, in units of 0.01 bps, rounded down."""
    decay = min(max(elapsed_s, 0) * slope, cap * 10)
    return making * (ONE_UNIT - decay) // ONE_UNIT


@pytest.fixture
def start_s(desk: Desk) -> int:
    """When the decay of `_order` starts."""
    return desk.now_s() + LIFE_S - START_S


def _order(desk: Desk, start_s: int, **changes: Any) -> RawOrder:
    terms = {name: changes.pop(name) for name in ("slope", "cap") if name in changes}
    flags = changes.pop("flags", 0) | flags_of(**terms)
    return desk.order(expiration_s=start_s + START_S, flags=flags, **changes)


def test_decay__second_by_second__starts_grows_and_ends_where_signed(desk: Desk, start_s: int) -> None:
    order = _order(desk, start_s)
    for elapsed_s in (-START_S, -1, 0, 1, 2, 4, 5, 6, START_S - 1, START_S):
        expected = (left_of(MAKING, elapsed_s), TAKING)
        assert desk.simulate(order, at_s=start_s + elapsed_s)[:2] == expected, elapsed_s
        assert desk.simulate(order, at_s=start_s + elapsed_s, args=b"")[:2] == expected, elapsed_s
    assert left_of(MAKING, 0) == MAKING
    assert left_of(MAKING, 1) == MAKING * 999 // 1_000
    assert left_of(MAKING, 5) == left_of(MAKING, 6) == MAKING * 995 // 1_000
    end_s = start_s + START_S
    assert desk.fill_refusal(order, at_s=end_s + 1) == ("OrderExpired", end_s, end_s + 1)


def test_decay__cap_between_two_seconds__is_met_exactly(desk: Desk, start_s: int) -> None:
    order = _order(desk, start_s, cap=249)
    for elapsed_s, decay in ((2, 2_000), (3, 2_490), (4, 2_490)):
        expected = MAKING * (ONE_UNIT - decay) // ONE_UNIT
        assert desk.simulate(order, at_s=start_s + elapsed_s)[0] == expected


@pytest.mark.parametrize(("slope", "cap"), [(0, CAP), (SLOPE, 0), (0, 0)])
def test_decay__without_slope_or_cap__takes_nothing(desk: Desk, start_s: int, slope: int, cap: int) -> None:
    order = _order(desk, start_s, slope=slope, cap=cap)
    assert desk.simulate(order, at_s=start_s + START_S)[0] == MAKING


def test_decay__start_of_zero__starts_at_the_expiration(desk: Desk) -> None:
    end_s = desk.now_s() + LIFE_S
    order = desk.order(expiration_s=end_s, flags=flags_of(start_s=0))
    assert desk.simulate(order, at_s=end_s)[0] == MAKING


def test_decay__longest_start_steepest_slope_highest_cap__take_what_their_bits_say(desk: Desk) -> None:
    desk.settlement.setMaxExpiry(65_535, sender=desk.owner)
    end_s = desk.now_s() + 5_000
    order = desk.order(expiration_s=end_s, flags=flags_of(start_s=4_095, slope=16_383, cap=8_191))
    start_s = end_s - 4_095
    assert desk.simulate(order, at_s=start_s)[0] == MAKING
    assert desk.simulate(order, at_s=start_s + 1)[0] == MAKING * (ONE_UNIT - 16_383) // ONE_UNIT
    assert desk.simulate(order, at_s=start_s + 4)[0] == MAKING * (ONE_UNIT - 65_532) // ONE_UNIT
    assert desk.simulate(order, at_s=start_s + 5)[0] == MAKING * (ONE_UNIT - 81_910) // ONE_UNIT
    assert desk.simulate(order, at_s=end_s)[0] == MAKING * (ONE_UNIT - 81_910) // ONE_UNIT


@settings(max_examples=60, deadline=None)
@given(
    making=st.integers(1, 60) | st.integers(1, 10**26),
    elapsed_s=st.integers(-60, 60),
    slope=st.integers(0, 16_383),
    cap=st.integers(0, 8_191),
)
@example(making=3, elapsed_s=1, slope=1, cap=1)
@example(making=1, elapsed_s=1, slope=1, cap=1)
def test_decay__any_terms__round_for_the_maker_and_stay_within_the_cap(
    desk: Desk, making: int, elapsed_s: int, slope: int, cap: int
) -> None:
    start_s = desk.now_s() + 200
    order = _order(desk, start_s, slope=slope, cap=cap, making_amount=making)
    left = left_of(making, elapsed_s, slope=slope, cap=cap)
    if left == 0:
        assert desk.fill_refusal(order, at_s=start_s + elapsed_s) == ("ZeroAmount", 0, TAKING)
        return
    assert desk.simulate(order, at_s=start_s + elapsed_s)[:2] == (left, TAKING)
    assert left * ONE_UNIT <= making * (ONE_UNIT - min(max(elapsed_s, 0) * slope, cap * 10))
    assert (making - left) * ONE_UNIT < making * cap * 10 + ONE_UNIT


# ---------------------------------------------------------------- the taker's side


def test_decay__threshold_on_what_it_gets__holds_after_decay(desk: Desk, start_s: int) -> None:
    order = _order(desk, start_s)
    left = left_of(MAKING, 2)
    at_s = start_s + 2
    assert desk.simulate(order, taker_traits=left, at_s=at_s)[0] == left
    refusal = desk.fill_refusal(order, taker_traits=left + 1, at_s=at_s)
    assert refusal == ("MakingAmountTooLow", left, left + 1)
    assert desk.simulate(order, taker_traits=MAKING, at_s=start_s)[0] == MAKING


def test_decay__threshold_on_what_it_pays__holds_after_decay(desk: Desk, start_s: int) -> None:
    """Half of what is left costs half of the taking amount: the price per unit has risen."""
    order = _order(desk, start_s)
    left, at_s = left_of(MAKING, 5), start_s + 5
    asked = MAKING // 2
    taking = -(-asked * TAKING // left)
    assert taking > TAKING // 2
    how: dict[str, Any] = {"amount": asked, "at_s": at_s}
    found = desk.simulate(order, taker_traits=MAKER_AMOUNT | taking, **how)
    assert found[:2] == (asked, taking)
    refusal = desk.fill_refusal(order, taker_traits=MAKER_AMOUNT | taking - 1, **how)
    assert refusal == ("TakingAmountTooHigh", taking, taking - 1)


def test_decay__more_asked_than_is_left__is_clipped_to_it_and_the_threshold_stays_a_price(
    desk: Desk, start_s: int
) -> None:
    order = _order(desk, start_s)
    left, at_s = left_of(MAKING, 5), start_s + 5
    how: dict[str, Any] = {"amount": MAKING, "at_s": at_s}
    assert desk.simulate(order, taker_traits=MAKER_AMOUNT, **how)[:2] == (left, TAKING)
    # TAKING for all of MAKING was the price of the start.
    refusal = desk.fill_refusal(order, taker_traits=MAKER_AMOUNT | TAKING, **how)
    assert refusal == ("TakingAmountTooHigh", TAKING, TAKING)
    ceiling = -(-TAKING * MAKING // left)
    assert desk.simulate(order, taker_traits=MAKER_AMOUNT | ceiling, **how)[:2] == (left, TAKING)


def test_decay__fill_or_kill__means_the_whole_of_what_is_left(desk: Desk, start_s: int) -> None:
    order = _order(desk, start_s, flags=NO_PARTIAL_FILLS)
    left, at_s = left_of(MAKING, 3), start_s + 3
    assert desk.simulate(order, at_s=at_s)[0] == left
    refusal = desk.fill_refusal(order, amount=left - 1, taker_traits=MAKER_AMOUNT, at_s=at_s)
    assert refusal == ("PartialFill", left - 1, left)


def test_decay__fill_in_a_block__moves_what_is_left_and_reports_it(
    desk: Desk, start_s: int, next_block_at: Any
) -> None:
    order = _order(desk, start_s)
    left = left_of(MAKING, 4)
    before = desk.balances(desk.settlement, desk.taker)
    method, values = desk.call_of(order)
    next_block_at(start_s + 4)
    receipt = method(*values, sender=desk.taker, gas=1_000_000)
    assert moved(before, desk.balances(desk.settlement, desk.taker)) == [(-left, TAKING), (left, -TAKING)]
    (event,) = receipt.decode_logs(desk.settlement.OrderFilled)
    assert (event.makingAmount, event.takingAmount) == (left, TAKING)
    assert bytes(event.orderHash) == order.digest(desk.domain)


def test_decay__funded_fill__asks_the_hedger_for_what_is_left(desk: Desk, honest: Any, start_s: int) -> None:
    extension = extension_of(plan=2 << 248 | PROFIT)
    order = desk.with_extension(extension, expiration_s=start_s + START_S, flags=flags_of())
    found = desk.simulate(
        order,
        function="fillOrderFunded",
        taker_traits=args_traits(extension=extension),
        args=extension,
        at_s=start_s + 1,
    )
    assert found[:2] == (left_of(MAKING, 1), TAKING)
