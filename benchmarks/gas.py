"""Measure the gas of one fill and one cancel, ours and our peers', on one chain in one run.

Run: ``make bench-gas``. Prints a table and writes ``benchmarks/results/gas.json`` and the table of docs/gas.md, which
explains it. While tuning the contracts: ``python benchmarks/gas.py --ours`` measures our own rows and those of
1inch they are held against, and writes nothing. ``make gas-snapshot`` records our own figures for CI.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gas_bench.bare_chain import measure_bare_chain
from gas_bench.conditions import conditions
from gas_bench.funded import measure_funded
from gas_bench.real_tokens import measure_genuine_router, measure_real_tokens
from gas_bench.report import Report, put_into_page
from gas_bench.shorts import measure_shorts
from gas_bench.sizes import runtime_sizes
from gas_bench.snapshot import SNAPSHOT, differences, own_gas, read_snapshot, write_snapshot

RESULT = Path(__file__).parent / "results" / "gas.json"
PAGE = Path(__file__).parents[1] / "docs" / "gas.md"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--ours", action="store_true", help="our rows only, in seconds; writes nothing")
    kind.add_argument("--snapshot", action="store_true", help="record our rows for CI")
    arguments = parser.parse_args()
    own_only = arguments.ours or arguments.snapshot

    report = Report()
    measure_bare_chain(report, peers=not own_only)
    if not own_only:
        measure_real_tokens(report)
        measure_genuine_router(report)
        measure_funded(report)
        measure_shorts(report)
    report.add("runtime size", runtime_sizes(report))
    print(report.table())
    if SNAPSHOT.exists():
        changed = differences(own_gas(report), read_snapshot())
        print("\nagainst the snapshot\n--------------------\n" + ("\n".join(changed) or "no change"))
    if arguments.snapshot:
        write_snapshot(report)
    elif not own_only:
        report.write(RESULT, conditions())
        put_into_page(PAGE, report.table())


if __name__ == "__main__":
    main()
