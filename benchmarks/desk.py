"""How fast the desk is: hedges, value at risk, metrics, the indexer's catch-up.

Run: ``make bench-desk`` (``python benchmarks/desk.py indexer`` for one case). Prints a table and writes
``benchmarks/results/desk.json``; a run of some cases keeps the rows of the others.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "desk.json"
# Modules of desk_bench, each with measure() -> rows; one that is not there is passed over.
CASES = ("hedging", "risk", "indexer", "lending", "watch")
_PACKAGES = ("httpx", "msgspec", "numpy", "psycopg")


def _conditions() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "ledger": "SQLite, WAL, synchronous FULL, in the folder for temporary files",
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _kept(cases: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the recorded rows of other cases."""
    if not RESULT.exists():
        return {}
    kept: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(RESULT.read_text())["rows"]:
        if one["module"] not in cases:
            kept.setdefault(one["module"], []).append(one)
    return kept


def main() -> None:
    """Measure, print and record."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("cases", nargs="*", help=f"which of {', '.join(CASES)}; all by default")
    wanted: list[str] = options.parse_args().cases or list(CASES)
    found = _kept(wanted)
    for name in wanted:
        if importlib.util.find_spec(f"desk_bench.{name}") is None:
            print(f"{name}: no module desk_bench.{name}, passed over")
            continue
        rows = importlib.import_module(f"desk_bench.{name}").measure()
        found[name] = [{"module": name, **row} for row in rows]
    ordered = [row for name in sorted(found, key=_place) for row in found[name]]
    for row in ordered:
        target = "" if row["target"] is None else f"target {row['target']:g}"
        goal = "" if row["goal"] is None else f"goal {row['goal']:g}"
        print(f"{row['case']:<84} {row['measured']:>11,.2f} {row['unit']:<6} {target:<14} {goal}")
    RESULT.write_text(json.dumps({"conditions": _conditions(), "rows": ordered}, indent=2) + "\n")


def _place(name: str) -> int:
    return CASES.index(name) if name in CASES else len(CASES)


if __name__ == "__main__":
    main()
