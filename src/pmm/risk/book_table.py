"""The metrics as docs/risk.md shows them, with the lines that are in force."""

from __future__ import annotations

import math
from typing import Final

from pmm.risk.catalogue import METRICS
from pmm.risk.lines import Better
from pmm.risk.metric import Metric, Section
from pmm.risk.plans import ActionKind, plan_of
from pmm.risk.settings import RiskSettings

_HEAD: Final = (
    "| metric | formula | unit | window | target; warning; critical | one for each | source of truth | "
    "warning asks for | critical asks for, beside the stop |\n|---|---|---|---|---|---|---|---|---|"
)
_BEYOND: Final = {Better.HIGHER: "below", Better.LOWER: "above", Better.NEAR: "off target by"}


def metrics_table(settings: RiskSettings) -> str:
    """Return the metrics of every chapter as Markdown."""
    parts: list[str] = []
    for section in Section:
        rows = [_row(metric, settings) for metric in METRICS if metric.section is section]
        parts += [f"### {section.value.capitalize()}\n", _HEAD, *rows, ""]
    return "\n".join(parts)


def _row(metric: Metric, settings: RiskSettings) -> str:
    target, warning, critical = getattr(settings, metric.name)
    lines = "; ".join([f"{target:g}", _line(metric.better, warning), _line(metric.better, critical)])
    plan = plan_of(metric.name)
    danger = [f"{kind.value} (if the drawdown warns, too)" for kind in plan.in_danger]
    critical_text = ", ".join([_kinds(plan.critical), *danger] if plan.critical else danger)
    cells = (
        f"`{metric.name}`",
        metric.formula.replace("|longs - shorts|", "abs(longs - shorts)"),
        metric.unit,
        _window(metric.window_ms),
        lines,
        metric.each or "-",
        metric.source,
        _kinds(plan.warning) or "-",
        critical_text or "-",
    )
    return f"| {' | '.join(cells)} |"


def _line(better: Better, line: float) -> str:
    return "never" if math.isinf(line) else f"{_BEYOND[better]} {line:g}"


def _kinds(kinds: tuple[ActionKind, ...]) -> str:
    return ", ".join(kind.value for kind in kinds)


def _window(window_ms: int) -> str:
    if not window_ms:
        return "now"
    hours, minutes = divmod(window_ms // 60_000, 60)
    return f"{hours} h" if hours else f"{minutes} min"
