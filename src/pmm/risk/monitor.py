"""Readings into phases, phases into a posture and requests for action. Pure: nothing here acts or knows the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pmm.risk.engine import RiskEngine
from pmm.risk.events import RiskEvent
from pmm.risk.metric import Reading
from pmm.risk.posture import MetricKey, Posture, posture_of
from pmm.risk.requests import ActionRequest, single_requests, standing_requests, stop_request
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import START, Hysteresis, Phase, PhaseState, overall, restarted, step

DESK: Final = "desk"
"""Name under which the phase of the whole desk appears among those of the metrics."""
_DELTA: Final = "net_delta_pct"
_TAKER: Final = "taker:"
_S: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A metric, or the desk, came to another phase or to another step of its recovery."""

    at_ms: int
    name: str
    key: str
    before: Phase
    after: Phase
    step: int
    value: float | None
    detail: str


class RiskMonitor:
    """Metrics, their phases, and what they ask for.

    ``restored`` and ``desk`` are the states an earlier process recorded: a critical metric stays critical, unless
    nothing tells of it for ``forget_s``.
    """

    def __init__(
        self,
        settings: RiskSettings,
        expect: Mapping[str, Iterable[str]] | None = None,
        *,
        now_ms: int = 0,
        restored: Mapping[MetricKey, PhaseState] | None = None,
        desk: PhaseState = START,
    ) -> None:
        self.settings = settings
        self.engine = RiskEngine(settings, expect)
        self._hysteresis = Hysteresis(
            hold_ms=int(settings.hold_s * _S),
            step_ms=int(settings.recovery_step_s * _S),
            steps=max(len(settings.recovery_size_pct), 1),
        )
        self._of_desk = Hysteresis(
            hold_ms=int(settings.desk_hold_s * _S),
            step_ms=self._hysteresis.step_ms,
            steps=self._hysteresis.steps,
        )
        self._states = {key: restarted(one, now_ms) for key, one in (restored or {}).items()}
        self._unheard = set(self._states)
        self._forget_at_ms = now_ms + int(settings.forget_s * _S)
        self._counts = Counter(one.phase for one in self._states.values())
        self._readings: dict[MetricKey, Reading] = {}
        self._given: Posture | None = None
        self._given_ms = now_ms
        self.desk = restarted(desk, now_ms)
        """Phase of the whole desk."""

    @property
    def states(self) -> Mapping[MetricKey, PhaseState]:
        """The phases of all metrics."""
        return self._states

    @property
    def readings(self) -> Mapping[MetricKey, Reading]:
        """The newest readings."""
        return self._readings

    def apply(self, event: RiskEvent) -> list[Transition]:
        """Take an event; return the transitions it caused."""
        return self._observe(self.engine.apply(event), event.at_ms)

    def tick(self, now_ms: int) -> list[Transition]:
        """Look at everything now; call it every second: data grow old and waits end in silence."""
        readings = self.engine.tick(now_ms)
        return self._forget(now_ms) + self._observe(readings, now_ms, always=True)

    def posture(self) -> Posture:
        """Return how the desk may quote now."""
        deltas = {
            key: one.value
            for (name, key), one in self._readings.items()
            if name == _DELTA and one.value is not None
        }
        return posture_of(self.desk, self._states, deltas, self.settings)

    def requests(self, now_ms: int) -> list[ActionRequest]:
        """Return what is asked for now: changes of the posture since the last call, and single actions that are due.

        A stop that lasts is asked for again and again.

        A single action's name is the same at every call until its repetition is due, and after a restart.
        """
        posture = self.posture()
        asked: list[ActionRequest] = []
        if posture != self._given:
            assets = [key for name, key in self._readings if name == _DELTA and key]
            asked = standing_requests(self._given, posture, now_ms, assets=assets)
            self._given, self._given_ms = posture, now_ms
        elif posture.stopped and now_ms - self._given_ms >= self.settings.repeat_s * _S:
            # Somebody may have lifted the stop meanwhile.
            asked, self._given_ms = [stop_request(now_ms)], now_ms
        return asked + single_requests(self._states, self._readings, now_ms, self.settings)

    def _forget(self, now_ms: int) -> list[Transition]:
        """Let go of restored states that nothing has told of since the start: they would stand for ever.

        An account that is no longer kept, a node that is no longer named, a metric of an older version.
        """
        if not self._unheard or now_ms < self._forget_at_ms:
            return []
        gone, self._unheard = sorted(self._unheard - set(self._readings)), set()
        moved: list[Transition] = []
        for name, key in gone:
            before = self._states.pop((name, key))
            self._counts[before.phase] -= 1
            moved.append(
                Transition(
                    at_ms=now_ms,
                    name=name,
                    key=key,
                    before=before.phase,
                    after=Phase.NORMAL,
                    step=0,
                    value=None,
                    detail="forgotten: nothing on this desk measures it any more",
                )
            )
        return moved

    def _observe(self, readings: list[Reading], now_ms: int, *, always: bool = False) -> list[Transition]:
        moved: list[Transition] = []
        for reading in readings:
            key = (reading.metric.name, reading.key)
            self._readings[key] = reading
            if reading.key.startswith(_TAKER):
                continue  # shown; one taker's habits are not the desk's state
            before = self._states.get(key)
            start = before or replace(START, since_ms=now_ms, seen_ms=now_ms)
            after = step(start, reading.assessment, now_ms, self._hysteresis)
            self._states[key] = after
            if before is None:
                self._counts[after.phase] += 1
            if before is None or before.phase is not after.phase or before.step != after.step:
                if before is not None:
                    self._counts[before.phase] -= 1
                    self._counts[after.phase] += 1
                if before is not None or after.phase is not START.phase:
                    moved.append(_transition(reading, start, after, now_ms))
        if always or moved:
            moved += self._observe_desk(now_ms)
        return moved

    def _observe_desk(self, now_ms: int) -> list[Transition]:
        before = self.desk
        phases = [phase for phase, count in self._counts.items() if count > 0]
        self.desk = step(before, overall(phases), now_ms, self._of_desk)
        if self.desk.phase is before.phase and self.desk.step == before.step:
            return []
        worst = sorted(
            f"{name}[{key}]" if key else name
            for (name, key), one in self._states.items()
            if one.phase is self.desk.phase
        )
        return [
            Transition(
                at_ms=now_ms,
                name=DESK,
                key="",
                before=before.phase,
                after=self.desk.phase,
                step=self.desk.step,
                value=None,
                detail=", ".join(worst) or "all metrics",
            )
        ]


def _transition(reading: Reading, before: PhaseState, after: PhaseState, now_ms: int) -> Transition:
    return Transition(
        at_ms=now_ms,
        name=reading.metric.name,
        key=reading.key,
        before=before.phase,
        after=after.phase,
        step=after.step,
        value=reading.value,
        detail=f"{reading.name} is {reading.shown}",
    )
