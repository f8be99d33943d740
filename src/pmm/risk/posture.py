"""How the desk may quote: worked out from all phases at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pmm.risk.plans import WIDENS_IF_UNKNOWN, ActionKind, plan_of
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase, PhaseState

_WHOLE_BPS: Final = 10_000
_TO_BPS: Final = 100
MetricKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """What quoting may do.

    Attributes:
        stopped: no quotes at all.
        step: of the recovery, None outside of one.
        size_bps: part of the normal sizes, 10,000 is all.
        spread_addon_bps: added to each half-spread.
        skew_bps: asset -> shift of both its prices; negative while we hold too much, so that takers buy.
    """

    stopped: bool = False
    step: int | None = None
    size_bps: int = _WHOLE_BPS
    spread_addon_bps: float = 0.0
    skew_bps: Mapping[str, float] = field(default_factory=dict)


def posture_of(
    desk: PhaseState,
    metrics: Mapping[MetricKey, PhaseState],
    deltas: Mapping[str, float],
    settings: RiskSettings,
) -> Posture:
    """Return the strictest of what the desk's phase and every metric's plan asks for.

    ``deltas`` is each asset's known delta, percent; its sign tells which way to skew.
    """
    size_bps, spread_bps, step = _WHOLE_BPS, 0.0, None
    skew: dict[str, float] = {}
    if desk.phase is Phase.RECOVERY:
        step = desk.step
        size_bps = int(_at(settings.recovery_size_pct, step) * _TO_BPS)
        spread_bps = _at(settings.recovery_spread_bps, step)
    for (name, key), state in metrics.items():
        asked = _standing(name, state)
        if ActionKind.CUT_SIZES in asked:
            size_bps = min(size_bps, int(settings.warning_size_pct * _TO_BPS))
        if ActionKind.WIDEN in asked:
            spread_bps = max(spread_bps, settings.warning_spread_bps)
        if ActionKind.SKEW in asked and deltas.get(key):
            skew[key] = -settings.skew_bps if deltas[key] > 0 else settings.skew_bps
    return Posture(
        stopped=desk.phase is Phase.CRITICAL,
        step=step,
        size_bps=size_bps,
        spread_addon_bps=spread_bps,
        skew_bps=skew,
    )


def _standing(name: str, state: PhaseState) -> tuple[ActionKind, ...]:
    plan = plan_of(name)
    if state.phase is Phase.NORMAL:
        return ()
    if state.phase is Phase.CRITICAL:
        return plan.critical
    if not state.known and name not in WIDENS_IF_UNKNOWN:
        return ()
    # A metric that recovers asks for what it asks for while it warns.
    return plan.warning


def _at(steps: tuple[float, ...], step: int) -> float:
    return steps[min(step, len(steps) - 1)]
