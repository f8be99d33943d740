"""The hedging rows of ``benchmarks/desk.py``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from desk_bench.hedge_latency import measure_hedge_latency


def measure() -> list[dict[str, Any]]:
    """Return the rows."""
    wanted = ("case", "measured", "unit", "target", "goal")
    return [{key: asdict(row)[key] for key in wanted} for row in measure_hedge_latency()]
