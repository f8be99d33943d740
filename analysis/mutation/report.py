"""The rows of the result, and the survivors held against the reasons that are known."""

from __future__ import annotations

import json
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.mutation.campaign import EQUIVALENT, INVALID, KILLED, SURVIVED, Campaign
from analysis.mutation.mutant import Mutant
from analysis.staging import ROOT, solc_version

Key = tuple[str, str, str, str]
_KINDS = frozenset({"equivalent", "unreachable", "gas", "accepted"})
_SHORTEST_REASON = 20


def key_of(mutant: Mutant, source: str) -> Key:
    """Return what names a survivor and stays the same when lines move: file, function, lines before and after."""
    return (mutant.file, mutant.function, *mutant.before_and_after(source))


def _reasons(path: Path) -> dict[Key, str]:
    entries = tomllib.loads(path.read_text()).get("survivor", []) if path.is_file() else []
    for entry in entries:
        if len(entry.get("reason", "")) < _SHORTEST_REASON or entry.get("kind") not in _KINDS:
            raise SystemExit(f"error: expected a kind among {sorted(_KINDS)} and a reason, found {entry}")
    return {(e["file"], e["function"], e["before"], e["after"]): e["reason"] for e in entries}


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603


def _commit() -> str:
    """Return the commit, marked where contracts or tests differ from it."""
    dirty = _git("diff", "--quiet", "HEAD", "--", "contracts", "tests").returncode
    return _git("rev-parse", "--short", "HEAD").stdout.strip() + "-dirty" * bool(dirty)


def _slither_version() -> str:
    text = (ROOT / "analysis" / "slither" / "requirements.txt").read_text()
    return next(
        line.split("==")[1].split()[0] for line in text.splitlines() if line.startswith("slither-analyzer==")
    )


class Report:
    """Collects campaigns; also of one that was stopped midway."""

    def __init__(self, reasons: Path, seed: str) -> None:
        self._reasons = _reasons(reasons)
        self._seed = seed
        self._campaigns: list[Campaign] = []

    def add(self, campaign: Campaign) -> None:
        self._campaigns.append(campaign)

    def results(self) -> dict[str, Any]:
        return {
            "conditions": {
                "commit": _commit(),
                "seed": self._seed,
                "slither-analyzer": _slither_version(),
                "vyper": version("vyper"),
                "solc": solc_version(),
                "meaning": "total: distinct changed texts; drawn: in random order until `tested` compile to another "
                "bytecode; equivalent: the same bytecode",
            },
            "contracts": {campaign.subject.name: self._row(campaign) for campaign in self._campaigns},
        }

    def record(self, path: Path) -> None:
        """Write the results; contracts that did not run now keep their earlier row."""
        new = self.results()
        old = json.loads(path.read_text())["contracts"] if path.is_file() else {}
        for name, row in new["contracts"].items():
            # Where every outcome was known no test ran.
            row["tests"] = row["tests"] or old.get(name, {}).get("tests", 0)
        new["contracts"] = old | new["contracts"]
        path.write_text(json.dumps(new, indent=2) + "\n")

    def _row(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "total": campaign.total,
            "drawn": len(campaign.outcomes),
            "not_compiling": campaign.count(INVALID),
            "equivalent": campaign.count(EQUIVALENT),
            "tested": campaign.tested,
            "killed": campaign.count(KILLED),
            "survived": campaign.count(SURVIVED),
            "tests": campaign.clean_tests,
            "survivors": [
                f"{mutant.file}:{mutant.line(campaign.sources[mutant.file])} {mutant.operator}: "
                + " -> ".join(mutant.before_and_after(campaign.sources[mutant.file]))
                for mutant, outcome in campaign.outcomes
                if outcome.status == SURVIVED
            ],
        }

    def show(self) -> int:
        """Print what needs a reason or has one too many, and the rows; return how many those are."""
        wrong = 0
        for campaign in self._campaigns:
            for mutant, outcome in campaign.outcomes:
                key = key_of(mutant, campaign.sources[mutant.file])
                if outcome.status == SURVIVED and key not in self._reasons:
                    wrong += 1
                    _print_entry(mutant, key, campaign)
                elif outcome.status == KILLED and key in self._reasons:
                    wrong += 1
                    print("STALE reason for a mutant that is found:", *key, outcome.by, sep="\n  ")
        for name, row in self.results()["contracts"].items():
            print(
                f"{name}: {row['total']} mutants, {row['drawn']} drawn, {row['not_compiling']} do not compile, "
                f"{row['equivalent']} equal bytecode, {row['tested']} tested: {row['killed']} killed, "
                f"{row['survived']} survived"
            )
        print(f"mutation: {wrong} without a reason, or with one too many")
        return wrong


def _print_entry(mutant: Mutant, key: Key, campaign: Campaign) -> None:
    print(f"\n# {mutant.file}:{mutant.line(campaign.sources[mutant.file])} {mutant.operator}\n[[survivor]]")
    for name, value in zip(("file", "function", "before", "after"), key, strict=True):
        print(f"{name} = '''{value}'''")
    print('kind = ""\nreason = ""')
