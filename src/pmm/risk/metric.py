"""A metric of the risk book: what it is called, how it is made, and what answers for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pmm.risk.lines import Assessment, Better


class Section(StrEnum):
    """The chapters of the risk book."""

    EXECUTION = "uptime and execution"
    POSITIONS = "positions"
    INVENTORY = "inventory"
    RISK = "risk"
    PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric; its three lines stand in the settings under the same name.

    Attributes:
        name: with its unit at the end.
        section: chapter of the risk book.
        formula: in words, exact.
        unit: of value and lines.
        window_ms: the formula looks back so far, 0 for the present state.
        stale_ms: newest data older than this make it unknown; 0 for never (nothing happened is a state).
        better: which way is better.
        source: where its truth comes from.
        each: what there is one of it for, empty for the whole desk.
    """

    name: str
    section: Section
    formula: str
    unit: str
    window_ms: int
    stale_ms: int
    better: Better
    source: str
    each: str = ""


class Reading(NamedTuple):
    """A metric at a moment. ``value`` is None when it is unknown, which is shown as such and counts as a warning.

    ``why`` says why it is, where that is known: "needs 12 more prices".
    """

    metric: Metric
    key: str
    at_ms: int
    value: float | None
    assessment: Assessment
    why: str = ""

    @property
    def name(self) -> str:
        """Metric and what it is of, for people."""
        return f"{self.metric.name}[{self.key}]" if self.key else self.metric.name

    @property
    def shown(self) -> str:
        """The value with its unit, or that it is unknown."""
        if self.value is None:
            return f"unknown, {self.why}" if self.why else "unknown"
        return f"{self.value:,.4g} {self.metric.unit}"
