"""Interest: what grew by itself, and not what was moved."""

from __future__ import annotations

from dataclasses import replace

from pmm.desk.interest import AccruedInterest
from pmm.domain import USDC, WETH, ChainChange, EventPlace, LendingAction, LendingChanged
from pmm.domain.chain_events import LendingMarket
from pmm.execution.book import AccountKind, BookScope, InventoryBook, LendingKey
from pmm.execution.book.positions import NO_AMOUNT, IndexedAmount, LendingPosition
from pmm.risk.events import PnlBooked, PnlComponent
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import USD, block, market

KEY = LendingKey(LendingMarket.AAVE_V3, MAKER, USDC.address)
PRICES = market().usd_per_unit_e36


def position(*, supplied: int = 0, owed: int = 0) -> LendingPosition:
    def amount(units: int) -> IndexedAmount:
        return replace(NO_AMOUNT, amount=units)

    return LendingPosition(supply=amount(supplied), debt=amount(owed), read_at_s=100)


class Accounts:
    def __init__(self) -> None:
        self.interest = AccruedInterest({USDC.address: "USDC", WETH.address: "WETH"})
        self.book = InventoryBook(
            scope=BookScope(accounts={MAKER: AccountKind.CONTRACT}, tokens=(USDC.address,))
        )

    def accrued(self, **now: int) -> list[PnlBooked]:
        found = self.unwritten(**now)
        self.interest.booked()
        return found

    def unwritten(self, **now: int) -> list[PnlBooked]:
        self.book.lending[KEY] = position(**now)
        return self.interest.accrued(self.book, PRICES, 100, 5)

    def moved(self, action: LendingAction, amount: int, *, removed: bool = False) -> None:
        event = LendingChanged(
            place=EventPlace(block=block(1), transaction_hash=b"\1" * 32, log_index=0),
            market=LendingMarket.AAVE_V3,
            action=action,
            account=MAKER,
            token=USDC.address,
            amount=amount,
        )
        events = {"removed": (event,), "added": ()} if removed else {"removed": (), "added": (event,)}
        self.interest.moved([ChainChange(head=block(1), finalised=0, **events)])


def test_accrued__debt_that_grew__is_a_cost_and_supply_that_grew_earns() -> None:
    accounts = Accounts()
    assert accounts.accrued(supplied=100 * USD, owed=50 * USD) == []
    assert accounts.accrued(supplied=100 * USD, owed=52 * USD) == [
        PnlBooked(5, "USDC", PnlComponent.BORROW_INTEREST, -2 * USD)
    ]
    assert accounts.accrued(supplied=103 * USD, owed=52 * USD) == [
        PnlBooked(5, "USDC", PnlComponent.BORROW_INTEREST, 3 * USD)
    ]
    assert accounts.accrued(supplied=103 * USD, owed=52 * USD) == []


def test_accrued__what_was_borrowed_and_repaid__is_no_interest() -> None:
    accounts = Accounts()
    accounts.accrued(supplied=100 * USD, owed=50 * USD)
    accounts.moved(LendingAction.BORROW, 20 * USD)
    accounts.moved(LendingAction.SUPPLY, 5 * USD)
    assert accounts.accrued(supplied=105 * USD, owed=70 * USD) == []
    accounts.moved(LendingAction.REPAY, 70 * USD)
    accounts.moved(LendingAction.WITHDRAW, 5 * USD)
    (one,) = accounts.accrued(supplied=100 * USD, owed=USD)
    assert one.amount_usd_e6 == -USD
    accounts.moved(LendingAction.REPAY, 70 * USD, removed=True)
    assert accounts.accrued(supplied=100 * USD, owed=71 * USD) == []


def test_accrued__liquidation__begins_anew_and_is_no_interest() -> None:
    accounts = Accounts()
    accounts.accrued(supplied=100 * USD, owed=50 * USD)
    accounts.moved(LendingAction.LIQUIDATION, 30 * USD)
    assert accounts.accrued(supplied=60 * USD, owed=20 * USD) == []


def test_accrued__without_a_price__waits_for_one() -> None:
    accounts = Accounts()
    accounts.accrued(owed=50 * USD)
    accounts.book.lending[KEY] = position(owed=52 * USD)
    assert accounts.interest.accrued(accounts.book, {}, 100, 5) == []
    (one,) = accounts.accrued(owed=52 * USD)
    assert one.amount_usd_e6 == -2 * USD


def test_accrued__was_not_written__comes_again_with_what_grew_since() -> None:
    accounts = Accounts()
    accounts.accrued(owed=50 * USD)
    (lost,) = accounts.unwritten(owed=52 * USD)
    assert lost.amount_usd_e6 == -2 * USD
    accounts.moved(LendingAction.BORROW, 10 * USD)
    (one,) = accounts.accrued(owed=63 * USD)
    assert one.amount_usd_e6 == -3 * USD
    assert accounts.accrued(owed=63 * USD) == []
