"""Rows, the table they are printed as, and the file they are written to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure.

    Attributes:
        target: the measured figure must not lie above it; None where nothing is promised.
        goal: what we would like to reach.
        note: what a reader must know beside the figure.
    """

    case: str
    measured: float
    unit: str = "gas"
    target: float | None = None
    goal: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return how the figure stands against target and goal."""
        if self.target is None:
            return ""
        if self.goal is not None and self.measured <= self.goal:
            return "goal"
        return "met" if self.measured <= self.target else "MISSED"


@dataclass(slots=True)
class Report:
    """Sections of rows in the order in which they were measured, and what could not be measured."""

    sections: dict[str, list[Row]] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)

    def add(self, section: str, rows: Iterable[Row]) -> None:
        """Append rows to a section."""
        self.sections.setdefault(section, []).extend(rows)

    def skip(self, case: str, reason: str) -> None:
        """Note a case that could not be measured, and why."""
        self.skipped.append({"case": case, "reason": reason})

    @property
    def rows(self) -> list[Row]:
        """Return all rows."""
        return [row for rows in self.sections.values() for row in rows]

    def measured(self, case: str) -> float | None:
        """Return the figure of a case, or None where it was not measured."""
        return next((row.measured for row in self.rows if row.case == case), None)

    def table(self) -> str:
        """Return the sections as text."""
        lines = []
        for section, rows in self.sections.items():
            lines += ["", section, "-" * len(section), _HEAD]
            lines += [_line(row) for row in rows]
        if self.skipped:
            lines += ["", "not measured", "------------"]
            lines += [f"{skip['case']}: {skip['reason']}" for skip in self.skipped]
        return "\n".join(lines)

    def write(self, path: Path, conditions: Mapping[str, Any]) -> None:
        """Write conditions, rows and skips as JSON."""
        rows = [
            {"section": section} | {key: value for key, value in asdict(row).items() if value != ""}
            for section, rows in self.sections.items()
            for row in rows
        ]
        document = {"conditions": dict(conditions), "rows": rows, "skipped": self.skipped}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")


def put_into_page(page: Path, table: str) -> None:
    """Replace the table of a Markdown page, which stands between two comments."""
    head, _, rest = page.read_text().partition(_PAGE_START)
    _, mark, tail = rest.partition(_PAGE_END)
    assert mark, f"expected the comments {_PAGE_START!r} and {_PAGE_END!r} in {page}"
    page.write_text(f"{head}{_PAGE_START}\n```text{table}\n```\n{_PAGE_END}{tail}")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.3f}" if unit == "ratio" else f"{value:,.0f}"


_PAGE_START = "<!-- written by benchmarks/gas.py -->"
_PAGE_END = "<!-- end -->"
_HEAD = f"{'case':<66} {'measured':>9} {'unit':<6} {'target':>8} {'goal':>8}  {'':<7}"


def _line(row: Row) -> str:
    figures = (
        f"{_number(row.measured, row.unit):>9} {row.unit:<6} "
        f"{_number(row.target, row.unit):>8} {_number(row.goal, row.unit):>8}  {row.verdict:<7}"
    )
    return f"{row.case:<66} {figures}{row.note}".rstrip()
