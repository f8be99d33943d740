"""From events to a posture and to requests: critical stops, recovery comes back by steps, unknown is never good."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pmm.risk import events as seen
from pmm.risk import posture as posture_module
from pmm.risk import state_machine
from pmm.risk.monitor import DESK, RiskMonitor
from pmm.risk.plans import NEEDS_VALUE, STANDING, ActionKind
from pmm.risk.requests import ActionRequest
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase, PhaseState

_START_MS = 1_700_000_000_000
_QUICK = RiskSettings(hold_s=3.0, recovery_step_s=2.0, desk_hold_s=1.0, repeat_s=5.0)


class Day:
    """A desk on which everything is fine but what a test says."""

    def __init__(self, settings: RiskSettings = _QUICK, **restored: Any) -> None:
        self.now_ms = _START_MS
        self.monitor = RiskMonitor(settings, now_ms=_START_MS, **restored)
        self.asked: list[ActionRequest] = []
        self.phases: list[Phase] = []
        self.delta_usd_e6 = 0
        self.collateral_usd_e6 = 2_000_000
        self.silent = False

    def second(self) -> None:
        """One second: the events of a quiet desk, then the tick and the requests."""
        self.now_ms += 1_000
        if not self.silent:
            for event in self._events():
                self.monitor.apply(event)
        self.monitor.tick(self.now_ms)
        self.asked += self.monitor.requests(self.now_ms)
        self.phases.append(self.monitor.desk.phase)

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.second()

    def kinds(self) -> list[ActionKind]:
        return [one.kind for one in self.asked]

    def _events(self) -> list[seen.RiskEvent]:
        at = self.now_ms
        held = 10_000_000
        return [
            seen.RequestAnswered(at, 5_000),
            seen.NodeProbed(at, "own", 100, 100, True),
            seen.RoundTripSeen(at, "node:own", 5_000),
            seen.SourceProbed(at, "chainlink", True),
            seen.GasPriceSeen(at, 10**10),
            seen.SettlementEnded(at, True, 10_000_000_000),
            seen.VenueTradeDone(at, 50_000),
            seen.TransactionIncluded(at, 5_000, 1),
            seen.AvailabilitySeen(at, True),
            seen.QuoteGiven(at, "1inch", "WETH/USDC", "0xa", 1_000_000),
            seen.QuoteExecuted(at, "1inch", "WETH/USDC", "0xa", 10_000_000_000),
            seen.EdgeRealised(at, 10_000, 10_000),
            seen.PositionValued(at, "USDC", True, held, 0, held, held, held // 2, 0, 0, held),
            seen.PositionValued(
                at, "WETH", False, held + self.delta_usd_e6, held, held, held, held, held, held, held
            ),
            seen.PortfolioValued(at, 2 * held),
            seen.Rebalanced(at, 0),
            seen.VarMeasured(at, 100_000, 120_000, 20_000_000),
            seen.StressMeasured(at, 1_000_000, 20_000_000),
            seen.CollateralValued(at, "aave", self.collateral_usd_e6, 1_000_000),
            seen.FlashLoanTaken(at, 0),
            seen.PnlBooked(at, "WETH", seen.PnlComponent.SPREAD, 1_000_000_000),
            seen.PnlBooked(at, "WETH", seen.PnlComponent.GAS, -1_000_000),
            seen.MarkoutTaken(at, 30, 1_000),
        ]


def test_monitor__nothing_heard__warns_small_and_wide_but_trades_nothing() -> None:
    day = Day()
    day.silent = True
    day.seconds(3)
    assert day.phases[-1] is Phase.WARNING
    posture = day.monitor.posture()
    assert (posture.size_bps, posture.spread_addon_bps, posture.stopped) == (5_000, 5.0, False)
    assert not set(day.kinds()) & NEEDS_VALUE


def test_monitor__quiet_day__becomes_normal() -> None:
    day = Day()
    day.seconds(15)
    bad = {name for name, state in day.monitor.states.items() if state.phase is not Phase.NORMAL}
    # A turnover is known after an hour, and the day has only begun.
    assert bad <= {("inventory_turnover_per_day", "")}
    assert day.monitor.posture() == posture_module.Posture()


def test_monitor__delta_beyond_the_line__stops_hedges_and_comes_back_by_steps() -> None:
    day = Day()
    day.seconds(15)
    day.asked.clear()
    day.delta_usd_e6 = 1_500_000
    day.second()
    assert day.monitor.desk.phase is Phase.CRITICAL
    assert day.kinds()[0] is ActionKind.STOP_QUOTING
    hedges = [one for one in day.asked if one.kind is ActionKind.HEDGE_NOW]
    assert [one.subject for one in hedges] == ["WETH"]
    assert "net_delta_pct[WETH] is critical at 7.5 %" in hedges[0].reason
    day.asked.clear()
    day.delta_usd_e6 = 0
    day.seconds(30)
    resumed = [one.subject for one in day.asked if one.kind is ActionKind.RESUME_STEP]
    assert resumed == ["0", "1", "2", "all"]
    sizes = [one.value for one in day.asked if one.kind is ActionKind.CUT_SIZES]
    assert sizes == [1_000, 2_500, 5_000, 10_000]
    assert day.phases[-1] in (Phase.NORMAL, Phase.WARNING)


def test_monitor__long_delta__skews_so_that_takers_buy() -> None:
    for delta, sign in ((700_000, -1), (-700_000, 1)):
        day = Day()
        day.seconds(15)
        day.delta_usd_e6 = delta
        day.seconds(1)
        assert day.monitor.posture().skew_bps == {"WETH": sign * 5.0}
        assert not day.monitor.posture().stopped


def test_requests__while_the_reason_lasts__repeat_under_new_names() -> None:
    day = Day()
    day.seconds(15)
    day.asked.clear()
    day.collateral_usd_e6 = 1_050_000
    day.seconds(11)
    repaid = [one.request_id for one in day.asked if one.kind is ActionKind.REPAY]
    assert len(set(repaid)) == 3
    assert repaid[0].startswith("repay:aave:liquidation_buffer_pct[aave]:critical@")
    stops = [one.request_id for one in day.asked if one.kind is ActionKind.STOP_QUOTING]
    assert len(stops) == len(set(stops)) == 3


def test_monitor__restart_while_critical__is_critical_until_it_knows_better() -> None:
    day = Day()
    day.seconds(15)
    day.delta_usd_e6 = 1_500_000
    day.second()
    before = {one.request_id for one in day.asked if one.kind is ActionKind.HEDGE_NOW}
    again = Day(restored=dict(day.monitor.states), desk=day.monitor.desk)
    again.now_ms = day.now_ms
    again.silent = True
    again.seconds(3)
    assert again.phases == [Phase.CRITICAL] * 3
    assert again.kinds()[0] is ActionKind.STOP_QUOTING
    assert not {one.request_id for one in again.asked if one.kind is ActionKind.HEDGE_NOW}
    again.silent, again.delta_usd_e6 = False, 1_500_000
    again.second()
    assert before == {one.request_id for one in again.asked if one.kind is ActionKind.HEDGE_NOW}


def test_monitor__one_taker_who_never_fills__is_shown_and_changes_nothing() -> None:
    day = Day()
    day.seconds(15)
    for _ in range(50):
        day.monitor.apply(seen.QuoteGiven(day.now_ms, "1inch", "WETH/USDC", "0xbad", 1))
    assert day.monitor.readings["quote_acceptance_pct", "taker:0xbad"].value == 0
    assert ("quote_acceptance_pct", "taker:0xbad") not in day.monitor.states


class DeskMachine(RuleBasedStateMachine):
    """Any day: what holds of the desk's posture and of what it asks for at every second."""

    def __init__(self) -> None:
        super().__init__()
        self.day = Day()
        self.stopped_since_ms: int | None = None

    @rule(delta=st.sampled_from([0, 300_000, 600_000, 1_500_000, -1_500_000]), seconds=st.integers(1, 12))
    def drift(self, delta: int, seconds: int) -> None:
        self.day.delta_usd_e6 = delta
        self._pass(seconds)

    @rule(collateral=st.sampled_from([1_050_000, 1_300_000, 2_000_000]), seconds=st.integers(1, 12))
    def collateral_moves(self, collateral: int, seconds: int) -> None:
        self.day.collateral_usd_e6 = collateral
        self._pass(seconds)

    @rule(seconds=st.integers(1, 40))
    def silence(self, seconds: int) -> None:
        self.day.silent = True
        self._pass(seconds)
        self.day.silent = False

    def _pass(self, seconds: int) -> None:
        for _ in range(seconds):
            before = self.day.monitor.desk.phase
            self.day.asked.clear()
            self.day.second()
            self._check(before)

    def _check(self, before: Phase) -> None:
        monitor = self.day.monitor
        states = monitor.states.values()
        if any(one.phase is Phase.CRITICAL for one in states):
            assert monitor.desk.phase is Phase.CRITICAL
        stopped = monitor.posture().stopped
        assert stopped == (monitor.desk.phase is Phase.CRITICAL)
        if stopped and before is not Phase.CRITICAL:
            assert ActionKind.STOP_QUOTING in self.day.kinds()
            self.stopped_since_ms = self.day.now_ms
        if not stopped and before is Phase.CRITICAL:
            assert monitor.desk.phase is Phase.RECOVERY
            assert self.stopped_since_ms is None or self.day.now_ms - self.stopped_since_ms >= 1_000
        if ActionKind.RESUME_STEP in self.day.kinds():
            assert not stopped
        unknown = [reading for reading in monitor.readings.values() if reading.value is None]
        for reading in unknown:
            state = monitor.states.get((reading.metric.name, reading.key))
            assert state is None or state.phase is not Phase.NORMAL
        if any(not one.key.startswith("taker:") for one in unknown):
            assert monitor.desk.phase is not Phase.NORMAL

    @invariant()
    def nothing_trades_on_the_unknown(self) -> None:
        for one in self.day.asked:
            if one.kind in NEEDS_VALUE - STANDING:
                assert "unknown" not in one.reason


TestDeskMachine = DeskMachine.TestCase
TestDeskMachine.settings = settings(max_examples=25, stateful_step_count=8, deadline=None)


def _unknown_is_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    real = state_machine.step

    def faulty(state: PhaseState, found: Any, now_ms: int, h: Any) -> PhaseState:
        return state if not found.known else real(state, found, now_ms, h)

    monkeypatch.setattr("pmm.risk.monitor.step", faulty)


def _critical_only_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pmm.risk.monitor.overall", lambda phases: state_machine.overall({Phase.WARNING} & set(phases))
    )


def _unknown_may_trade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pmm.risk.requests.NEEDS_VALUE", frozenset())


@pytest.mark.parametrize("plant", [_unknown_is_normal, _critical_only_warns, _unknown_may_trade])
def test_desk_machine__planted_fault__is_found(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            DeskMachine,
            settings=settings(
                max_examples=1_000,
                stateful_step_count=10,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                phases=[Stage.generate],
            ),
        )


def test_transition__of_the_desk__names_what_is_to_blame() -> None:
    day = Day()
    day.seconds(15)
    moved = day.monitor.apply(seen.CollateralValued(day.now_ms, "aave", 1_050_000, 1_000_000))
    assert [one.name for one in moved] == ["liquidation_buffer_pct", DESK]
    assert moved[0].detail == "liquidation_buffer_pct[aave] is 5 %"
    assert moved[1].detail == "liquidation_buffer_pct[aave]"


_GONE = ("liquidation_buffer_pct", "an account of before")


def test_restored_critical__its_key_has_vanished__is_forgotten_and_the_desk_recovers() -> None:
    settings = RiskSettings(hold_s=3.0, recovery_step_s=2.0, desk_hold_s=1.0, repeat_s=5.0, forget_s=5.0)
    critical = PhaseState(phase=Phase.CRITICAL, since_ms=_START_MS - 1_000, seen_ms=_START_MS)
    day = Day(settings, restored={_GONE: critical}, desk=critical)
    day.seconds(4)
    assert day.phases == [Phase.CRITICAL] * 4
    day.now_ms += 1_000
    moved = [one for one in day.monitor.tick(day.now_ms) if (one.name, one.key) == _GONE]
    assert [(one.before, one.after) for one in moved] == [(Phase.CRITICAL, Phase.NORMAL)]
    assert "nothing on this desk measures it" in moved[0].detail
    assert _GONE not in day.monitor.states
    day.seconds(15)
    assert day.phases[-1] in (Phase.NORMAL, Phase.WARNING)
    assert day.kinds()[-1] is ActionKind.RESUME_STEP


def test_restored_critical__its_key_is_expected_and_silent__stands() -> None:
    settings = RiskSettings(hold_s=3.0, recovery_step_s=2.0, desk_hold_s=1.0, forget_s=5.0)
    critical = PhaseState(phase=Phase.CRITICAL, since_ms=_START_MS - 1_000, seen_ms=_START_MS)
    expect = {_GONE[0]: (_GONE[1],)}
    day = Day(settings, expect=expect, restored={_GONE: critical}, desk=critical)
    day.seconds(20)
    # Unknown is never good, and it is no vanished key.
    assert day.monitor.states[_GONE].phase is Phase.CRITICAL
    assert day.phases[-1] is Phase.CRITICAL


def test_skew__of_an_earlier_process__is_taken_back_at_the_start() -> None:
    day = Day()
    day.seconds(1)
    skews = [one for one in day.asked if one.kind is ActionKind.SKEW]
    assert [(one.subject, one.value) for one in skews] == [("WETH", 0)]
    day.seconds(3)
    assert len([one for one in day.asked if one.kind is ActionKind.SKEW]) == 1
