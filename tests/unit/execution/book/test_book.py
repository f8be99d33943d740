"""The book: events forward and back, the chain as judge to the unit, exposure by origin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pmm.domain import (
    USDC,
    WETH,
    BlockRef,
    ChainEvent,
    LendingAction,
    LendingChanged,
    LendingMarket,
    TokenMoved,
)
from pmm.execution.book import (
    NO_AMOUNT,
    AccountKind,
    BalanceKey,
    BookScope,
    Cause,
    ChainReading,
    IndexedAmount,
    InventoryBook,
    LendingKey,
    LendingMark,
    Origin,
    PendingQuote,
    Side,
    exposures,
    reconcile,
)
from pmm.execution.hedging import PerpPosition
from tests.helpers.hedging import (
    ETHER,
    LENDING,
    POOL,
    SETTLEMENT,
    TAKER,
    block,
    change,
    fill_events,
    place,
)

WALLET = TAKER.__class__("0x00000000000000000000000000000000000000D1")
SCOPE = BookScope(
    accounts={
        SETTLEMENT: AccountKind.CONTRACT,
        LENDING: AccountKind.CONTRACT,
        WALLET: AccountKind.WALLET,
    },
    tokens=(WETH.address, USDC.address),
)
T1 = b"\x01" * 32
DEBT = LendingKey(LendingMarket.AAVE_V3, LENDING, WETH.address)
RAY = 10**27


def reading(where: BlockRef, *, debt: IndexedAmount | None = None, **changes: int) -> ChainReading:
    """A reading of 100 WETH and a million USDC in the settlement contract; ``weth=1`` is a unit more."""
    balances = {BalanceKey(account, token): 0 for account in SCOPE.accounts for token in SCOPE.tokens}
    balances[BalanceKey(SETTLEMENT, WETH.address)] = 100 * ETHER + changes.get("weth", 0)
    balances[BalanceKey(SETTLEMENT, USDC.address)] = 10**12 + changes.get("usdc", 0)
    balances[BalanceKey(WALLET, USDC.address)] = changes.get("wallet_usdc", 0)
    lending = {DEBT: LendingMark(supply=NO_AMOUNT, debt=debt)} if debt else {}
    return ChainReading(block=where, balances=balances, lending=lending)


def owed(amount: int, *, index: int = RAY, shares: int | None = None) -> IndexedAmount:
    """Debt on Aave."""
    return IndexedAmount(
        amount=amount,
        shares=shares if shares is not None else amount * RAY // index,
        index=index,
        rate_wad=5 * 10**16,
    )


def opened(**options: object) -> InventoryBook:
    book = InventoryBook(scope=SCOPE)
    book.open(reading(block(0), **options))  # type: ignore[arg-type]
    return book


def moved(where: BlockRef, amount: int, *, sender: str = TAKER, receiver: str = SETTLEMENT) -> TokenMoved:
    return TokenMoved(
        place=place(where, T1),
        token=WETH.address,
        sender=sender,  # type: ignore[arg-type]
        receiver=receiver,  # type: ignore[arg-type]
        amount=amount,
    )


def lent(where: BlockRef, action: LendingAction, amount: int) -> LendingChanged:
    return LendingChanged(
        place=place(where, T1, 9),
        market=LendingMarket.AAVE_V3,
        action=action,
        account=LENDING,
        token=WETH.address,
        amount=amount,
    )


def weth(book: InventoryBook) -> int:
    return book.balances[BalanceKey(SETTLEMENT, WETH.address)]


def test_fill__moves_both_assets__and_back_when_undone__once() -> None:
    book = opened()
    events = fill_events(block(1), T1, sells=ETHER)
    for _ in range(2):
        book.apply(change(block(1), added=events))
    assert reconcile(book, reading(block(1), weth=-ETHER, usdc=3_000 * 10**6)).clean
    for _ in range(2):
        book.apply(change(block(1, "b"), removed=events[::-1]))
    assert reconcile(book, reading(block(1, "b"))).clean


def test_events_at_or_below_the_opening_block__count_no_more() -> None:
    book = opened()
    book.apply(change(block(1), added=fill_events(block(0), T1, sells=ETHER)))
    assert weth(book) == 100 * ETHER


def test_move_between_our_accounts__counts_on_both_sides() -> None:
    book = opened()
    book.apply(change(block(1), added=(moved(block(1), 5, sender=SETTLEMENT, receiver=LENDING),)))
    assert weth(book) == 100 * ETHER - 5
    assert book.balances[BalanceKey(LENDING, WETH.address)] == 5
    assert exposures(book, now_s=0)[WETH.address].net == 100 * ETHER


@pytest.mark.parametrize("unit", [1, -1])
def test_one_unit__without_a_log__is_told_once(unit: int) -> None:
    book = opened()
    book.apply(change(block(1)))
    (found,) = reconcile(book, reading(block(1), weth=unit)).differences
    assert (found.cause, found.difference) == (Cause.UNSEEN_TRANSFER, unit)
    book.apply(change(block(2)))
    assert reconcile(book, reading(block(2), weth=unit)).clean


def test_less_than_the_log_says__is_a_fee_on_transfer() -> None:
    book = opened()
    book.apply(change(block(1), added=(moved(block(1), 1_000),)))
    (found,) = reconcile(book, reading(block(1), weth=997)).differences
    assert (found.cause, found.difference) == (Cause.FEE_ON_TRANSFER, -3)


def test_leg_of_a_fill_without_transfer__is_a_missed_event() -> None:
    book = opened()
    events = fill_events(block(1), T1, sells=ETHER)
    book.apply(change(block(1), added=(events[0], events[2])))
    (found,) = reconcile(book, reading(block(1), weth=-ETHER, usdc=3_000 * 10**6)).differences
    assert found.cause is Cause.MISSED_EVENT
    assert "fill 0x" in found.detail


def test_move_between_our_accounts_without_log__is_a_missed_event() -> None:
    book = opened()
    book.apply(change(block(1)))
    found = reconcile(book, reading(block(1), usdc=-7, wallet_usdc=7)).differences
    assert [one.cause for one in found] == [Cause.MISSED_EVENT, Cause.MISSED_EVENT]


def test_other_branch__is_a_reorganisation_in_progress__and_nothing_is_taken_over() -> None:
    book = opened()
    book.apply(change(block(1), added=(moved(block(1), 5),)))
    (found,) = reconcile(book, reading(block(1, "b"))).differences
    assert found.cause is Cause.REORG_IN_PROGRESS
    assert weth(book) == 100 * ETHER + 5
    # A reading of another height says nothing.
    assert reconcile(book, reading(block(2))).clean


def test_late_event__below_an_adopted_reading__counts_no_more() -> None:
    book = opened()
    book.apply(change(block(1)))
    assert not reconcile(book, reading(block(1), weth=5)).clean
    book.apply(change(block(2), added=(moved(block(1), 5),)))
    assert reconcile(book, reading(block(2), weth=5)).clean


def test_undone_block__below_an_adopted_reading__is_read_again_and_said() -> None:
    book = opened()
    events = (moved(block(1), 5),)
    book.apply(change(block(1), added=events))
    assert not reconcile(book, reading(block(1), weth=6)).clean
    book.apply(change(block(1, "b"), removed=events))
    (found,) = reconcile(book, reading(block(1, "b"))).differences
    assert found.cause is Cause.LIQUIDATION_OR_REORG
    book.apply(change(block(2, "b")))
    assert reconcile(book, reading(block(2, "b"))).clean


def test_undone_block__counted_before_a_reading_was_adopted__is_not_taken_back_from_it() -> None:
    book = opened()
    events = (moved(block(1), 5),)
    book.apply(change(block(1), added=events))
    assert not reconcile(book, reading(block(1), weth=6)).clean
    book.apply(change(block(1, "b"), removed=events))
    assert weth(book) == 100 * ETHER + 6


def test_undone_block__and_the_reading_agrees__is_no_cause_of_what_comes_later() -> None:
    book = opened()
    events = (moved(block(1), 5),)
    book.apply(change(block(1), added=events))
    assert not reconcile(book, reading(block(1), weth=6)).clean
    book.apply(change(block(1, "b"), removed=events))
    assert reconcile(book, reading(block(1, "b"), weth=6)).clean
    book.apply(change(block(2, "b")))
    (found,) = reconcile(book, reading(block(2, "b"), weth=7)).differences
    assert found.cause is Cause.UNSEEN_TRANSFER


def test_interest__as_the_index_says__is_no_alert_and_is_booked() -> None:
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1)))
    index = RAY + RAY // 1_000
    later = owed(10 * ETHER * index // RAY, index=index, shares=10 * ETHER)
    outcome = reconcile(book, reading(block(1), debt=later))
    assert outcome.clean
    assert [one.amount for one in outcome.interest] == [-(10 * ETHER) // 1_000]


def test_debt__one_share_more_without_an_event__is_a_missed_event() -> None:
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1)))
    (found,) = reconcile(
        book, reading(block(1), debt=owed(10 * ETHER + 1, shares=10 * ETHER + 1))
    ).differences
    assert (found.side, found.difference) == (Side.DEBT, 1)
    book.apply(change(block(2)))
    assert reconcile(book, reading(block(2), debt=owed(10 * ETHER + 1, shares=10 * ETHER + 1))).clean


def test_debt__changed_by_an_event_at_an_index_in_between__is_explained() -> None:
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1), added=(lent(block(1), LendingAction.BORROW, ETHER),)))
    index = RAY + RAY // 10_000
    shares = 10 * ETHER + ETHER * RAY // (RAY + RAY // 20_000)
    now = owed(shares * index // RAY, index=index, shares=shares)
    assert reconcile(book, reading(block(1), debt=now)).clean
    more = replace(now, amount=now.amount + ETHER // 1_000)
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1), added=(lent(block(1), LendingAction.BORROW, ETHER),)))
    (found,) = reconcile(book, reading(block(1), debt=more)).differences
    assert found.cause is Cause.MISSED_EVENT


def test_debt__changed_by_an_event_that_was_final_before_the_next_reading__is_explained() -> None:
    book = opened(debt=owed(10 * ETHER))
    borrowed = (lent(block(10), LendingAction.BORROW, ETHER),)
    book.apply(change(block(100), added=borrowed, finalised=60))
    assert reconcile(book, reading(block(100), debt=owed(11 * ETHER))).clean
    # Once it is in a reading, nothing of it is kept.
    book.apply(change(block(101), finalised=61))
    assert not book._applied


def test_liquidation__is_read_from_the_market_and_said() -> None:
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1), added=(lent(block(1), LendingAction.LIQUIDATION, ETHER),)))
    (found,) = reconcile(book, reading(block(1), debt=owed(5 * ETHER))).differences
    assert found.cause is Cause.LIQUIDATION_OR_REORG


def test_position_that_is_not_read__is_unknown_and_said() -> None:
    book = opened(debt=owed(10 * ETHER))
    book.apply(change(block(1)))
    (found,) = reconcile(book, reading(block(1))).differences
    assert found.cause is Cause.NOT_READ


def test_exposure__sums_every_origin_and_measures_from_the_target() -> None:
    book = opened(debt=owed(10 * ETHER), wallet_usdc=50)
    found = exposures(
        book,
        now_s=block(0).time_s,
        perps=(PerpPosition(venue="paper", asset=WETH.address, amount=-20 * ETHER, entry_usd_e36=1),),
        quotes=(
            PendingQuote(
                maker_asset=WETH.address,
                taker_asset=USDC.address,
                making_amount=3,
                taking_amount=9_001,
                fill_probability_bps=5_000,
            ),
        ),
        targets={WETH.address: 60 * ETHER},
        reserved={WETH.address: 3},
    )
    one = found[WETH.address]
    assert one.by_origin == {
        Origin.CONTRACT: 100 * ETHER,
        Origin.LENDING_DEBT: -10 * ETHER,
        Origin.PERP: -20 * ETHER,
        Origin.PENDING_QUOTES: -2,
    }
    assert one.delta == 10 * ETHER - 2
    assert one.delta_bps == 1_000
    assert (one.inventory, one.free) == (100 * ETHER, 100 * ETHER - 3)
    assert found[USDC.address].by_origin[Origin.PENDING_QUOTES] == 4_500
    assert found[USDC.address].by_origin[Origin.WALLET] == 50


def test_exposure__debt_grows_with_time__rounded_against_the_desk() -> None:
    book = opened(debt=owed(10 * ETHER))
    year = block(0).time_s + 365 * 86_400
    assert exposures(book, now_s=year)[WETH.address].by_origin[Origin.LENDING_DEBT] == -105 * ETHER // 10
    assert (
        exposures(book, now_s=block(0).time_s + 1)[WETH.address].by_origin[Origin.LENDING_DEBT] < -10 * ETHER
    )


def test_exposure__short_without_inventory__is_unknown() -> None:
    book = InventoryBook(scope=SCOPE)
    empty = reading(block(0), weth=-100 * ETHER, debt=owed(1))
    book.open(empty)
    assert exposures(book, now_s=block(0).time_s)[WETH.address].delta_bps is None


def test_unknown_token_and_stranger__change_nothing() -> None:
    book = opened()
    other = replace(moved(block(1), 5), token=POOL)
    between = moved(block(1), 5, sender=TAKER, receiver=POOL)
    events: tuple[ChainEvent, ...] = (other, replace(between, place=place(block(1), T1, 1)))
    book.apply(change(block(1), added=events))
    assert reconcile(book, reading(block(1))).clean
