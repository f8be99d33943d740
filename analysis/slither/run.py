"""Runs slither over the Solidity contracts and compares what it finds with analysis/slither/accepted.toml.

usage: python analysis/slither/run.py

Exit 1 on a finding of medium or high impact that is not accepted there, on an accepted one that no longer
exists, and on one without a reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from analysis.staging import CACHE, environment, stage

_HERE = Path(__file__).resolve().parent
_TIMEOUT_S = 600
_QUIET = ("--exclude-low", "--exclude-informational", "--exclude-optimization")

Key = tuple[str, str, str]


def _findings() -> list[dict[str, Any]]:
    project = stage("slither-project")
    report = CACHE / "slither.json"
    report.unlink(missing_ok=True)
    # Whether findings exist is told by the report: slither's exit code mixes that with its own failures.
    ran = subprocess.run(  # noqa: S603 - fixed arguments
        [str(CACHE / "slither" / "bin" / "slither"), ".", "--json", str(report), "--fail-none", *_QUIET],
        cwd=project,
        env=environment("slither"),
        timeout=_TIMEOUT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0 or not report.is_file():
        raise SystemExit(f"error: expected slither to run, it failed:\n{ran.stdout}{ran.stderr}")
    answer = json.loads(report.read_text())
    if not answer["success"]:
        raise SystemExit(f"error: expected slither to succeed, found: {answer['error']}")
    return list(answer["results"].get("detectors", []))


def _scope(element: dict[str, Any]) -> str:
    names: list[str] = []
    at: dict[str, Any] | None = element
    while at:
        fields = at.get("type_specific_fields", {})
        if at["type"] in ("function", "contract"):
            names.append(fields.get("signature", at["name"]))
        at = fields.get("parent")
    return ".".join(reversed(names))


def key_of(finding: dict[str, Any]) -> Key:
    """Return (detector, function, expressions): stable under moved lines, new for a new expression."""
    elements = finding["elements"]
    if not elements:
        return (finding["check"], "", finding["description"].strip())
    what = [e["name"] for e in elements if e["type"] in ("node", "variable")]
    return (finding["check"], _scope(elements[0]), "; ".join(what))


def _accepted() -> dict[Key, str]:
    entries = tomllib.loads((_HERE / "accepted.toml").read_text()).get("finding", [])
    unexplained = [entry for entry in entries if len(entry.get("reason", "")) < 20]
    if unexplained:
        raise SystemExit(f"error: expected a reason for every accepted finding, found none for {unexplained}")
    return {(entry["check"], entry["function"], entry["expression"]): entry["reason"] for entry in entries}


def _suppressed_inline(project: Path) -> list[str]:
    return [
        f"{path.relative_to(project)}:{number}: {line.strip()}"
        for path in sorted((project / "contracts").rglob("*.sol"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "slither-disable" in line
    ]


def _covers(accepted: Key, found: Key) -> bool:
    """Return whether the three parts are equal, a ``*`` standing for anything."""
    return all(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL)
        for pattern, text in zip(accepted, found, strict=True)
    )


def main() -> int:
    found = {key_of(finding): finding for finding in _findings()}
    accepted = _accepted()
    new = [key for key in found if not any(_covers(known, key) for known in accepted)]
    stale = [known for known in accepted if not any(_covers(known, key) for key in found)]
    for check, function, expression in new:
        finding = found[(check, function, expression)]
        where = finding["elements"][0]["source_mapping"] if finding["elements"] else {}
        line = (where.get("lines") or ["?"])[0]
        print(f"NEW {finding['impact']} {where.get('filename_relative', '')}:{line}")
        print(f'[[finding]]\ncheck = "{check}"\nfunction = "{function}"\nexpression = """{expression}"""\n')
    for key in stale:
        print("STALE accepted finding that slither no longer reports:", *key, sep="\n  ")
    for line in _suppressed_inline(CACHE / "slither-project"):
        print("suppressed in the source:", line)
    print(
        f"slither: {len(found)} findings of medium or high impact, {len(new)} not accepted, {len(stale)} stale"
    )
    return 1 if new or stale else 0


if __name__ == "__main__":
    sys.exit(main())
