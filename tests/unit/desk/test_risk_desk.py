"""What risk is told counts at once, and is written when the ledger can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pmm.desk.past_prices import PastPrices
from pmm.desk.performance_ledger import PerformanceLedger
from pmm.desk.risk_clock import RiskClock
from pmm.desk.risk_desk import RiskDesk
from pmm.errors import SetupError
from pmm.execution.actions import ActionRecord
from pmm.execution.book import AccountKind, BookScope, InventoryBook
from pmm.execution.hedging import HedgeMarket, Hedger
from pmm.ledger import Ledger, open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import CollateralValued, RiskEvent
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase
from tests.helpers.quoting import MAKER
from tests.unit.desk.performance_site import TOKENS, USD, market
from tests.unit.desk.test_risk_clock import reading

_BUFFER = ("liquidation_buffer_pct", "account")


class Turns:
    def __init__(self, path: Path) -> None:
        self.ledger: Ledger = open_ledger(path, chain_id=1, maker=MAKER)
        events = DeskEvents()
        self.clock = RiskClock(
            self.ledger,
            events.risk,
            settings=RiskSettings(),
            tokens=TOKENS,
            every_ms=10_000,
            price_every_ms=1_000,
            least=3,
            past=PastPrices(None),
            now_ms=0,
        )
        self.desk = RiskDesk(
            self.ledger,
            events,
            settings=RiskSettings(),
            tokens=TOKENS,
            hedged=(),
            expect={},
            lending_account="account",
            clock=self.clock,
            now_ms=0,
        )
        scope = BookScope(accounts={MAKER: AccountKind.CONTRACT}, tokens=tuple(one.address for one in TOKENS))
        self.book = InventoryBook(scope=scope)
        self.now_ms = 0

    def turn(self, *, required_usd: int | None = None, seen: HedgeMarket | None = None) -> None:
        self.now_ms += 1_000
        hedger = cast(Hedger, SimpleNamespace(in_flight=lambda _: 0, open_delta=lambda _: 0))
        told: list[RiskEvent] = []
        if required_usd is not None:
            told.append(CollateralValued(self.now_ms, "account", 100 * USD, required_usd * USD))
        self.desk.look(self.book, hedger, seen or market(), (), self.now_ms, told=told)

    def close(self) -> None:
        self.clock.close()
        self.ledger.close()


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Turns]:
    made = Turns(tmp_path / "ledger.sqlite")
    yield made
    made.close()


def fails(*_: Any, **__: Any) -> None:
    raise SetupError("the disk is full")


def test_look__prices_cannot_be_written__the_posture_is_that_of_what_was_told(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns.turn(required_usd=10)
    assert turns.desk.monitor.states[_BUFFER].phase is Phase.NORMAL
    monkeypatch.setattr(PerformanceLedger, "put_prices", fails)
    with pytest.raises(SetupError, match="the disk is full"):
        turns.turn(required_usd=101)
    assert turns.desk.monitor.states[_BUFFER].phase is Phase.CRITICAL
    monkeypatch.undo()
    turns.turn(required_usd=101)
    # The look that failed is written, too: a restart has no gap.
    assert [one for one, _ in PerformanceLedger(turns.ledger).prices(most=9)] == [1_000, 2_000, 3_000]


def test_look__transitions_cannot_be_written__are_written_by_a_later_look(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns.turn(required_usd=10)
    with monkeypatch.context() as broken:
        broken.setattr(ActionRecord, "observe", fails)
        with pytest.raises(SetupError, match="the disk is full"):
            turns.turn(required_usd=101)
    assert turns.desk.monitor.states[_BUFFER].phase is Phase.CRITICAL
    turns.turn(required_usd=101)
    states, _ = ActionRecord(turns.ledger).phases()
    assert states[_BUFFER].phase is Phase.CRITICAL
    rows = turns.ledger.read(
        "SELECT at_ms, phase_after FROM actions_transitions WHERE name = ? AND subject = ? ORDER BY at_ms",
        _BUFFER,
    )
    assert rows == [(1_000, "normal"), (2_000, "critical")]


def test_look__lending_market_is_unknown__the_account_is_not_judged_by_the_other_one(turns: Turns) -> None:
    safe = replace(market(), lending=(reading(),))
    turns.turn(seen=safe)
    assert turns.desk.monitor.readings[_BUFFER].value is not None
    unknown = replace(safe, lending_unknown={"compound_v2": "compound_v2: no feed of DAI"})
    for _ in range(120):
        turns.turn(seen=unknown)
    assert turns.desk.monitor.readings[_BUFFER].value is None
    var = turns.desk.monitor.readings["value_at_risk_pct", ""]
    assert var.value is None
    assert "no feed of DAI" in var.shown
