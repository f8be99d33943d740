"""The minimum fill ratio: no fill below the signed share of the order, counted in 255ths and rounded up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
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
from tests.contracts.settlement.test_decay import START_S, flags_of, left_of


def _minimum(whole: int, ratio: int) -> int:
    return -(-whole * ratio // 255)


def _order(desk: Desk, ratio: int, **changes: Any) -> RawOrder:
    return desk.order(flags=changes.pop("flags", 0) | ratio << 200, **changes)


@pytest.mark.parametrize("ratio", [1, 2, 127, 128, 254, 255])
def test_minimum_ratio__share__holds_to_the_unit(desk: Desk, ratio: int) -> None:
    minimum = _minimum(MAKING, ratio)
    order = _order(desk, ratio)
    for args in (None, b""):
        how: dict[str, Any] = {"taker_traits": MAKER_AMOUNT, "args": args}
        assert desk.simulate(order, amount=minimum, **how)[0] == minimum
        refusal = desk.fill_refusal(order, amount=minimum - 1, **how)
        assert refusal == ("FillTooSmall", minimum - 1, minimum)


def test_minimum_ratio__zero__allows_a_single_unit(desk: Desk) -> None:
    assert desk.simulate(_order(desk, 0), amount=1, taker_traits=MAKER_AMOUNT)[0] == 1


def test_minimum_ratio__fill_named_by_what_the_taker_pays__is_judged_by_what_it_gets(desk: Desk) -> None:
    minimum = _minimum(MAKING, 128)
    enough = -(-minimum * TAKING // MAKING)
    short = enough - 1
    order = _order(desk, 128)
    assert desk.simulate(order, amount=enough)[0] >= minimum
    assert desk.fill_refusal(order, amount=short) == ("FillTooSmall", short * MAKING // TAKING, minimum)


@pytest.mark.parametrize(("making", "ratio", "minimum"), [(7, 128, 4), (3, 1, 1), (255, 1, 1), (256, 1, 2)])
def test_minimum_ratio__share_of_few_units__is_rounded_up(
    desk: Desk, making: int, ratio: int, minimum: int
) -> None:
    order = _order(desk, ratio, making_amount=making)
    assert desk.simulate(order, amount=minimum, taker_traits=MAKER_AMOUNT)[0] == minimum
    if minimum > 1:
        refusal = desk.fill_refusal(order, amount=minimum - 1, taker_traits=MAKER_AMOUNT)
        assert refusal == ("FillTooSmall", minimum - 1, minimum)


def test_minimum_ratio__whole_order__fills_whatever_the_ratio(desk: Desk) -> None:
    for ratio in (1, 255):
        assert desk.simulate(_order(desk, ratio))[:2] == (MAKING, TAKING)
        assert desk.simulate(_order(desk, ratio), amount=TAKING * 2)[:2] == (MAKING, TAKING)


def test_minimum_ratio__fill__burns_the_nonce_and_moves_exactly(desk: Desk) -> None:
    minimum = _minimum(MAKING, 128)
    order = _order(desk, 128)
    taking = -(-minimum * TAKING // MAKING)
    before = desk.balances(desk.settlement, desk.taker)
    desk.fill(order, amount=minimum, taker_traits=MAKER_AMOUNT)
    after = desk.balances(desk.settlement, desk.taker)
    assert moved(before, after) == [(-minimum, taking), (minimum, -taking)]
    assert desk.fill_refusal(order)[0] == "NonceDead"


def test_minimum_ratio__with_fill_or_kill__fill_or_kill_speaks_first(desk: Desk) -> None:
    order = _order(desk, 128, flags=NO_PARTIAL_FILLS)
    refusal = desk.fill_refusal(order, amount=MAKING - 1, taker_traits=MAKER_AMOUNT)
    assert refusal == ("PartialFill", MAKING - 1, MAKING)
    assert desk.simulate(order)[0] == MAKING


def test_minimum_ratio__with_decay__is_a_share_of_what_is_left(desk: Desk) -> None:
    start_s = desk.now_s() + 500
    order = _order(desk, 128, expiration_s=start_s + START_S, flags=flags_of())
    left = left_of(MAKING, 5)
    minimum = _minimum(left, 128)
    assert minimum < _minimum(MAKING, 128)
    how: dict[str, Any] = {"taker_traits": MAKER_AMOUNT, "at_s": start_s + 5}
    assert desk.simulate(order, amount=minimum, **how)[0] == minimum
    assert desk.fill_refusal(order, amount=minimum - 1, **how) == ("FillTooSmall", minimum - 1, minimum)


def test_minimum_ratio__funded_fill__is_held_to_it(desk: Desk, honest: Any) -> None:
    extension = extension_of(plan=2 << 248 | PROFIT)
    order = desk.with_extension(extension, flags=128 << 200)
    minimum = _minimum(MAKING, 128)
    how: dict[str, Any] = {
        "function": "fillOrderFunded",
        "taker_traits": MAKER_AMOUNT | args_traits(extension=extension),
        "args": extension,
    }
    assert desk.simulate(order, amount=minimum, **how)[0] == minimum
    assert desk.fill_refusal(order, amount=minimum - 1, **how) == ("FillTooSmall", minimum - 1, minimum)


@settings(max_examples=50, deadline=None)
@given(
    making=st.integers(2, 1_000) | st.integers(2, 10**26),
    ratio=st.integers(1, 255),
    permille=st.integers(0, 999),
)
def test_minimum_ratio__any_part__fills_exactly_from_the_share_on(
    desk: Desk, making: int, ratio: int, permille: int
) -> None:
    amount = max(1, min(making - 1, making * permille // 1_000))
    order = _order(desk, ratio, making_amount=making)
    minimum = _minimum(making, ratio)
    if amount * 255 >= making * ratio:
        assert desk.simulate(order, amount=amount, taker_traits=MAKER_AMOUNT)[0] == amount
    else:
        refusal = desk.fill_refusal(order, amount=amount, taker_traits=MAKER_AMOUNT)
        assert refusal == ("FillTooSmall", amount, minimum)
