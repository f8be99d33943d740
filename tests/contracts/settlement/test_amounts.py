"""Amounts of a fill against exact arithmetic: for any order and any taker, never worse for the maker than signed."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contracts.settlement.conftest import FORTUNE
from tests.contracts.settlement.desk import MAKER_AMOUNT, Desk, moved

amounts = st.integers(1, 50) | st.integers(1, FORTUNE // 2) | st.integers(0, 80).map(lambda bits: 1 << bits)
requests = amounts | st.integers(FORTUNE, 2**100)


def _expected(making: int, taking: int, amount: int, by_making: bool) -> tuple[int, int]:
    """Floor what is given, ceil what is taken, clip to the order: 1inch's rules, written down once more."""
    if by_making:
        given_ = min(amount, making)
        return given_, -(-taking * given_ // making)
    given_ = making * amount // taking
    return (making, taking) if given_ > making else (given_, amount)


@settings(max_examples=150, deadline=None)
@given(making=amounts, taking=amounts, amount=requests, by_making=st.booleans())
@example(making=1, taking=100, amount=150, by_making=False)
@example(making=3, taking=2, amount=1, by_making=True)
@example(making=7, taking=3, amount=8, by_making=True)
def test_fill_order__any_amounts__are_exact_and_never_worse_for_the_maker(
    desk: Desk, making: int, taking: int, amount: int, by_making: bool
) -> None:
    order = desk.order(making_amount=making, taking_amount=taking)
    traits = MAKER_AMOUNT if by_making else 0
    given_, taken = _expected(making, taking, amount, by_making)
    if given_ == 0 or taken == 0:
        assert desk.fill_refusal(order, amount=amount, taker_traits=traits) == ("ZeroAmount", given_, taken)
        return
    if taken > FORTUNE:
        assert desk.fill_refusal(order, amount=amount, taker_traits=traits)[0] == "TokenCallFailed"
        return
    assert desk.simulate(order, amount=amount, taker_traits=traits)[:2] == (given_, taken)
    assert given_ * taking <= taken * making
    assert given_ <= making


@settings(max_examples=80, deadline=None)
@given(
    making=amounts,
    taking=amounts,
    amount=requests,
    threshold=st.integers(1, 2**100) | st.integers(1, 60) | st.integers(2**127, 2**180),
    by_making=st.booleans(),
)
# Beyond 128 bits and yet no overflow.
@example(making=7, taking=3, amount=7, threshold=2**150, by_making=True)
@example(making=7, taking=3, amount=3, threshold=2**150, by_making=False)
def test_fill_order__any_threshold__holds_as_a_price(
    desk: Desk, making: int, taking: int, amount: int, threshold: int, by_making: bool
) -> None:
    order = desk.order(making_amount=making, taking_amount=taking)
    given_, taken = _expected(making, taking, amount, by_making)
    if given_ == 0 or taken == 0 or taken > FORTUNE:
        return
    traits = threshold | (MAKER_AMOUNT if by_making else 0)
    if by_making:
        held, refusal = taken * amount <= threshold * given_, ("TakingAmountTooHigh", taken, threshold)
    else:
        held, refusal = given_ * amount >= threshold * taken, ("MakingAmountTooLow", given_, threshold)
    if held:
        assert desk.simulate(order, amount=amount, taker_traits=traits)[:2] == (given_, taken)
    else:
        assert desk.fill_refusal(order, amount=amount, taker_traits=traits) == refusal


def test_fill_order__dust_fills_of_many_orders__never_pay_out_more_than_signed(
    desk: Desk, attacker: Any
) -> None:
    """Ten orders at 3 for 7, each filled in the way most favourable to the taker."""
    before = desk.balances(desk.settlement, attacker)
    for nonce in range(10):
        desk.fill(desk.order(nonce=nonce, making_amount=3, taking_amount=7), amount=3)
    (settlement, bystander) = moved(before, desk.balances(desk.settlement, attacker))
    assert settlement == (-10, 30)
    assert -settlement[0] * 7 <= settlement[1] * 3
    assert bystander == (0, 0)
