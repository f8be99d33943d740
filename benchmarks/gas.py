"""Measure the gas of one fill and one cancel, ours and our peers', on one chain in one run.

Run: ``make bench-gas``. Prints a table and writes ``benchmarks/results/gas.json``; the table is explained in
docs/gas.md. While tuning the contracts: ``python benchmarks/gas.py --ours`` measures our own rows and those of
1inch they are held against, and writes nothing.
"""

from __future__ import annotations

import argparse

from gas_bench import oneinch
from gas_bench.baseline import measure_baseline
from gas_bench.oneinch import OneInch
from gas_bench.our_cases import CANCELS, compare, measure_ours
from gas_bench.report import Report
from gas_bench.settlement import Ours
from gas_bench.sizes import runtime_sizes
from gas_bench.stage import Stage


def measure_own(report: Report) -> None:
    """Measure 1inch LOP 4.0.3 and everything of ours on one bare chain."""
    with Stage() as stage:
        report.add("peers", measure_baseline(stage))
        router = OneInch.place(stage)
        report.add("peers", router.fills(oneinch.FIRST, oneinch.NEXT))
        report.add(CANCELS, router.cancels())
        measure_ours(Ours.place(stage, router), report)
    compare(report)
    report.add("runtime size", runtime_sizes(report))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="store_true", help="our rows only, in seconds; writes nothing")
    parser.parse_args()
    report = Report()
    measure_own(report)
    print(report.table())


if __name__ == "__main__":
    main()
