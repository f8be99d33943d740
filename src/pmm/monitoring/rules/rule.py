"""One alert rule with the cases that show it."""

from __future__ import annotations

from dataclasses import dataclass

Series = tuple[str, str]
"""A series and its values a minute apart, as promtool writes them: ``0+1x10`` is 0, 1, ... 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A condition that somebody must know of.

    Attributes:
        expr: PromQL; every series that it returns is an alert.
        hold_min: minutes that it must hold.
        severity: ``warning`` or ``critical``.
        summary: one line; ``{{ $labels.x }}`` and ``{{ $value }}`` are filled in by Prometheus.
        todo: what whoever is woken does first.
        fires: series on which it fires within ``after_min`` minutes.
        quiet: series on which it does not.
    """

    name: str
    expr: str
    hold_min: int
    severity: str
    summary: str
    todo: str
    fires: tuple[Series, ...]
    quiet: tuple[Series, ...]
    after_min: int = 15
