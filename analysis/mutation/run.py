"""Mutation testing of the contracts: changes one place at a time and asks whether a test notices.

usage: python analysis/mutation/run.py [--sample N] [--contracts NAME ...] [--since COMMIT] [--record]

Mutants are drawn in a fixed random order until N of them (default: see subjects.py) compile to another bytecode. What
became of each is kept under .cache by content, so a second start goes on where the first ended; one that survived is
tried again when the tests have changed. ``--record`` writes analysis/mutation/results.json. With ``--since`` all mutants
of the lines that differ from a commit are tested, unless a sample is asked for; that is no sample of the contract and is
not recorded.

Exit 1 on a survivor without a reason in analysis/mutation/survivors.toml, and on a reason for one that is found now.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analysis.mutation.campaign import SEED, Campaign
from analysis.mutation.compilers import compiler_of
from analysis.mutation.report import Report
from analysis.mutation.runner import Vehicle, VehicleTester, copy_project
from analysis.mutation.subjects import SUBJECTS
from analysis.staging import CACHE

_HERE = Path(__file__).resolve().parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="mutation testing of the contracts")
    parser.add_argument("--sample", type=int, help="mutants to test of each contract; 0 means all")
    parser.add_argument("--contracts", nargs="*", default=[], help="names; all where none is given")
    parser.add_argument(
        "--since", default="", help="a commit: only lines that differ from it, all their mutants"
    )
    parser.add_argument("--record", action="store_true", help="write results.json beside this file")
    chosen = parser.parse_args()
    unknown = set(chosen.contracts) - {subject.name for subject in SUBJECTS}
    if unknown:
        parser.error(f"expected names among {[s.name for s in SUBJECTS]}, found {sorted(unknown)}")
    if chosen.since and chosen.record:
        parser.error("expected --record without --since: what was changed is no sample of the contract")
    if chosen.since and chosen.sample is None:
        chosen.sample = 0
    return chosen


def _run(chosen: argparse.Namespace, report: Report, folder: Path) -> bool:
    """Run the chosen campaigns; return whether they came to their end."""
    copy_project(folder)
    for subject in SUBJECTS:
        if chosen.contracts and subject.name not in chosen.contracts:
            continue
        vehicle = Vehicle(folder, subject.pytest_arguments())
        campaign = Campaign(
            subject,
            compiler_of(subject.contract),
            VehicleTester(vehicle, subject.name),
            subject.sample if chosen.sample is None else chosen.sample,
            CACHE / "mutation" / "outcomes",
            chosen.since,
        )
        report.add(campaign)
        try:
            campaign.run()
        except KeyboardInterrupt:
            print("\nstopped; the next start goes on from here")
            return False
        finally:
            vehicle.stop()
    return True


_STOPS = (signal.SIGINT, signal.SIGTERM)


def _interrupt(*_: object) -> None:
    # make and the terminal both send one: the second must not cut off the tidying up.
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    chosen = _arguments()
    for stop in _STOPS:
        signal.signal(stop, _interrupt)
    report = Report(_HERE / "survivors.toml", SEED)
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        finished = _run(chosen, report, Path(folder))
    if chosen.record and finished:
        report.record(_HERE / "results.json")
    return 1 if report.show() or not finished else 0


if __name__ == "__main__":
    sys.exit(main())
