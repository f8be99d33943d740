"""Normal, warning, critical, recovery: one pure step, for a metric and for the whole desk.

Worse counts at once, better only after it lasted; what begins well needs no wait. From critical there is no way but
through recovery, whose steps let quoting come back little by little. Silence is no evidence: two observations too far
apart start the wait anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pmm.errors import InvalidInput
from pmm.risk.lines import UNKNOWN, Assessment, Level


class Phase(StrEnum):
    """Where a metric, or the desk, stands."""

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """How long better must last.

    Attributes:
        hold_ms: a warning, or a critical state, must have been clear for so long.
        step_ms: length of one step of the recovery.
        steps: how many steps it has.
        max_gap_ms: observations further apart do not make one stretch of time.
    """

    hold_ms: int = 60_000
    step_ms: int = 60_000
    steps: int = 3
    max_gap_ms: int = 10_000

    def __post_init__(self) -> None:
        if min(self.hold_ms, self.step_ms, self.steps, self.max_gap_ms) < 1:
            raise InvalidInput(f"hysteresis: expected positive times and steps, found {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseState:
    """A phase with its clocks; all times are unix ms.

    Attributes:
        phase: where it stands.
        since_ms: when it came here.
        seen_ms: last observation that mattered.
        clear_since_ms: since when the way to something better is open, None while it is not.
        step: of the recovery, from 0.
        known: the last observation had a value.
        fresh: nothing was ever known: a warning for want of data, which the first good value ends.
    """

    phase: Phase = Phase.NORMAL
    since_ms: int = 0
    seen_ms: int = 0
    clear_since_ms: int | None = None
    step: int = 0
    known: bool = False
    fresh: bool = False


START: Final = PhaseState(phase=Phase.WARNING, fresh=True)
"""Before the first observation: unknown, so a warning."""


def step(state: PhaseState, seen: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    """Return the state after an observation. A clock that went back counts as standing still."""
    now_ms = max(now_ms, state.seen_ms)
    gap = now_ms - state.seen_ms > hysteresis.max_gap_ms
    if seen.level is Level.CRITICAL:
        if state.phase is Phase.CRITICAL:
            return _seen(state, seen, now_ms, None)
        return _moved(Phase.CRITICAL, seen, now_ms)
    if state.phase is Phase.NORMAL:
        if seen.level is Level.GOOD and seen.known:
            return _seen(state, seen, now_ms, None)
        return _moved(Phase.WARNING, seen, now_ms)
    if state.fresh and seen.known and seen.level is Level.GOOD:
        # Nothing was wrong before: there is nothing to wait out.
        return _moved(Phase.NORMAL, seen, now_ms)
    wants = seen.clear_of_warning if state.phase is Phase.WARNING else seen.clear_of_critical
    if not (wants and seen.known):
        return _seen(state, seen, now_ms, None)
    since_ms = now_ms if gap or state.clear_since_ms is None else state.clear_since_ms
    wait_ms = hysteresis.step_ms if state.phase is Phase.RECOVERY else hysteresis.hold_ms
    if now_ms - since_ms < wait_ms:
        return _seen(state, seen, now_ms, since_ms)
    return _better(state, seen, now_ms, hysteresis)


def _better(state: PhaseState, seen: Assessment, now_ms: int, hysteresis: Hysteresis) -> PhaseState:
    if state.phase is Phase.WARNING:
        return _moved(Phase.NORMAL, seen, now_ms)
    if state.phase is Phase.CRITICAL:
        return replace(_moved(Phase.RECOVERY, seen, now_ms), clear_since_ms=now_ms)
    if state.step + 1 < hysteresis.steps:
        return replace(_seen(state, seen, now_ms, now_ms), step=state.step + 1)
    return _moved(Phase.NORMAL if seen.clear_of_warning else Phase.WARNING, seen, now_ms)


def _seen(state: PhaseState, seen: Assessment, now_ms: int, clear_since_ms: int | None) -> PhaseState:
    if clear_since_ms is None and state.clear_since_ms is None and state.known is seen.known:
        return state  # nothing waits, so nobody asks when this was
    return PhaseState(
        phase=state.phase,
        since_ms=state.since_ms,
        seen_ms=now_ms,
        clear_since_ms=clear_since_ms,
        step=state.step,
        known=seen.known,
        fresh=state.fresh and not seen.known,
    )


def _moved(phase: Phase, seen: Assessment, now_ms: int) -> PhaseState:
    return PhaseState(phase=phase, since_ms=now_ms, seen_ms=now_ms, known=seen.known)


_DESK_CRITICAL: Final = Assessment(
    level=Level.CRITICAL, known=True, clear_of_warning=False, clear_of_critical=False
)
_DESK_WARNED: Final = Assessment(
    level=Level.WARNING, known=True, clear_of_warning=False, clear_of_critical=True
)
_DESK_GOOD: Final = Assessment(level=Level.GOOD, known=True, clear_of_warning=True, clear_of_critical=True)


def overall(phases: Iterable[Phase]) -> Assessment:
    """Return what the phases of all metrics say of the desk: the worst of them; none at all is unknown."""
    found = set(phases)
    if not found:
        return UNKNOWN
    if Phase.CRITICAL in found:
        return _DESK_CRITICAL
    return _DESK_GOOD if found == {Phase.NORMAL} else _DESK_WARNED


def restarted(state: PhaseState, now_ms: int) -> PhaseState:
    """Return a state as a new process takes it over: the phase stands, its waits start anew.

    A recovery starts at its first step: nobody watched in between.
    """
    if state.phase is Phase.NORMAL:
        return replace(START, since_ms=now_ms, seen_ms=now_ms)
    return replace(state, seen_ms=now_ms, clear_since_ms=None, step=0, known=False)
