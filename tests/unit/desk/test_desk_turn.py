"""One turn of the desk with parts that only write down their calls: its order, and what a failure leaves behind."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from pmm.desk.desk import Desk
from pmm.errors import ChainError, SetupError
from pmm.execution.book import Reconciliation
from pmm.execution.hedging import HedgeMarket
from tests.unit.desk.performance_site import market

_PARTS = (
    "opened",
    "scene",
    "ledger",
    "pool",
    "indexer",
    "orders",
    "store",
    "reader",
    "markets",
    "book",
    "hedger",
    "backlog",
    "sender",
    "stock",
    "lending",
    "risk",
    "performance",
    "sources",
    "gauges",
    "history",
    "metrics",
    "alerts",
    "actions",
    "audit",
    "availability",
    "heads",
    "paper",
    "pending",
    "business",
)


class Turn:
    """``calls`` are the names of what was called, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parts = MagicMock()
        made: dict[str, Any] = {name: getattr(self.parts, name) for name in _PARTS}
        self.parts.indexer.step.return_value = None
        self.parts.sender.step.return_value = ["mined"]
        self.parts.performance.look.return_value = []
        self.parts.performance.day_usd.return_value = (0.0, 0.0)
        self.parts.sources.drain.return_value = ["source"]
        self.parts.business.look.return_value = ["business"]
        self.parts.availability.drain.return_value = ["uptime"]
        self.parts.backlog.take_in.return_value = []
        self.parts.paper.quoted.side_effect = lambda found: found
        self.parts.hedger.step.return_value = ()
        self.parts.hedger.live_intents.return_value = ()
        self.parts.lending.busy = False
        self.parts.scene.settings.desk.poll_ms = 1_000
        self.market(market())
        self.parts.paper.differences.return_value = ()
        self.parts.reconcile.return_value = Reconciliation(block=MagicMock())
        monkeypatch.setattr("pmm.desk.desk.reconcile", self.parts.reconcile)
        self.desk = Desk(**made, clock_ms=lambda: 1_000)

    def market(self, found: HedgeMarket) -> None:
        self.parts.markets.read.return_value = found

    def told(self) -> list[Any]:
        return list(self.parts.risk.look.call_args.kwargs["told"])

    def calls(self) -> list[str]:
        return [name for name, _, _ in self.parts.mock_calls]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    return Turn(monkeypatch)


def test_step__profit_cannot_be_written__risk_is_told_the_rest_and_acts_behind_it(turn: Turn) -> None:
    turn.parts.performance.look.side_effect = SetupError("the disk is full")
    with pytest.raises(SetupError, match="the disk is full"):
        turn.desk.step()
    assert turn.told() == ["source", "uptime"]
    calls = turn.calls()
    assert calls.index("risk.look") < calls.index("actions.act") < calls.index("alerts.risk")


def test_step__risk_cannot_write__the_desk_acts_all_the_same(turn: Turn) -> None:
    turn.parts.risk.look.side_effect = SetupError("the disk is full")
    with pytest.raises(SetupError, match="the disk is full"):
        turn.desk.step()
    turn.parts.actions.act.assert_called_once()
    turn.parts.alerts.risk.assert_called_once()


@pytest.mark.parametrize("broken", ["stock.look", "hedger.step", "backlog.take_in", "lending.look"])
def test_step__a_part_fails_behind_the_sender__its_gas_is_booked_by_a_later_turn(
    turn: Turn, broken: str
) -> None:
    part, name = broken.split(".")
    failing = getattr(getattr(turn.parts, part), name)
    failing.side_effect = ChainError("no node")
    with pytest.raises(ChainError):
        turn.desk.step()
    failing.side_effect = None
    turn.parts.sender.step.return_value = []
    turn.desk.step()
    assert turn.parts.performance.look.call_args.args[0] == ["mined"]


def test_step__gas_has_no_price__books_it_once_it_has(turn: Turn) -> None:
    turn.market(market(weth_usd=0))
    turn.desk.step()
    turn.parts.performance.look.assert_not_called()
    turn.market(market())
    turn.parts.sender.step.return_value = []
    turn.desk.step()
    turn.desk.step()
    booked = [one.args[0] for one in turn.parts.performance.look.call_args_list]
    assert booked == [["mined"], []]


def test_step__hedges__are_planned_by_the_gas_price_of_the_look_that_sends_them(turn: Turn) -> None:
    turn.parts.sender.gas_price_wei = 11 * 10**9
    turn.desk.step()
    assert turn.parts.markets.read.call_args.kwargs["gas_price_wei"] == 11 * 10**9
    calls = turn.calls()
    assert calls.index("sender.step") < calls.index("markets.read") < calls.index("hedger.step")


def test_step__no_market__waits_with_the_gas_and_tells_risk_the_rest(turn: Turn) -> None:
    turn.parts.markets.read.side_effect = ChainError("no pool")
    turn.desk.step()
    turn.parts.performance.look.assert_not_called()
    assert turn.told() == ["source", "uptime", "business"]
    turn.parts.markets.read.side_effect = None
    turn.desk.step()
    assert turn.parts.performance.look.call_args.args[0] == ["mined", "mined"]


def test_close__last_gauges_cannot_be_written__closes_everything(turn: Turn) -> None:
    turn.parts.history.sample.side_effect = SetupError("the disk is full")
    turn.desk.close()
    turn.parts.opened.close.assert_called_once()
    turn.parts.history.sample.side_effect = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        turn.desk.close()
    assert turn.parts.opened.close.call_count == 2
