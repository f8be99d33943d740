"""Rows of the table, in the form of every file of ``benchmarks/results``."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def row(case: str, measured: float, unit: str, target: float | None = None, goal: float | None = None) -> Row:
    """Return one line: what was measured, what it must reach, and what it should."""
    return {"case": case, "measured": round(measured, 3), "unit": unit, "target": target, "goal": goal}
