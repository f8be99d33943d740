"""The clock: prices kept through restarts, a valuation aside that holds up no turn, unknown where it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from pmm.desk import risk_clock
from pmm.desk.past_prices import PastPrices
from pmm.desk.performance_ledger import PerformanceLedger
from pmm.desk.risk_clock import RiskClock
from pmm.domain import USDC, WETH, Address
from pmm.domain.chain_events import LendingMarket
from pmm.domain.hook_payloads import InventorySource
from pmm.errors import InvalidInput
from pmm.execution.book import AccountKind, BookScope, InventoryBook, LendingKey
from pmm.execution.book.positions import NO_AMOUNT, IndexedAmount, LendingPosition
from pmm.execution.hedging import HedgeMarket
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.pricing import LendingReading
from pmm.risk.events import PositionValued, RiskEvent, StressMeasured, VarMeasured, VarUnknown
from pmm.risk.price_history import PriceHistory
from pmm.risk.price_record import HOUR_MS, MOST_HOURS
from pmm.risk.settings import RiskSettings
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import ETH, TOKENS, USD, market

MINUTE_MS = 60_000
HELD = 120_000 * USD


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=MAKER)
    yield found
    found.close()


class Turns:
    """A clock that is looked at turn by turn."""

    def __init__(self, ledger: Ledger, *, least: int = 3, history: PriceHistory | None = None) -> None:
        self.events = DeskEvents()
        self.now_ms = history.until_ms if history else 0
        self.clock = RiskClock(
            ledger,
            self.events.risk,
            settings=RiskSettings(),
            tokens=TOKENS,
            every_ms=10_000,
            price_every_ms=MINUTE_MS,
            least=least,
            past=PastPrices(history),
            now_ms=self.now_ms,
        )
        self.book = InventoryBook(
            scope=BookScope(
                accounts={MAKER: AccountKind.CONTRACT}, tokens=tuple(one.address for one in TOKENS)
            )
        )
        self.lacks: dict[Address, str] = {}

    def turn(self, weth_usd: int = 3_000, *, known: bool = True, lending: Any = ()) -> list[RiskEvent]:
        self.now_ms += MINUTE_MS
        now = self.market(weth_usd)
        if lending:
            now = type(now)(
                **{**{name: getattr(now, name) for name in now.__slots__}, "lending": tuple(lending)}
            )
        positions = [position("WETH"), position("USDC")] if known else None
        found = self.clock.look(positions, self.book, now, (0.0, 0.0), self.now_ms)
        self.clock.keep(self.now_ms)
        return found

    def valued(self, weth_usd: int = 3_000, **more: Any) -> list[RiskEvent]:
        """Turn, wait for the thread, and return what the next turn tells."""
        self.turn(weth_usd, **more)
        self.settle()
        self.now_ms += 1
        return self.clock.look([], self.book, self.market(weth_usd), (0.0, 0.0), self.now_ms - MINUTE_MS + 1)

    def market(self, weth_usd: int) -> HedgeMarket:
        """Return the prices of now, without those that are lacking."""
        found = market(weth_usd)
        prices = {token: one for token, one in found.usd_per_unit_e36.items() if token not in self.lacks}
        why = {token: one for token, one in self.lacks.items() if one}
        return replace(found, usd_per_unit_e36=prices, unpriced=why)

    def settle(self) -> None:
        running = self.clock._running
        if running is not None:
            wait([running[0]], timeout=30)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.events.registry.get_sample_value(name, labels)


def position(asset: str) -> PositionValued:
    return PositionValued(0, asset, asset == "USDC", HELD, 0, HELD, HELD, 0, 0, 0, 0)


def test_clock__enough_prices__measures_var_shortfall_and_stress(ledger: Ledger) -> None:
    turns = Turns(ledger)
    for price in (3_000, 3_030):
        turns.turn(price)
        turns.settle()
    stress, var = turns.valued(3_000)
    assert isinstance(stress, StressMeasured)
    assert stress.worst_loss_usd_e6 == pytest.approx(0.35 * HELD)
    assert isinstance(var, VarMeasured)
    assert var.capital_usd_e6 == 2 * HELD
    assert 0 < var.var_usd_e6 < var.shortfall_usd_e6
    shown = turns.metric("pmm_risk_loss_usd", method="monte_carlo", measure="var")
    assert shown == pytest.approx(var.var_usd_e6 / 1e6)
    assert turns.metric("pmm_stress_pnl_usd", scenario="lender_empty") == 0
    turns.clock.close()


def test_clock__too_few_prices__says_how_many_and_no_zero(ledger: Ledger) -> None:
    turns = Turns(ledger)
    _, unknown = turns.valued()
    assert unknown == VarUnknown(MINUTE_MS, 2, "needs 2 more prices")
    assert turns.metric("pmm_risk_needs_prices", metric="value_at_risk_pct", subject="") == 2
    assert turns.metric("pmm_risk_loss_usd", method="monte_carlo", measure="var") is None
    turns.clock.close()


def test_clock__prices_that_stood_still__are_no_proof_of_calm(ledger: Ledger) -> None:
    turns = Turns(ledger)
    for _ in range(3):
        turns.turn()
        turns.settle()
    _, unknown = turns.valued()
    assert isinstance(unknown, VarUnknown)
    assert unknown.why == "no price of WETH has moved yet"
    turns.clock.close()


def test_clock__restart__goes_on_with_the_prices_of_the_ledger(ledger: Ledger) -> None:
    first = Turns(ledger)
    for price in (3_000, 3_030):
        first.turn(price)
        first.settle()
    first.clock.close()
    second = Turns(ledger)
    assert second.clock.record.missing == 1
    second.now_ms = first.now_ms
    assert isinstance(second.valued(3_000)[-1], VarMeasured)
    second.clock.close()


def test_clock__month_of_prices__keeps_one_an_hour_of_what_is_older_than_two_days(ledger: Ledger) -> None:
    first, days = Turns(ledger), 40
    rows = PerformanceLedger(ledger)
    for hour in range(days * 24):
        # Three looks an hour, and none in the first minutes of every other one.
        for minute in (0, 20, 40) if hour % 2 else (15, 30, 45):
            at_ms = hour * HOUR_MS + minute * MINUTE_MS
            if hour < days * 24 - 3:
                prices = {WETH.address: (3_000 + hour % 7) * 10**18, USDC.address: 10**30}
                rows.put_prices(at_ms, prices, thin_before_ms=0, forget_before_ms=0)
            first.now_ms = at_ms
    first.turn()
    kept = [at_ms for at_ms, _ in rows.prices(most=10_000)]
    old = [at_ms for at_ms in kept if at_ms < first.now_ms - 2 * 24 * HOUR_MS - HOUR_MS]
    assert {at_ms % HOUR_MS // MINUTE_MS for at_ms in old} == {0, 15}
    assert len(old) == len({at_ms // HOUR_MS for at_ms in old}) == 30 * 24 - 1
    assert sum(at_ms > first.now_ms - 24 * HOUR_MS for at_ms in kept) == 3 * 21 + 1
    first.clock.close()
    second = Turns(ledger)
    hours = second.clock.record.hour_returns()
    assert hours is not None
    assert len(hours) == MOST_HOURS - 1
    second.clock.close()


def test_clock__position_without_a_price__is_unknown_at_once(ledger: Ledger) -> None:
    turns = Turns(ledger)
    assert turns.turn(known=False) == [VarUnknown(MINUTE_MS, 0, "a position has no price")]
    turns.clock.close()


def test_clock__token_without_a_price__is_named_and_logged_once_with_its_reason(ledger: Ledger) -> None:
    turns = Turns(ledger)
    turns.lacks = {USDC.address: "USDC / USD is stale"}
    with structlog.testing.capture_logs() as logs:
        _, unknown = turns.valued()
        assert unknown == VarUnknown(MINUTE_MS, 0, "no price of USDC")
        assert turns.metric("pmm_risk_needs_prices", metric="value_at_risk_pct", subject="") == 0
        assert turns.turn(known=False)[-1] == VarUnknown(turns.now_ms, 0, "no price of USDC")
        turns.lacks = {}
        turns.turn()
        # It has a price now: what is missing is time again.
        turns.settle()
        assert turns.turn()[-1] == VarUnknown(turns.now_ms - MINUTE_MS, 2, "needs 2 more prices")
    said = [one for one in logs if one["event"].startswith("value_at_risk_")]
    assert [(one["event"], one.get("of")) for one in said] == [
        ("value_at_risk_lacks_prices", {"USDC": "USDC / USD is stale"}),
        ("value_at_risk_has_prices", None),
    ]
    turns.clock.close()


def test_clock__token_without_a_feed__says_what_to_do(ledger: Ledger) -> None:
    turns = Turns(ledger)
    turns.lacks = {USDC.address: ""}
    with structlog.testing.capture_logs() as logs:
        turns.turn()
    (said,) = [one for one in logs if one["event"] == "value_at_risk_lacks_prices"]
    assert "it has no feed" in said["of"]["USDC"]
    turns.clock.close()


def test_clock__valuation_that_hangs_or_fails__holds_up_no_turn_and_reads_unknown(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, asked = threading.Event(), []

    def hangs(snapshot: object, settings: object) -> None:
        asked.append(snapshot)
        go_on.wait(30)
        raise InvalidInput("covariance: none")

    monkeypatch.setattr(risk_clock, "value", hangs)
    turns = Turns(ledger)
    # Three turns return while the first valuation stands; no second one is begun beside it.
    assert [turns.turn() for _ in range(3)] == [[], [], []]
    go_on.set()
    turns.settle()
    assert turns.turn() == [VarUnknown(turns.now_ms, 0, "the valuation failed")]
    turns.settle()
    assert len(asked) == 2
    turns.clock.close()


def test_clock__var_that_is_lost_again__takes_its_numbers_back(ledger: Ledger) -> None:
    turns = Turns(ledger)
    for price in (3_000, 3_030):
        turns.turn(price)
        turns.settle()
    turns.valued(3_000)
    turns.events.risk.loss_unknown()
    shown = turns.metric("pmm_risk_loss_usd", method="monte_carlo", measure="var")
    assert shown is not None
    assert shown != shown
    turns.clock.close()


def test_clock__account_with_debt__is_stressed_to_its_liquidation(ledger: Ledger) -> None:
    turns = Turns(ledger)
    for token, supplied, owed in ((WETH, 40 * ETH, 0), (USDC, 0, 70_000 * USD)):
        turns.book.lending[LendingKey(LendingMarket.AAVE_V3, MAKER, token.address)] = LendingPosition(
            supply=IndexedAmount(amount=supplied, shares=None, index=1),
            debt=IndexedAmount(amount=owed, shares=None, index=1) if owed else NO_AMOUNT,
            read_at_s=100,
        )
    stress, _ = turns.valued(lending=[reading()])
    assert isinstance(stress, StressMeasured)
    # 35 % of the ether held, and 5 % on half of the debt: 78,000 at 0.83 carry less than 70,000.
    assert stress.worst_loss_usd_e6 == pytest.approx((0.35 * 120_000 + 0.05 * 35_000) * 1e6)
    turns.clock.close()


def reading() -> LendingReading:
    return LendingReading(
        market="aave_v3",
        token=WETH.address,
        withdraw_source=InventorySource.AAVE_WITHDRAW,
        borrow_source=InventorySource.AAVE_BORROW,
        supplied=40 * ETH,
        liquidity=0,
        supply_rate_wad=0,
        borrow_rate_wad=0,
        collateral_usd_wad=99_600 * 10**18,
        debt_usd_wad=70_000 * 10**18,
        borrow_power_usd_wad=0,
        collateral_factor_wad=83 * 10**16,
        health_floor_wad=0,
        debt_cap_usd_wad=0,
    )
