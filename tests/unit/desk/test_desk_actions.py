"""What risk asks for is done once: a forced warning and its end, a critical delta, a restart, a planted fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from pmm.alerts import AlertDesk, Routes
from pmm.chain.node_pool import NodePool
from pmm.desk.acting import DeskActions
from pmm.desk.action_ports import (
    HedgeNotDone,
    HedgerActions,
    NoQuoteServer,
    PoolFailover,
    quoting_of,
    shaping_of,
)
from pmm.desk.alerting import DeskAlerts
from pmm.desk.strategy import hedged_assets
from pmm.domain import WETH
from pmm.errors import InvalidInput, PmmError, SetupError
from pmm.execution.actions import (
    ActionPorts,
    ActionRecord,
    ActionRefused,
    ActionUnderWay,
    Money,
    Status,
    executors_of,
)
from pmm.execution.hedging import HedgeMarket, Hedger
from pmm.execution.hedging.commanded import CommandedHedge, CommandedState
from pmm.ledger import open_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk import events as seen
from pmm.risk.monitor import RiskMonitor, Transition
from pmm.risk.plans import STANDING, ActionKind
from pmm.risk.price_record import PriceRecord
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase, PhaseState
from pmm.settings import load_settings
from pmm.settings_sections import DeskSettings
from tests.helpers.quoting import MAKER
from tests.unit.alerts.phone import Phone
from tests.unit.execution.actions_desk import HandClock, Ports, action_ports

_HELD = 100_000 * 10**6
_QUICK = RiskSettings(hold_s=2.0, recovery_step_s=2.0, desk_hold_s=1.0)


@dataclass
class Day:
    """A desk's risk and actions on a ledger file, second by second, at a clock by hand."""

    path: Path
    settings: RiskSettings = _QUICK
    quoting: Any = None
    ports: Ports = field(default_factory=Ports)
    clock: HandClock = field(default_factory=HandClock)
    phone: Phone = field(default_factory=lambda: Phone("slack"))

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open, or open again as a new process would."""
        self.ledger = open_ledger(self.path, chain_id=1, maker=MAKER)
        self.record = ActionRecord(self.ledger)
        states, desk = self.record.phases()
        self.monitor = RiskMonitor(
            self.settings,
            {"net_delta_pct": ("WETH",)},
            now_ms=self.clock.now_ms,
            restored=states,
            desk=desk,
        )
        events = DeskEvents()
        self.alert_desk = AlertDesk(self.ledger, (self.phone,), Routes(), watch=events.alerts)
        ports = action_ports(self.ports)
        self.actions = DeskActions(
            self.record,
            self.monitor,
            executors_of(replace(ports, quoting=self.quoting) if self.quoting else ports),
            clock_ms=self.clock.wall_ms,
            events=events.risk,
            alerts=DeskAlerts(self.alert_desk, names={}, symbols={}, clock_ms=self.clock.wall_ms),
        )

    def restart(self) -> None:
        self.ledger.close()
        self.open()

    def seconds(self, count: int, *, delta_pct: float) -> None:
        """Let time pass with so much delta; the standing thread's work is done in between."""
        for _ in range(count):
            self.clock.now_ms += 1_000
            now_ms, delta = self.clock.now_ms, int(delta_pct * _HELD / 100)
            for event in (
                seen.PositionValued(now_ms, "USDC", True, 0, 0, _HELD, _HELD, 0, 0, 0, 0),
                seen.PositionValued(now_ms, "WETH", False, delta, 0, 0, 0, 0, 0, 0, 0),
            ):
                self.monitor.engine.apply(event)
            moved = self.monitor.tick(now_ms)
            self.record.observe(moved, self.monitor.states, self.monitor.desk, Money(), now_ms)
            self.actions.act(now_ms)
            self.actions.runner.run_due(STANDING)
        self.actions.act(self.clock.now_ms)
        self.alert_desk.deliver_due(self.clock.now_ms)

    def phase(self) -> Phase:
        return self.monitor.states["net_delta_pct", "WETH"].phase

    def hedges(self) -> list[str]:
        return [one for one, what in self.ports.trades.items() if what == "hedge"]

    def commands(self, kind: ActionKind) -> list[Status]:
        return [one.status for one in self.record.commands(0, 2**62) if one.kind is kind]


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    made = Day(tmp_path / "ledger.sqlite")
    yield made
    made.ledger.close()


def test_vanished_key__forgotten__does_not_come_back_with_a_restart(day: Day) -> None:
    day.settings = replace(_QUICK, forget_s=3.0)
    gone = ("liquidation_buffer_pct", "old")
    state = PhaseState(phase=Phase.CRITICAL, since_ms=1, seen_ms=1)
    moved = Transition(
        at_ms=1,
        name=gone[0],
        key=gone[1],
        before=Phase.NORMAL,
        after=Phase.CRITICAL,
        step=0,
        value=5.0,
        detail="",
    )
    day.record.observe([moved], {gone: state}, state, Money(), 1)
    day.restart()
    day.seconds(2, delta_pct=0)
    assert day.monitor.states[gone].phase is Phase.CRITICAL
    day.seconds(2, delta_pct=0)
    assert gone not in day.monitor.states
    day.restart()
    assert gone not in day.monitor.states


def test_forced_warning__hedges_once_and_recovers(day: Day) -> None:
    day.seconds(4, delta_pct=0)
    assert day.phase() is Phase.NORMAL
    day.seconds(3, delta_pct=3)
    assert day.phase() is Phase.WARNING
    assert len(day.hedges()) == 1
    day.seconds(4, delta_pct=0)
    assert day.phase() is Phase.NORMAL
    assert len(day.hedges()) == 1
    assert ("stop",) not in day.ports.calls
    assert day.ports.skews["WETH"] == 0


def test_forced_critical__hedges_and_stops_once__and_resumes_by_steps(day: Day) -> None:
    day.seconds(4, delta_pct=0)
    day.seconds(5, delta_pct=7)
    assert day.phase() is Phase.CRITICAL
    assert len(day.hedges()) == 1
    assert day.ports.calls.count(("stop",)) == 1
    assert day.ports.stopped
    day.seconds(20, delta_pct=0)
    assert len(day.hedges()) == 1
    assert [call for call in day.ports.calls if call[0] == "resume"][-4:] == [
        ("resume", "0"),
        ("resume", "1"),
        ("resume", "2"),
        ("resume", "all"),
    ]
    assert not day.ports.stopped


def assert_a_restart_repeats_no_trade(day: Day) -> None:
    day.seconds(4, delta_pct=0)
    day.seconds(3, delta_pct=7)
    day.restart()
    day.seconds(3, delta_pct=7)
    assert day.phase() is Phase.CRITICAL
    assert len(day.hedges()) == 1
    assert day.ports.stopped


def test_restart__while_critical__repeats_no_trade(day: Day) -> None:
    assert_a_restart_repeats_no_trade(day)


def test_planted_fault__a_request_without_its_key__is_found(
    day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = RiskMonitor.requests

    def nameless(self: RiskMonitor, now_ms: int) -> list[Any]:
        return [replace(one, request_id=uuid4().hex) for one in asked(self, now_ms)]

    monkeypatch.setattr(RiskMonitor, "requests", nameless)
    with pytest.raises(AssertionError):
        assert_a_restart_repeats_no_trade(day)


def test_ask__waits_for_a_person_and_tells_one(tmp_path: Path) -> None:
    day = Day(tmp_path / "ledger.sqlite", settings=replace(_QUICK, ask=("hedge_now",)))
    day.seconds(3, delta_pct=7)
    assert day.hedges() == []
    (waiting,) = day.actions.runner.waiting()
    assert "[warning] hedge_now waits for a person" in day.phone.lines
    day.actions.runner.approve(waiting.command_id, who="ops")
    day.seconds(1, delta_pct=7)
    assert len(day.hedges()) == 1
    assert "[resolved] hedge_now waits for a person" in day.phone.lines
    day.ledger.close()


def test_no_quote_server__stop_is_recorded_as_refused_with_the_reason__and_told(tmp_path: Path) -> None:
    day = Day(tmp_path / "ledger.sqlite", quoting=NoQuoteServer())
    day.seconds(5, delta_pct=7)
    (stop,) = [one for one in day.record.commands(0, 2**62) if one.kind is ActionKind.STOP_QUOTING]
    assert stop.status is Status.GAVE_UP
    assert stop.attempts == 1
    assert "PMM_DESK_QUOTE_SERVER_URL" in stop.detail
    assert "[critical] stop_quoting was not done" in day.phone.lines
    assert len(day.hedges()) == 1
    day.ledger.close()


def test_executor__that_fails__costs_no_turn(day: Day) -> None:
    day.ports.broken = {"hedge", "stop"}
    day.seconds(12, delta_pct=7)
    assert day.commands(ActionKind.HEDGE_NOW) == [Status.FAILED]
    day.ports.broken = set()
    day.seconds(8, delta_pct=7)
    assert day.commands(ActionKind.HEDGE_NOW) == [Status.DONE]
    assert day.ports.stopped


@dataclass
class FakePool:
    """Nodes of which the first trusted is chosen."""

    nodes: tuple[Any, ...] = tuple(SimpleNamespace(name=name) for name in ("a", "b"))
    left: list[str] = field(default_factory=list)
    dead: tuple[str, ...] = ()

    def states(self) -> tuple[Any, ...]:
        trusted = [one.name for one in self.nodes if one.name not in self.left]
        return tuple(
            SimpleNamespace(
                name=one.name,
                chosen=one.name == (trusted or [""])[0],
                distrusted=one.name in self.left,
                head=None if one.name in self.dead else 7,
            )
            for one in self.nodes
        )

    def distrust(self, node: Any, why: str) -> None:
        self.left.append(node.name)


def test_switch_node__leaves_the_chosen_one__never_the_last(tmp_path: Path) -> None:
    pool = FakePool()
    failover = PoolFailover(cast(NodePool, pool))
    assert failover.switch("*", "c1") == "left a"
    with pytest.raises(ActionRefused, match="no other node is healthy beside b"):
        failover.switch("*", "c2")
    assert pool.left == ["a"]
    with pytest.raises(ActionRefused, match="beside a"):
        PoolFailover(cast(NodePool, FakePool(dead=("b",)))).switch("*", "c3")


@pytest.mark.parametrize("call", ["stop", "resume", "cut_sizes", "widen"])
def test_no_quote_server__refuses_everything(call: str) -> None:
    with pytest.raises(PmmError, match="no quote server"):
        getattr(quoting_of(DeskSettings.model_validate({}), None), call)(0)


def test_shape__of_a_quote_server_that_does_not_answer__is_tried_again() -> None:
    desk = DeskSettings.model_validate({"quote_server_url": "http://127.0.0.1:1"})
    quoting = quoting_of(desk, shaping_of(desk))
    with pytest.raises(SetupError, match=r"to answer, found: ConnectError"):
        quoting.cut_sizes(5_000)


def test_sources__without_a_quote_server__are_left_out() -> None:
    assert shaping_of(DeskSettings.model_validate({})) is None


def test_quote_server__without_encryption_elsewhere__is_refused() -> None:
    with pytest.raises(InvalidInput, match="PMM_DESK_QUOTE_SERVER_URL: expected https"):
        load_settings({"desk": {"quote_server_url": "http://quotes.example.org"}})


def test_ports__of_a_desk_without_lending_and_sources__leave_their_actions_out() -> None:
    table = executors_of(ActionPorts(quoting=NoQuoteServer()))
    assert ActionKind.REPAY not in table
    assert ActionKind.SWITCH_SOURCE not in table


@dataclass
class FakeHedger:
    """One asset, base units; takes each key once, as the genuine one does."""

    open: int = 0
    flying: int = 0
    keys: set[str] = field(default_factory=set)
    came_to: CommandedHedge = field(default_factory=lambda: CommandedHedge(state=CommandedState.WAITING))
    refused: str = ""

    def commanded(self, key: str) -> CommandedHedge | None:
        return self.came_to if key in self.keys else None

    def no_route(self, asset: str) -> str:
        return self.refused

    def open_delta(self, asset: str) -> int:
        return self.open

    def in_flight(self, asset: str) -> int:
        return self.flying

    def hedge_now(self, asset: str, delta: int, *, key: str, now_ms: int) -> bool:
        assert delta == 0
        known = key in self.keys
        self.keys.add(key)
        return not known


NO_PRICES = PriceRecord(("WETH", "USDC"), every_ms=1, least=2)


def hedger_actions(hedger: FakeHedger) -> HedgerActions:
    (asset,) = hedged_assets(DeskSettings.model_validate({"hedged": "WETH/USDC"}), NO_PRICES)
    # 2,000 dollars for one ether.
    market = SimpleNamespace(usd_per_unit_e36={WETH.address: 2_000 * 10**18})
    return HedgerActions(cast(Hedger, hedger), (asset,), lambda: cast(HedgeMarket, market), lambda: 0)


@pytest.mark.parametrize(
    ("open_delta", "flying", "entered"),
    [
        (3 * 10**18, 0, True),
        (3 * 10**18, -(10**18), True),
        (10**18, -3 * 10**18, False),  # the strategy has begun; the rest is left on purpose
        (10**15, 0, False),  # two dollars
        (0, 0, False),
    ],
)
def test_hedge_now__enters_what_is_worth_it_and_not_under_way(
    open_delta: int, flying: int, entered: bool
) -> None:
    hedger = FakeHedger(open=open_delta, flying=flying)
    with pytest.raises(ActionUnderWay) if entered else nullcontext():
        hedger_actions(hedger).hedge_to_neutral("*", "c1")
    assert hedger.keys == ({"c1:WETH"} if entered else set())


@pytest.mark.parametrize(
    ("state", "refused", "raised"),
    [
        (CommandedState.WAITING, "", ActionUnderWay),
        (CommandedState.WAITING, "uniswap_v3_500: too dear", HedgeNotDone),
        (CommandedState.UNDER_WAY, "", ActionUnderWay),
        (CommandedState.AGAIN, "", HedgeNotDone),
        (CommandedState.STUCK, "", ActionRefused),
        (CommandedState.DONE, "", None),
    ],
)
def test_hedge_now__same_command_again__enters_nothing_and_says_how_it_ended(
    state: CommandedState, refused: str, raised: type[PmmError] | None
) -> None:
    hedger = FakeHedger(open=3 * 10**18)
    actions = hedger_actions(hedger)
    with pytest.raises(ActionUnderWay, match="WETH: 3000000000000000000 base units to neutral"):
        actions.hedge_to_neutral("WETH", "c1")
    # What is open by now says nothing of what was commanded then.
    hedger.open, hedger.came_to, hedger.refused = 0, CommandedHedge(state=state, detail="leg"), refused
    if raised is None:
        assert actions.hedge_to_neutral("WETH", "c1") == "WETH: hedged"
    else:
        with pytest.raises(raised, match=refused or "WETH: leg"):
            actions.hedge_to_neutral("WETH", "c1")
    assert hedger.keys == {"c1:WETH"}


def test_hedge_now__asset_that_is_not_hedged__is_refused() -> None:
    with pytest.raises(ActionRefused, match="PMM_DESK_HEDGED"):
        hedger_actions(FakeHedger()).hedge_to_neutral("DAI", "c1")
