"""Loans read from transfers, and components of profit that sum to what a transaction changed our wealth by."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from pmm.desk.flash_loans import FlashLoan, flash_loans
from pmm.desk.profit import ProfitOf
from pmm.domain import (
    USDC,
    WETH,
    Address,
    ChainEvent,
    EventPlace,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    TokenMoved,
)
from pmm.risk.events import PnlComponent
from tests.helpers.quoting import MAKER, TAKER
from tests.unit.desk.performance_site import ETH, POOL, USD, block

HEDGER = Address("0x" + "77" * 20)
LENDER = Address("0x" + "88" * 20)
OURS = frozenset({MAKER, HEDGER})
PRICES = {WETH.address: 3_000 * 10**18, USDC.address: 10**30}
Step = tuple[Address, Address, Address, int]


def place(index: int) -> EventPlace:
    return EventPlace(block=block(1), transaction_hash=b"\7" * 32, log_index=index)


def moves(*steps: Step) -> list[ChainEvent]:
    """Return transfers of one transaction as (token, sender, receiver, amount)."""
    return [
        TokenMoved(place=place(index), token=token, sender=sender, receiver=receiver, amount=amount)
        for index, (token, sender, receiver, amount) in enumerate(steps)
    ]


def order_filled(making: int, taking: int) -> OrderFilled:
    return OrderFilled(
        place=place(50),
        order_hash=b"\1" * 32,
        settled_by=MAKER,
        taker=TAKER,
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=making,
        taking_amount=taking,
    )


def funded(
    loan: int = 50 * ETH,
    premium: int = 25 * ETH // 1_000,
    taking: int = 150_150 * USD,
    sold: int = 150_085 * USD,
) -> list[ChainEvent]:
    """A lender's ether goes to the taker, and a part of the taker's dollars buys it back with the premium."""
    return [
        *moves(
            (WETH.address, LENDER, HEDGER, loan),
            (WETH.address, HEDGER, TAKER, loan),
            (USDC.address, TAKER, HEDGER, taking),
            (USDC.address, HEDGER, POOL, sold),
            (WETH.address, POOL, HEDGER, loan + premium),
            (WETH.address, HEDGER, LENDER, loan + premium),
        ),
        order_filled(loan, taking),
    ]


def loans(events: Sequence[ChainEvent]) -> tuple[FlashLoan, ...]:
    (found,) = flash_loans(events, OURS).values() or ((),)
    return found


def amounts(events: Sequence[ChainEvent]) -> dict[PnlComponent, int]:
    profit = ProfitOf(OURS, {WETH.address: "WETH", USDC.address: "USDC"}, frozenset({USDC.address}))
    found: dict[PnlComponent, int] = {}
    for one in profit.transactions(events, PRICES, 1):
        for row in one.booked:
            found[row.component] = found.get(row.component, 0) + row.amount_usd_e6
    return found


def test_loan__given_back_with_more__is_its_premium() -> None:
    assert loans(funded()) == (FlashLoan(token=WETH.address, amount=50 * ETH, premium=25 * ETH // 1_000),)


def test_loan__given_back_as_it_came__charges_nothing() -> None:
    assert loans(funded(premium=0)) == (FlashLoan(token=WETH.address, amount=50 * ETH, premium=0),)
    assert PnlComponent.FLASH_PREMIUM not in amounts(funded(premium=0))


def test_profit__funded_fill__is_spread_premium_and_what_is_left_of_slippage() -> None:
    # 25 thousandths of an ether at 3,000 are 75 dollars of premium; 65 dollars are left of 150 of spread.
    assert amounts(funded()) == {
        PnlComponent.SPREAD: 150 * USD,
        PnlComponent.FLASH_PREMIUM: -75 * USD,
        PnlComponent.HEDGE_SLIPPAGE: -10 * USD,
    }


def test_loan__flash_swap__is_none_for_its_pool_is_paid_in_the_other_token() -> None:
    swap = moves(
        (WETH.address, POOL, HEDGER, ETH),
        (WETH.address, HEDGER, TAKER, ETH),
        (USDC.address, TAKER, HEDGER, 3_010 * USD),
        (USDC.address, HEDGER, POOL, 3_002 * USD),
    )
    assert flash_loans(swap, OURS) == {}


def test_loan__somebody_who_gives_one_unit_and_takes_a_fill__is_no_lender() -> None:
    # Neither the taker, whatever he gives, nor anybody whose return is out of all proportion.
    gift = moves((WETH.address, TAKER, HEDGER, ETH), (WETH.address, HEDGER, TAKER, ETH + 1))
    assert flash_loans([*gift, order_filled(ETH, 3_010 * USD)], OURS) == {}
    assert (
        flash_loans(moves((WETH.address, LENDER, MAKER, 1), (WETH.address, MAKER, LENDER, ETH)), OURS) == {}
    )


def test_loan__supply_and_debt_of_ours__are_no_loan() -> None:
    events = moves((WETH.address, LENDER, HEDGER, ETH), (WETH.address, HEDGER, LENDER, ETH))
    moved = LendingChanged(
        place=place(9),
        market=LendingMarket.AAVE_V3,
        action=LendingAction.WITHDRAW,
        account=MAKER,
        token=WETH.address,
        amount=ETH,
    )
    assert flash_loans([*events, moved], OURS) == {}
    assert len(loans(events)) == 1


def test_loan__given_before_anything_came__is_no_return() -> None:
    events = moves((WETH.address, HEDGER, LENDER, ETH), (WETH.address, LENDER, HEDGER, ETH))
    assert flash_loans(events, OURS) == {}


@given(
    loan=st.integers(1, 10**24),
    premium_ppm=st.integers(0, 10_000),
    taking=st.integers(1, 10**16),
    sold=st.integers(1, 10**16),
    bought=st.integers(0, 10**24),
)
def test_profit__any_funded_fill__components_sum_to_the_whole_to_the_millionth(
    loan: int, premium_ppm: int, taking: int, sold: int, bought: int
) -> None:
    premium = loan * premium_ppm // 1_000_000
    events = [
        *moves(
            (WETH.address, LENDER, HEDGER, loan),
            (WETH.address, HEDGER, TAKER, loan),
            (USDC.address, TAKER, HEDGER, taking),
            (USDC.address, HEDGER, POOL, sold),
            (WETH.address, POOL, HEDGER, bought),
            (WETH.address, HEDGER, LENDER, loan + premium),
        ),
        order_filled(loan, taking),
    ]
    wealth_e36 = (bought - loan - premium) * PRICES[WETH.address] + (taking - sold) * PRICES[USDC.address]
    found = amounts(events)
    assert sum(found.values()) == wealth_e36 // 10**30
    assert -found.get(PnlComponent.FLASH_PREMIUM, 0) == -(-premium * PRICES[WETH.address] // 10**30)
