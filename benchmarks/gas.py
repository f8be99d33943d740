"""Measure the gas of one fill and one cancel, ours and our peers', on one chain in one run.

Run: ``make bench-gas``. Prints a table and writes ``benchmarks/results/gas.json``; the table is explained in
docs/gas.md. While tuning the contracts: ``python benchmarks/gas.py --ours`` measures our own rows and those of
1inch they are held against, and writes nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gas_bench.baseline import measure_baseline
from gas_bench.conditions import conditions
from gas_bench.oneinch import OneInch
from gas_bench.our_cases import CANCELS, compare, measure_ours
from gas_bench.peers import airswap, cow, hashflow, uniswapx, zeroex
from gas_bench.report import Report
from gas_bench.settlement import Ours
from gas_bench.sizes import runtime_sizes
from gas_bench.stage import Stage

RESULT = Path(__file__).parent / "results" / "gas.json"
PEERS = "one fill, side by side"


def measure_bare_chain(report: Report, *, peers: bool) -> None:
    """Measure everything that needs no more than two tokens, on one bare chain."""
    with Stage() as stage:
        report.add(PEERS, measure_baseline(stage))
        router = OneInch.place(stage)
        report.add(PEERS, router.fills("1inch LOP 4.0.3 fillOrder"))
        report.add(CANCELS, router.cancels())
        measure_ours(Ours.place(stage, router), report)
        if peers:
            report.add(PEERS, OneInch.place_433(stage).fills("1inch LOP 4.3.3 fillOrder"))
            for peer in (airswap, zeroex, hashflow, uniswapx, cow):
                report.add(PEERS, peer.measure(stage))
    compare(report)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="store_true", help="our rows only, in seconds; writes nothing")
    arguments = parser.parse_args()
    report = Report()
    measure_bare_chain(report, peers=not arguments.ours)
    report.add("runtime size", runtime_sizes(report))
    print(report.table())
    if not arguments.ours:
        report.write(RESULT, conditions())


if __name__ == "__main__":
    main()
