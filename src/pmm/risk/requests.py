"""Requests for action, named so that the same request has the same name at every call and after a crash."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pmm.risk.lines import Level
from pmm.risk.metric import Reading
from pmm.risk.plans import NEEDS_VALUE, STANDING, ActionKind, plan_of
from pmm.risk.posture import MetricKey, Posture
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase, PhaseState

EVERYTHING: Final = "*"
RESUMED: Final = "all"
"""Subject of the last step of a recovery: normal quoting."""
_DRAWDOWN: Final = ("max_drawdown_pct", "")
_ORDER: Final = {kind: place for place, kind in enumerate(ActionKind)}
_PER_SUBJECT: Final = {
    ActionKind.HEDGE_NOW: "net_delta_pct",
    ActionKind.REPAY: "liquidation_buffer_pct",
    ActionKind.REBALANCE: "inventory_level_pct",
    ActionKind.SWITCH_SOURCE: "source_health_pct",
}
"""Actions on one thing, and the metric whose keys are such things; asked for by another metric they mean all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequest:
    """An action that is asked for.

    Attributes:
        request_id: its name; acting twice on one name is acting once.
        kind: what to do.
        subject: on what: an asset, an account, a source, a step, ``*`` for all.
        value: what a standing action sets (basis points); 0 for single ones.
        reason: metric, phase and value that asked, for the record.
        at_ms: when it was first asked for.
    """

    request_id: str
    kind: ActionKind
    subject: str
    value: float
    reason: str
    at_ms: int


def standing_requests(
    before: Posture | None, now: Posture, at_ms: int, *, assets: Iterable[str] = ()
) -> list[ActionRequest]:
    """Return what brings quoting from one posture to another; everything when nothing is known of the old one.

    ``assets`` are those that an earlier process may have skewed: without an old posture their skew is set, too.
    """
    asked: list[ActionRequest] = []

    def ask(kind: ActionKind, subject: str, value: float, reason: str) -> None:
        asked.append(_standing(kind, subject, value, reason, at_ms))

    if now.stopped and (before is None or not before.stopped):
        asked.append(stop_request(at_ms))
    if before is None or now.size_bps != before.size_bps:
        ask(ActionKind.CUT_SIZES, EVERYTHING, now.size_bps, f"sizes {now.size_bps / 100:g} % of normal")
    if before is None or now.spread_addon_bps != before.spread_addon_bps:
        ask(
            ActionKind.WIDEN,
            EVERYTHING,
            now.spread_addon_bps,
            f"half-spreads {now.spread_addon_bps:g} bps wider",
        )
    old = dict.fromkeys(assets, math.nan) if before is None else before.skew_bps
    for asset in sorted({*old, *now.skew_bps}):
        if old.get(asset, 0.0) != now.skew_bps.get(asset, 0.0):
            ask(ActionKind.SKEW, asset, now.skew_bps.get(asset, 0.0), "attract the side that balances")
    was = None if before is None else (before.stopped, before.step)
    # Last: sizes and spreads of the step stand before its quotes do.
    if not now.stopped and was != (False, now.step):
        subject = RESUMED if now.step is None else str(now.step)
        ask(ActionKind.RESUME_STEP, subject, 0, "the desk is not critical")
    return asked


def stop_request(at_ms: int) -> ActionRequest:
    """Return the request to stop all quotes."""
    return _standing(ActionKind.STOP_QUOTING, EVERYTHING, 0, "the desk is critical", at_ms)


def _standing(kind: ActionKind, subject: str, value: float, reason: str, at_ms: int) -> ActionRequest:
    name = f"{kind.value}:{subject}:{value:g}@{at_ms}"
    return ActionRequest(request_id=name, kind=kind, subject=subject, value=value, reason=reason, at_ms=at_ms)


def single_requests(
    states: Mapping[MetricKey, PhaseState],
    readings: Mapping[MetricKey, Reading],
    now_ms: int,
    settings: RiskSettings,
) -> list[ActionRequest]:
    """Return the single actions that plans ask for now, most urgent first, each thing once."""
    repeat_ms = max(int(settings.repeat_s * 1_000), 1)
    in_danger = Phase.NORMAL is not states.get(_DRAWDOWN, PhaseState()).phase
    found: dict[tuple[ActionKind, str], ActionRequest] = {}
    for (name, key), state in states.items():
        reading = readings.get((name, key))
        if reading is None or reading.assessment.level is Level.GOOD:
            continue  # the phase waits to end; nothing is wrong any more
        for kind in _single(name, state, in_danger):
            subject = key if _PER_SUBJECT.get(kind) == name else EVERYTHING
            if (kind, subject) in found:
                continue
            turn = max(now_ms - state.since_ms, 0) // repeat_ms
            shown = f"{name}[{key}]" if key else name
            found[kind, subject] = ActionRequest(
                request_id=f"{kind.value}:{subject}:{shown}:{state.phase.value}@{state.since_ms}#{turn}",
                kind=kind,
                subject=subject,
                value=0,
                reason=f"{shown} is {state.phase.value} at {reading.shown}",
                at_ms=now_ms,
            )
    return sorted(found.values(), key=lambda one: (_ORDER[one.kind], one.subject))


def _single(name: str, state: PhaseState, in_danger: bool) -> Iterator[ActionKind]:
    plan = plan_of(name)
    if state.phase is Phase.CRITICAL:
        kinds = plan.critical + (plan.in_danger if in_danger else ())
    else:
        kinds = plan.warning if state.phase is Phase.WARNING else ()
    for kind in kinds:
        if kind not in STANDING and (state.known or kind not in NEEDS_VALUE):
            yield kind
