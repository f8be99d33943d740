"""The state machine under any sequence of observations: it never flaps, critical stops, unknown is never good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pmm.risk import state_machine
from pmm.risk.lines import UNKNOWN, Assessment, Better, Level, Line
from pmm.risk.posture import posture_of
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import START, Hysteresis, Phase, PhaseState, overall, restarted, step

_HYSTERESIS = Hysteresis(hold_ms=5_000, step_ms=3_000, steps=3, max_gap_ms=2_000)
_LINE = Line(Better.HIGHER, 100.0, 99.5, 98.0)
_MARGIN = 0.2
_RANK = {Phase.NORMAL: 0, Phase.RECOVERY: 1, Phase.WARNING: 1, Phase.CRITICAL: 2}


def seen(value: float | None) -> Assessment:
    return _LINE.judge(value, _MARGIN)


def run(values: Sequence[float | None], state: PhaseState = START, every_ms: int = 1_000) -> list[Phase]:
    """Observe a value every second."""
    phases = []
    for number, value in enumerate(values):
        state = step(state, seen(value), state.seen_ms + every_ms if number else 0, _HYSTERESIS)
        phases.append(state.phase)
    return phases


class PhaseMachine(RuleBasedStateMachine):
    """One metric and what the desk may do, driven by values, silence and clocks that go back."""

    step = staticmethod(step)

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.state = START
        self.history: list[tuple[int, Phase, Assessment]] = []

    @rule(
        value=st.one_of(
            st.none(), st.just(float("nan")), st.sampled_from([97.0, 98.0, 98.2, 99.0, 99.6, 100.0])
        ),
        passed_ms=st.sampled_from([0, 1, 500, 1_000, 1_900, 2_000, 2_500, 60_000]),
        times=st.integers(1, 8),
    )
    def observe(self, value: float | None, passed_ms: int, times: int) -> None:
        for _ in range(times):
            self.now_ms += passed_ms
            self._take(seen(value), self.now_ms)

    @rule(back_ms=st.integers(1, 100_000), value=st.sampled_from([None, 97.0, 100.0]))
    def clock_goes_back(self, back_ms: int, value: float | None) -> None:
        self._take(seen(value), self.now_ms - back_ms)

    def _take(self, found: Assessment, now_ms: int) -> None:
        self.state = self.step(self.state, found, now_ms, _HYSTERESIS)
        self.history.append((max(now_ms, self.now_ms), self.state.phase, found))

    @invariant()
    def critical_is_critical_at_once(self) -> None:
        if self.history and self.history[-1][2].level is Level.CRITICAL:
            assert self.state.phase is Phase.CRITICAL
        if self.state.phase is Phase.CRITICAL:
            assert posture_of(self.state, {}, {}, RiskSettings()).stopped

    @invariant()
    def unknown_never_counts_as_good(self) -> None:
        if not self.history or self.history[-1][2].known:
            return
        assert self.state.phase is not Phase.NORMAL
        if len(self.history) > 1:
            before = self.history[-2][1]
            assert _RANK[self.state.phase] >= _RANK[before] or before is self.state.phase

    @invariant()
    def better_comes_only_after_it_lasted(self) -> None:
        """Every change for the better has a stretch of clear, known, unbroken observations of the full length."""
        if len(self.history) < 2:
            return
        (_, before, _), (now_ms, after, _) = self.history[-2:]
        if _RANK[after] >= _RANK[before]:
            return
        if not any(found.known for _, _, found in self.history[:-1]):
            assert self.history[-1][2].level is Level.GOOD
            return
        wait_ms = _HYSTERESIS.step_ms if before is Phase.RECOVERY else _HYSTERESIS.hold_ms
        stretch_ms = now_ms
        for at_ms, _, found in reversed(self.history):
            clear = found.clear_of_warning if before is Phase.WARNING else found.clear_of_critical
            if not (found.known and clear) or stretch_ms - at_ms > _HYSTERESIS.max_gap_ms:
                break
            stretch_ms = at_ms
        assert now_ms - stretch_ms >= wait_ms

    @invariant()
    def it_never_flaps_faster_than_its_hysteresis(self) -> None:
        """Between two changes for the better lies at least one wait."""
        better = [
            at_ms
            for (_, before, _), (at_ms, after, _) in pairwise(self.history)
            if _RANK[after] < _RANK[before]
        ]
        shortest_ms = min(_HYSTERESIS.hold_ms, _HYSTERESIS.step_ms)
        assert all(later - earlier >= shortest_ms for earlier, later in pairwise(better))

    @invariant()
    def critical_ends_through_recovery_alone(self) -> None:
        for (_, before, _), (_, after, _) in pairwise(self.history):
            if before is Phase.CRITICAL:
                assert after in (Phase.CRITICAL, Phase.RECOVERY)


TestPhaseMachine = PhaseMachine.TestCase
TestPhaseMachine.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)


def _no_wait(state: PhaseState, found: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    return step(state, found, now_ms, Hysteresis(hold_ms=1, step_ms=1, steps=3, max_gap_ms=10**9))


def _silence_counts(state: PhaseState, found: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    return step(state, found, now_ms, Hysteresis(hold_ms=5_000, step_ms=3_000, steps=3, max_gap_ms=10**9))


def _unknown_is_good(state: PhaseState, found: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    return step(state, found if found.known else seen(100.0), now_ms, hysteresis)


def _critical_waits(state: PhaseState, found: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    if found.level is Level.CRITICAL and state.phase is Phase.WARNING:
        return step(state, seen(99.0), now_ms, hysteresis)
    return step(state, found, now_ms, hysteresis)


def _critical_ends_at_once(state: PhaseState, found: Assessment, now_ms: int, h: Hysteresis) -> PhaseState:
    if state.phase is Phase.CRITICAL and found.clear_of_warning:
        return PhaseState(phase=Phase.NORMAL, since_ms=now_ms, seen_ms=now_ms, known=True)
    return step(state, found, now_ms, h)


def _every_warning_is_fresh(state: PhaseState, found: Assessment, now_ms: int, h: Hysteresis) -> PhaseState:
    return step(replace(state, fresh=state.phase is Phase.WARNING), found, now_ms, h)


@pytest.mark.parametrize(
    "fault",
    [
        _every_warning_is_fresh,
        _no_wait,
        _silence_counts,
        _unknown_is_good,
        _critical_waits,
        _critical_ends_at_once,
    ],
)
def test_phase_machine__planted_fault__is_found(fault: Any) -> None:
    class Faulty(PhaseMachine):
        step = staticmethod(fault)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Faulty,
            settings=settings(
                max_examples=5_000,
                stateful_step_count=30,
                deadline=None,
                database=None,
                print_blob=False,
                report_multiple_bugs=False,
                phases=[Stage.generate],
            ),
        )


def test_step__worse_value__counts_at_once() -> None:
    assert run([100.0] * 7)[-1] is Phase.NORMAL
    assert run([100.0] * 7 + [99.0])[-1] is Phase.WARNING
    assert run([100.0] * 7 + [97.0])[-1] is Phase.CRITICAL


def test_step__clean_start__is_normal_at_the_first_value_also_after_silence() -> None:
    assert run([100.0])[-1] is Phase.NORMAL
    assert run([None, None, 99.6])[-2:] == [Phase.WARNING, Phase.NORMAL]


def test_step__bad_value_at_the_start_or_after_a_good_one__waits() -> None:
    assert run([99.0, *[100.0] * 5])[-1] is Phase.WARNING
    assert run([100.0, None, *[100.0] * 5])[-1] is Phase.WARNING


def test_restarted__a_warning__waits_anew__a_normal_state_begins_as_a_clean_start() -> None:
    again = restarted(PhaseState(phase=Phase.WARNING, known=True), 1_000)
    assert run([100.0] * 5, again)[-1] is Phase.WARNING
    assert run([100.0], restarted(PhaseState(phase=Phase.NORMAL, known=True), 1_000)) == [Phase.NORMAL]


def test_step__on_the_line__is_not_beyond_it() -> None:
    assert run([100.0] * 7 + [99.5])[-1] is Phase.NORMAL
    assert run([100.0] * 7 + [98.0])[-1] is Phase.WARNING


def test_step__critical_that_clears__comes_back_by_steps() -> None:
    phases = run([97.0] + [100.0] * 16)
    assert phases[:6] == [Phase.CRITICAL] * 6
    assert phases[6:15] == [Phase.RECOVERY] * 9
    assert phases[15] is Phase.NORMAL


def test_step__recovery_that_ends_in_the_warning_band__warns() -> None:
    assert run([97.0] + [99.0] * 20)[-1] is Phase.WARNING


def test_step__relapse_in_recovery__is_critical_at_once() -> None:
    assert run([97.0] + [100.0] * 8 + [97.0])[-2:] == [Phase.RECOVERY, Phase.CRITICAL]


def test_step__unknown_in_critical__never_ends_it() -> None:
    assert run([97.0] + [None] * 100)[-1] is Phase.CRITICAL


def test_overall__nothing_to_see__is_unknown() -> None:
    assert overall([]) is UNKNOWN
    assert overall([Phase.NORMAL, Phase.CRITICAL, Phase.WARNING]).level is Level.CRITICAL
    assert overall([Phase.NORMAL, Phase.RECOVERY]).level is Level.WARNING
    assert overall([Phase.NORMAL]).clear_of_warning


def test_restarted__critical_state__stays_critical_and_waits_anew() -> None:
    state = PhaseState(phase=Phase.CRITICAL, since_ms=1, seen_ms=50_000, clear_since_ms=46_000, known=True)
    again = restarted(state, 60_000)
    assert again.phase is Phase.CRITICAL
    assert again.clear_since_ms is None
    assert restarted(PhaseState(phase=Phase.NORMAL), 60_000).phase is Phase.WARNING


@given(
    st.sampled_from(list(Better)),
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    st.floats(0, 1),
    st.floats(-1e7, 1e7),
)
def test_judge__any_line_and_value__is_consistent(
    better: Better, lines: list[float], margin: float, value: float
) -> None:
    if better is Better.NEAR:
        lines = [lines[0], *sorted(abs(one) for one in lines[1:])]
    else:
        lines.sort(reverse=better is Better.HIGHER)
    line = Line(better, *lines)
    found = line.judge(value, margin)
    assert found.known
    assert not (found.clear_of_warning and found.level is not Level.GOOD)
    assert not (found.clear_of_critical and found.level is Level.CRITICAL)
    assert found.clear_of_critical or not found.clear_of_warning
    assume(margin == 0)
    assert found.clear_of_warning == (found.level is Level.GOOD)


def test_module__constants__start_unknown() -> None:
    assert state_machine.START.phase is Phase.WARNING
    assert not state_machine.START.known
