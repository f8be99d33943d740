"""Plants faults in a copy of the contracts, one at a time, and demands that the machines find each of them.

usage: python tests/invariants/planted_faults.py [NAME ...]

A fault is a replaced piece of source text. Each run copies the project, compiles the one contract that holds the
fault, runs the machine with a few examples and expects it to fail. Prints one row per fault for the table of
tests/invariants/README.md; exits 1 if a fault was not found, or its text is no longer there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.invariants.fault_list import FAULTS, Fault
from tests.invariants.hedger_faults import HEDGER_FAULTS

_ROOT = Path(__file__).resolve().parents[2]
_COPIED = ("contracts", "scripts", "tests")
_FILES = ("ape-config.yaml", "package.json", "pyproject.toml")
_LINKED = (".cache", ".solcx", "node_modules", "src")
_NETWORK = "ethereum:mainnet-fork:foundry"
_TIMEOUT_S = 900
_STAMP = """
from scripts import _build
(_build.project_root() / ".build" / "sources.sha256").write_text(_build._sources_digest())
"""
# What pytest prints of an assertion of ours, and what it prints of a machine that broke.
_FAILED = 1


def _copy(folder: Path) -> None:
    for name in _COPIED:
        shutil.copytree(_ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy2(_ROOT / name, folder / name)
    for name in _LINKED:
        (folder / name).symlink_to(_ROOT / name)
    shutil.copytree(_ROOT / ".build", folder / ".build")


def _run(folder: Path, *command: str, depth: str = "planted") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PMM_HOME": str(folder), "PMM_PROOF_DEPTH": depth}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        # A fault may never end: the others are tried all the same. 124 is what timeout(1) says.
        return subprocess.CompletedProcess(command, 124, "", f"not over after {_TIMEOUT_S} s")


def _try(folder: Path, test: str, depth: str = "planted") -> subprocess.CompletedProcess[str]:
    # The time is bounded here: a test that pytest ends for its time has found nothing.
    options = ("--network", _NETWORK, "-q", "-x", "-o", "timeout=0")
    return _run(folder, _tool("ape"), "test", f"tests/{test}", *options, depth=depth)


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _plant(folder: Path, fault: Fault) -> str:
    """Put the fault in; returns why that is not possible, or nothing."""
    path = folder / "contracts" / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        return f"expected its text once in contracts/{fault.file}, found it {text.count(fault.old)} times"
    path.write_text(text.replace(fault.old, fault.new))
    compiled = _run(folder, _tool("ape"), "compile", "--force", f"contracts/{fault.contract}")
    if compiled.returncode != 0:
        return f"it does not compile: {(compiled.stdout + compiled.stderr)[-600:]}"
    # Only what holds the fault was compiled; the stamp tells the tests that nothing else is stale.
    stamped = _run(folder, sys.executable, "-c", _STAMP)
    return stamped.stderr[-600:]


def _found_by(outcome: subprocess.CompletedProcess[str]) -> str:
    """The first assertion that failed, or nothing where all passed."""
    if outcome.returncode != _FAILED:
        return ""
    lines = [line[1:].strip() for line in outcome.stdout.splitlines() if line.startswith("E ")]
    said = [line for line in lines if "Error" in line or line.startswith("(")]
    return (said or lines or [""])[0][:140]


def main(names: list[str]) -> int:
    """Try the named faults, or all."""
    missed = 0
    # Each copy starts from the build of the contracts as they are.
    if (built := _run(_ROOT, _tool("ape"), "compile")).returncode != 0:
        print(built.stdout + built.stderr, file=sys.stderr)
        return 1
    chosen = [fault for fault in [*FAULTS, *HEDGER_FAULTS] if not names or fault.name in names]
    for test in dict.fromkeys(fault.test for fault in chosen):
        # A machine that fails without a fault finds every one.
        if (clean := _try(_ROOT, test, depth="")).returncode != 0:
            print(f"{test} fails on the contracts as they are:\n{clean.stdout[-600:]}", file=sys.stderr)
            return 1
    print("| fault | held | machine | found by |\n|---|---|---|---|", flush=True)
    for fault in chosen:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="planted-") as name:
            folder = Path(name)
            _copy(folder)
            problem = _plant(folder, fault)
            found = ""
            if not problem:
                outcome = _try(folder, fault.test)
                found = _found_by(outcome)
                problem = (
                    ""
                    if found
                    else f"NOT FOUND; exit {outcome.returncode}: {(outcome.stdout + outcome.stderr)[-300:]}"
                )
        missed += not found
        seconds = time.monotonic() - started
        print(
            f"| {fault.name} | {fault.held} | `{fault.test}` | {found or problem} ({seconds:.0f} s) |",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
