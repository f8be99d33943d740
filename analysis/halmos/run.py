"""Runs the symbolic rules of analysis/halmos/rules, or shows that each of them can fail.

usage: python analysis/halmos/run.py [--faults]

Without an option every rule must pass: a counterexample, a timeout of the solver and an unexplored path beyond
the loop bound fail the run, but for the rules of BOUNDED. With --faults every fault of
analysis/halmos/faults.toml is planted in a copy of the sources, and its rule must find it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analysis.staging import CACHE, environment, stage

_HERE = Path(__file__).resolve().parent
_PROJECT = "halmos-project"
_TIMEOUT_S = 1_200
# Loops over lanes and signers run up to 64 and 16 times; the rule holds for the unrolled ones.
BOUNDED = ("check_anyCall__lowersNoBalance",)
_SETTINGS = ("--solver-timeout-assertion", "60s", "--default-bytes-lengths", "65", "--no-status")
# Rounds of a loop: the search for the highest bit has eight; the settlement's loops are over lanes and signers.
_ROUNDS = {"LaneRules": 9, "SettlementRules": 2}


def _halmos(project: Path, contract: str, rule: str = "^check_") -> tuple[dict[str, Any], str]:
    report = CACHE / "halmos.json"
    report.unlink(missing_ok=True)
    ran = subprocess.run(  # noqa: S603 - fixed arguments
        [
            str(CACHE / "halmos" / "bin" / "halmos"),
            *("--contract", contract, "--match-test", rule, "--loop", str(_ROUNDS[contract])),
            *("--json-output", str(report), *_SETTINGS),
        ],
        cwd=project,
        env=environment("halmos"),
        timeout=_TIMEOUT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.is_file():
        raise SystemExit(
            f"error: expected halmos to run, it failed:\n{ran.stdout[-4000:]}{ran.stderr[-4000:]}"
        )
    results = json.loads(report.read_text())["test_results"]
    return {
        test["name"].split("(")[0]: test for tests in results.values() for test in tests
    }, ran.stdout + ran.stderr


def _rules() -> dict[str, str]:
    """Return the contract of each rule."""
    return {
        rule: path.name.removesuffix(".t.sol")
        for path in sorted((_HERE / "rules").glob("*.t.sol"))
        for rule in re.findall(r"function (check_\w+)", path.read_text())
    }


def check() -> int:
    """Run every rule and print its verdict."""
    project = stage(_PROJECT, _HERE / "rules")
    by_name: dict[str, Any] = {}
    output = ""
    for contract in _ROUNDS:
        results, printed = _halmos(project, contract)
        by_name |= results
        output += printed
    failed = 0
    for rule in _rules():
        result = by_name.get(rule)
        bounded = result is not None and bool(result["num_bounded_loops"])
        good = result is not None and result["exitcode"] == 0 and (not bounded or rule in BOUNDED)
        failed += not good
        verdict = "holds" if good else "FAILS" if result and result["exitcode"] == 1 else "UNDECIDED"
        print(f"{verdict:9} {rule}{' (loops of at most 2 rounds)' if bounded else ''}")
    if failed:
        print(output[-6000:])
    print(f"halmos: {len(_rules())} rules, {failed} not shown")
    return 1 if failed else 0


def plant() -> int:
    """Plant each fault in turn and require its rule to report a counterexample."""
    faults = tomllib.loads((_HERE / "faults.toml").read_text())["fault"]
    missed = 0
    untested = set(_rules()) - {fault["rule"] for fault in faults}
    for fault in faults:
        project = stage(_PROJECT, _HERE / "rules")
        path = project / "contracts" / fault["file"]
        text = path.read_text()
        if text.count(fault["old"]) != 1:
            raise SystemExit(
                f"error: expected {fault['old']!r} once in {fault['file']}, found {text.count(fault['old'])}"
            )
        path.write_text(text.replace(fault["old"], fault["new"]))
        started = time.monotonic()
        results, _ = _halmos(project, _rules()[fault["rule"]], "^" + fault["rule"] + r"\b")
        found = any(result["exitcode"] == 1 for result in results.values())
        missed += not found
        seconds = time.monotonic() - started
        print(
            f"{'caught' if found else 'MISSED':7} {seconds:4.0f} s  {fault['rule']}: {fault['what']}",
            flush=True,
        )
    stage(_PROJECT, _HERE / "rules")
    for rule in sorted(untested):
        print(f"no fault planted for {rule}")
    return 1 if missed or untested else 0


if __name__ == "__main__":
    sys.exit(plant() if "--faults" in sys.argv[1:] else check())
