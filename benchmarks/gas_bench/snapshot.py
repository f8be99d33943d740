"""The committed gas of our own cases, which CI holds every change against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gas_bench.conditions import conditions
from gas_bench.our_cases import CANCELS, FILLS
from gas_bench.report import Report

SNAPSHOT = Path(__file__).parents[1] / "results" / "gas_snapshot.json"
TOLERANCE_GAS = 24
"""Two bytes of calldata. Nothing random is left: keys, salts, nonces and expirations are fixed."""
REFRESH = "if the change is meant, run `make gas-snapshot` and commit benchmarks/results/gas_snapshot.json"


def own_gas(report: Report) -> dict[str, int]:
    """Return the figures of ours that do not depend on anybody else's contract."""
    rows = [row for section in (FILLS, CANCELS) for row in report.sections.get(section, [])]
    return {row.case: int(row.measured) for row in rows if "1inch" not in row.case and row.unit == "gas"}


def write_snapshot(report: Report) -> None:
    """Record the figures with their conditions."""
    document = {"conditions": conditions(), "tolerance_gas": TOLERANCE_GAS, "gas": own_gas(report)}
    SNAPSHOT.write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")


def read_snapshot() -> dict[str, int]:
    """Return the recorded figures by case."""
    gas: dict[str, int] = json.loads(SNAPSHOT.read_text())["gas"]
    return gas


def differences(measured: Mapping[str, int], recorded: Mapping[str, int]) -> list[str]:
    """Return one line per case that is new, gone, or off by more than the tolerance."""
    lines = []
    for case in sorted(measured.keys() | recorded.keys()):
        now, before = measured.get(case), recorded.get(case)
        if now is None:
            lines.append(f"{case}: expected {before:,} gas, found the case no longer measured")
        elif before is None:
            lines.append(f"{case}: expected no such case, found {now:,} gas")
        elif abs(now - before) > TOLERANCE_GAS:
            lines.append(f"{case}: expected {before:,} gas, found {now:,} ({now - before:+,})")
    return lines
