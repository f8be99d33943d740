"""Fills in dollars: what they traded, what they left, and how much of it a flash loan paid."""

from __future__ import annotations

from dataclasses import replace

from pmm.desk.settled_fills import SettledFill, settled_fills
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
from tests.helpers.quoting import MAKER, TAKER
from tests.unit.desk.performance_site import ETH, POOL, USD, block, filled, market

_BLOCK = block(1)


def read(events: tuple[ChainEvent, ...], weth_usd: int = 3_000) -> SettledFill:
    (found,) = settled_fills(
        sorted(events, key=lambda one: one.place.log_index),
        frozenset({MAKER}),
        market(weth_usd).usd_per_unit_e36,
    )
    return found


def moved(
    at: int, sender: Address, receiver: Address, amount: int, token: Address = USDC.address
) -> TokenMoved:
    place = EventPlace(block=_BLOCK, transaction_hash=b"\7" * 32, log_index=at)
    return TokenMoved(place=place, token=token, sender=sender, receiver=receiver, amount=amount)


def funded(*moves: ChainEvent) -> int:
    """The fill's event comes last, as its contract writes it."""
    fill, *_ = filled(_BLOCK)
    last = replace(fill, place=replace(fill.place, log_index=99))
    return read((last, *moves)).funded_usd_e6


def test_fill__from_inventory__has_its_value_its_edge_and_no_loan() -> None:
    found = read(filled(_BLOCK))
    assert (found.value_usd_e6, found.edge_usd_e6, found.funded_usd_e6) == (2_998 * USD, 2 * USD, 0)


def test_fill__its_payment_was_not_ours_to_see__leaves_what_it_says() -> None:
    found = read(filled(_BLOCK)[:1])
    assert (found.value_usd_e6, found.edge_usd_e6, found.funded_usd_e6) == (2_998 * USD, 2 * USD, 0)


def test_fill__one_side_has_no_price__counts_by_the_other() -> None:
    fill, *moves = filled(_BLOCK)
    assert isinstance(fill, OrderFilled)
    turned = replace(
        fill,
        maker_asset=WETH.address,
        taker_asset=USDC.address,
        making_amount=ETH,
        taking_amount=3_002 * USD,
    )
    assert read((turned, *moves), weth_usd=0).value_usd_e6 == 3_002 * USD


def test_funded__pool_or_lender_pays_first__is_what_came_up_to_what_was_given() -> None:
    to_taker, from_taker = moved(5, MAKER, TAKER, 2_998 * USD), moved(6, TAKER, MAKER, ETH, WETH.address)
    for came, expected in ((1_000, 1_000), (2_998, 2_998), (5_000, 2_998)):
        assert funded(moved(4, POOL, MAKER, came * USD), to_taker, from_taker) == expected * USD


def test_funded__hedge_behind_the_payment_or_the_takers_own_money__is_none() -> None:
    to_taker = moved(5, MAKER, TAKER, 2_998 * USD)
    assert funded(to_taker, moved(7, POOL, MAKER, 2_998 * USD)) == 0
    assert funded(moved(4, TAKER, MAKER, 2_998 * USD), to_taker) == 0


def test_funded__out_of_our_lending_account__is_no_loan() -> None:
    withdrawn = LendingChanged(
        place=EventPlace(block=_BLOCK, transaction_hash=b"\7" * 32, log_index=3),
        market=LendingMarket.AAVE_V3,
        action=LendingAction.WITHDRAW,
        account=MAKER,
        token=USDC.address,
        amount=2_998 * USD,
    )
    events = (withdrawn, moved(4, POOL, MAKER, 2_998 * USD), moved(5, MAKER, TAKER, 2_998 * USD))
    assert funded(*events) == 0
