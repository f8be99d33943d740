"""Stops all quoting while the price feed is slow, with hysteresis: (state, round trip) to state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.errors import InvalidInput


class LatencyChange(StrEnum):
    """What an observation changed. ``CANCEL_OUTSTANDING``: quoting stops and live quotes must be cancelled."""

    NONE = "none"
    CANCEL_OUTSTANDING = "cancel_outstanding"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPolicy:
    """Quoting stops above ``stop_ms`` of smoothed round trip and resumes below ``resume_ms``.

    ``weight_bps`` is the share of a new round trip in the smoothed one (exponential smoothing per observation).
    Raises InvalidInput unless ``0 < resume_ms <= stop_ms`` and ``0 < weight_bps <= 10,000``.
    """

    stop_ms: int = 500
    resume_ms: int = 200
    weight_bps: int = 2_000

    def __post_init__(self) -> None:
        if not 0 < self.resume_ms <= self.stop_ms or not 0 < self.weight_bps <= 10_000:
            raise InvalidInput(
                f"latency: expected 0 < resume_ms <= stop_ms and a weight of 1 to 10000 bps, found "
                f"{self.resume_ms}, {self.stop_ms} and {self.weight_bps}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyState:
    """Smoothed round trip in microseconds, None before the first, and whether quoting is stopped."""

    smoothed_us: int | None = None
    stopped: bool = False


def observe_round_trip(
    state: LatencyState, round_trip_us: int, policy: LatencyPolicy
) -> tuple[LatencyState, LatencyChange]:
    """Return the state after a measured round trip (microseconds), and what must be done about it.

    A feed that does not answer is observed with the time it has been waited for.
    """
    if round_trip_us < 0:
        raise InvalidInput(f"round trip: expected at least 0 us, found {round_trip_us}")
    before = round_trip_us if state.smoothed_us is None else state.smoothed_us
    smoothed = before + (round_trip_us - before) * policy.weight_bps // 10_000
    slow, fast = smoothed > policy.stop_ms * 1_000, smoothed < policy.resume_ms * 1_000
    stopped = not fast if state.stopped else slow
    change = LatencyChange.NONE
    if stopped != state.stopped:
        change = LatencyChange.CANCEL_OUTSTANDING if stopped else LatencyChange.RESUME
    return LatencyState(smoothed_us=smoothed, stopped=stopped), change
