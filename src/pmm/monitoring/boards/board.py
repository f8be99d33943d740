"""What a board is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PanelKind(StrEnum):
    """How a panel draws."""

    LINES = "lines"
    NUMBER = "number"
    STATES = "states"
    TABLE = "table"
    BARS = "bars"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and the name of its lines; ``{{label}}`` stands for a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture.

    Attributes:
        unit: Grafana's name of the unit, such as ``currencyUSD``, ``percentunit``, ``s``.
        lines: warning and critical value that are drawn into it.
        width: of 24 columns.
        says: what to look for, shown at the panel's corner.
    """

    title: str
    queries: tuple[Query, ...]
    kind: PanelKind = PanelKind.LINES
    unit: str = "short"
    lines: tuple[float, float] | None = None
    width: int = 8
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Panels under a headline."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page; ``uid`` is its address in Grafana."""

    uid: str
    title: str
    says: str
    sections: tuple[Section, ...]

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Return all panels in order."""
        return tuple(panel for section in self.sections for panel in section.panels)
