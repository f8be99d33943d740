"""An incident report from the record: timeline, cause candidates, money effect, thresholds for review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pmm.execution.actions.command import AuditLine, Command, Status
from pmm.execution.actions.record import ActionRecord, Money, RecordedTransition
from pmm.risk.catalogue import BY_NAME
from pmm.risk.lines import Better
from pmm.risk.monitor import DESK
from pmm.risk.settings import RiskSettings
from pmm.risk.state_machine import Phase

_LOOK_BACK_MS: Final = 15 * 60_000
_CALM: Final = (Phase.NORMAL, Phase.WARNING)
_FLAPS: Final = 3
_USD_E6: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """From the transition that made the desk critical until it was normal or warned only; None while it lasts."""

    start_ms: int
    end_ms: int | None


def incidents(record: ActionRecord, start_ms: int, end_ms: int) -> list[Incident]:
    """Return the incidents that began in a time, oldest first."""
    found: list[Incident] = []
    begun: int | None = None
    for one in record.transitions(start_ms, end_ms):
        if one.transition.name != DESK:
            continue
        if one.transition.after is Phase.CRITICAL and begun is None:
            begun = one.transition.at_ms
        elif one.transition.after in _CALM and begun is not None:
            found.append(Incident(start_ms=begun, end_ms=one.transition.at_ms))
            begun = None
    return found if begun is None else [*found, Incident(start_ms=begun, end_ms=None)]


def incident_report(record: ActionRecord, incident: Incident, settings: RiskSettings, now_ms: int) -> str:
    """Return the report as Markdown. It holds no order, no signature and no key: nothing of that is recorded."""
    end_ms = incident.end_ms if incident.end_ms is not None else now_ms
    before = record.transitions(incident.start_ms - _LOOK_BACK_MS, incident.start_ms)
    during = record.transitions(incident.start_ms, end_ms)
    commands = record.commands(incident.start_ms - _LOOK_BACK_MS, end_ms)
    audit = record.audit(one.command_id for one in commands)
    lasted = "it still lasts" if incident.end_ms is None else f"{(end_ms - incident.start_ms) / 1000:,.0f} s"
    parts = [
        f"# Incident of {_time(incident.start_ms)}",
        f"From {_time(incident.start_ms)} to {_time(end_ms)} UTC: {lasted}.",
        "## Money",
        _money(record.money(incident.start_ms - _LOOK_BACK_MS, end_ms)),
        "## Cause candidates",
        _causes(before, incident.start_ms),
        "## Timeline",
        _timeline([*before, *[one for one in during if one not in before]], audit),
        "## Commands",
        _commands(commands, audit),
        "## Thresholds proposed for review",
        _thresholds(before, during, settings),
    ]
    return "\n\n".join(parts) + "\n"


def _money(samples: Sequence[Money]) -> str:
    worth = [one.portfolio_usd_e6 for one in samples if one.portfolio_usd_e6 is not None]
    profit = [one.profit_usd_e6 for one in samples if one.profit_usd_e6 is not None]
    if not worth and not profit:
        return "Unknown: no value was recorded."
    lines = ["| | before | lowest | after | change |", "|---|---|---|---|---|"]
    for name, series in (("portfolio, USD", worth), ("booked profit, USD", profit)):
        if series:
            shown = (series[0], min(series), series[-1], series[-1] - series[0])
            lines.append(f"| {name} | " + " | ".join(f"{one / _USD_E6:,.2f}" for one in shown) + " |")
    return "\n".join(lines)


def _causes(before: Sequence[RecordedTransition], start_ms: int) -> str:
    """Rank what left its good state before the desk did: critical ones first, then the earliest."""
    first: dict[str, RecordedTransition] = {}
    critical: set[str] = set()
    for one in before:
        name = _name(one)
        if one.transition.name == DESK or one.transition.after is Phase.NORMAL:
            continue
        first.setdefault(name, one)
        if one.transition.after is Phase.CRITICAL:
            critical.add(name)
    ranked = sorted(first, key=lambda name: (name not in critical, first[name].transition.at_ms))
    if not ranked:
        return "None: nothing was recorded before."
    lines = []
    for name in ranked:
        moved = first[name].transition
        kind = "made the desk critical" if name in critical else "warned before"
        lead = (start_ms - moved.at_ms) / 1_000
        unknown = "; it was unknown: look at its source first" if moved.value is None else ""
        source = BY_NAME[moved.name].source if moved.name in BY_NAME else "?"
        lines.append(
            f"1. `{name}` {kind}, {lead:,.0f} s ahead: {moved.detail}{unknown}. Source of truth: {source}."
        )
    return "\n".join(lines)


def _timeline(transitions: Sequence[RecordedTransition], audit: Sequence[AuditLine]) -> str:
    rows = [
        (one.transition.at_ms, 0, f"`{_name(one)}` {_moved(one)}: {one.transition.detail}")
        for one in transitions
    ]
    rows += [
        (
            line.at_ms,
            1,
            f"command `{line.command_id}` {line.status.value} ({line.who}) {line.detail}".rstrip(),
        )
        for line in audit
    ]
    rows.sort(key=lambda row: (row[0], row[1]))
    return "\n".join(
        ["| UTC | what |", "|---|---|", *(f"| {_time(at)} | {_cell(what)} |" for at, _, what in rows)]
    )


def _commands(commands: Sequence[Command], audit: Sequence[AuditLine]) -> str:
    if not commands:
        return "None."
    started = {line.command_id: line.at_ms for line in reversed(audit) if line.status is Status.STARTED}
    lines = [
        "| command | on | decided | begun after | status | attempts | outcome |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in commands:
        wait = f"{started[one.command_id] - one.at_ms:,} ms" if one.command_id in started else "never"
        lines.append(
            f"| {one.kind.value} | {_cell(one.subject)} | {_time(one.at_ms)} | {wait} | {one.status.value} | "
            f"{one.attempts} | {_cell(one.detail)} |"
        )
    return "\n".join(lines)


def _thresholds(
    before: Sequence[RecordedTransition], during: Sequence[RecordedTransition], settings: RiskSettings
) -> str:
    lines = []
    warned: dict[str, int] = {}
    warnings: dict[str, int] = {}
    for one in [*before, *[each for each in during if each not in before]]:
        name, moved = _name(one), one.transition
        if moved.after is Phase.WARNING:
            warned[name] = moved.at_ms
            warnings[name] = warnings.get(name, 0) + 1
        if moved.after is Phase.CRITICAL and moved.name in BY_NAME:
            target, warning, critical = getattr(settings, moved.name)
            lead_ms = moved.at_ms - warned[name] if name in warned else 0
            if lead_ms < settings.hold_s * 1_000:
                near = BY_NAME[moved.name].better is Better.NEAR
                closer = warning * 0.75 if near else warning + (target - warning) / 4
                lines.append(
                    f"- `{moved.name}`: {lead_ms / 1_000:,.0f} s from warning to critical leave no time to act. "
                    f"Warning line {warning:g}, proposed {closer:g} (target {target:g}, critical {critical:g})."
                )
    for name, count in warnings.items():
        if count >= _FLAPS and name != DESK:
            lines.append(
                f"- `{name}` warned {count} times. `hold_s` {settings.hold_s:g}, proposed {settings.hold_s * 2:g}, "
                f"or a wider `clear_margin_pct` than {settings.clear_margin_pct:g}."
            )
    return "\n".join(dict.fromkeys(lines)) or "None: every warning came in time, none came again and again."


def _name(one: RecordedTransition) -> str:
    moved = one.transition
    return f"{moved.name}[{moved.key}]" if moved.key else moved.name


def _moved(one: RecordedTransition) -> str:
    moved = one.transition
    if moved.before is moved.after:
        return f"{moved.after.value}, step {moved.step + 1}"
    return f"{moved.before.value} -> {moved.after.value}"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
