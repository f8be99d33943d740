"""What a turn tells the metrics: a difference stands while it lasts, and a hedge's way to the node is measured."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from pmm.chain.sender import TransactionState
from pmm.desk.gauges import DeskGauges
from pmm.domain import USDC, WETH, BlockRef, LendingMarket
from pmm.execution.book import (
    BookDifference,
    BookScope,
    Cause,
    InventoryBook,
    LendingKey,
    Reconciliation,
    Side,
)
from pmm.monitoring.desk import DeskEvents
from tests.helpers.quoting import MAKER

BLOCK = BlockRef(number=7, hash=b"\x07" * 32, parent_hash=b"\x06" * 32, time_s=1)
LOAN = LendingKey(market=LendingMarket.AAVE_V3, account=MAKER, token=USDC.address)
CLEAN = Reconciliation(block=BLOCK)


class Site:
    def __init__(self) -> None:
        self.events, self.now_s = DeskEvents(), 10.0
        intents = MagicMock()
        intents.intents.return_value = ()
        self.gauges = DeskGauges(self.events, (WETH, USDC), {}, intents, clock_s=lambda: self.now_s)
        self.book = InventoryBook(scope=BookScope(accounts={}, tokens=()))

    def reconciled(self, found: Reconciliation) -> None:
        self.gauges.book(self.book, MagicMock(), found, now_s=1)

    def value(self, name: str, **labels: str) -> float | None:
        return self.events.registry.get_sample_value(name, labels)


def _off_by(side: Side, amount: int) -> BookDifference:
    return BookDifference(
        key=LOAN, side=side, booked=100, found=100 + amount, cause=Cause.UNSEEN_TRANSFER, block=BLOCK
    )


@pytest.mark.parametrize("side", [Side.SUPPLY, Side.DEBT])
def test_difference__of_a_lending_position__goes_back_to_zero_once_it_is_healed(side: Side) -> None:
    site, place = Site(), f"aave_v3 {side.value}"

    def off() -> float | None:
        return site.value("pmm_desk_reconciliation_off_by", token="USDC", place=place)

    site.reconciled(CLEAN)
    assert off() is None
    site.reconciled(Reconciliation(block=BLOCK, differences=(_off_by(side, 3),)))
    assert off() == -3
    site.reconciled(CLEAN)
    assert off() == 0
    site.reconciled(Reconciliation(block=BLOCK, differences=(_off_by(side, -2),)))
    assert off() == 2


def test_difference__one_of_two_healed__leaves_the_other() -> None:
    site, both = Site(), (_off_by(Side.SUPPLY, 3), _off_by(Side.DEBT, 5))
    site.reconciled(Reconciliation(block=BLOCK, differences=both))
    site.reconciled(Reconciliation(block=BLOCK, differences=both[1:]))
    values = [
        site.value("pmm_desk_reconciliation_off_by", token="USDC", place=f"aave_v3 {side.value}")
        for side in (Side.SUPPLY, Side.DEBT)
    ]
    assert values == [0, -5]


@pytest.mark.parametrize(("key", "count"), [("hedge:7:0:0", 1.0), ("lending:7", 0.0)])
def test_transaction__taken_by_a_node__measures_a_hedge_from_the_look_at_the_chain(
    key: str, count: float
) -> None:
    site = Site()
    attempt = SimpleNamespace(transaction_hash="0x1", block=1)
    record = SimpleNamespace(
        intent=SimpleNamespace(key=key, purpose="sell"),
        state=TransactionState.PENDING,
        attempts=[attempt],
        last=attempt,
        final=False,
        inclusion=None,
    )
    site.gauges.began()
    site.now_s += 0.25
    site.gauges.transaction(record)  # type: ignore[arg-type]
    # What is heard again of it is no other hedge.
    site.gauges.transaction(record)  # type: ignore[arg-type]
    assert site.value("pmm_hedge_submit_seconds_count") == count
    assert site.value("pmm_hedge_submit_seconds_sum") == 0.25 * count
