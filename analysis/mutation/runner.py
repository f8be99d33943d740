"""Drives one vehicle: a process in a copy of the project that runs tests against a changed bytecode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from analysis.mutation.mutant import Mutant
from analysis.mutation.vehicle_protocol import LOG, Answer, Request, free_port
from analysis.staging import ROOT

_COPIED = ("contracts", "scripts", "tests", "analysis", ".build")
_FILES = ("ape-config.yaml", "package.json", "pyproject.toml")
_LINKED = (".solcx", "node_modules", "src", "docs", "benchmarks")
_LINKED_CACHE = "localnet"
_CLEAN_TIMEOUT_S = 1_800
# anvil keeps traces of what it mined; a new one from time to time keeps it small.
_RUNS_PER_VEHICLE = 50
_COMPILE = "from scripts._build import compile_if_changed; compile_if_changed()"


def copy_project(folder: Path) -> None:
    """Copy what tests read, built, so that a run does not see later changes.

    The copy must not lie under .cache, where Ape finds no contracts.
    """
    subprocess.run([sys.executable, "-c", _COMPILE], cwd=ROOT, check=True)  # noqa: S603 - our own code
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy2(ROOT / name, folder / name)
    for name in _LINKED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".cache").mkdir()
    (folder / ".cache" / _LINKED_CACHE).symlink_to(ROOT / ".cache" / _LINKED_CACHE)


class Vehicle:
    """A warm test process; started anew after a fault that hung it."""

    def __init__(self, folder: Path, tests: tuple[str, ...]) -> None:
        self._folder = folder
        self._tests = tests
        self._process: subprocess.Popen[str] | None = None
        self._runs = 0

    def run(self, request: Request) -> Answer:
        if self._process is None or self._runs >= _RUNS_PER_VEHICLE:
            self._start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"error: the test process died; its last words:\n{self.last_words()}")
        answer: Answer = json.loads(line)
        self._runs += 1
        if answer["crashed"]:
            self.stop()
        return answer

    def _start(self) -> None:
        self.stop()
        self._process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-m", "analysis.mutation.vehicle", *self._tests],
            cwd=self._folder,
            env=os.environ | self._settings(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the runner, which then ends this one.
            start_new_session=True,
        )
        self._runs = 0
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise SystemExit(f"error: no test process; its last words:\n{self.last_words()}")

    def _settings(self) -> dict[str, str]:
        settings = {"PMM_HOME": str(self._folder), "PMM_PROOF_DEPTH": "planted"}
        if "MAINNET_RPC_URL" not in os.environ:
            # An offline mainnet of its own: another checkout may run one on the usual port.
            settings["PMM_UPSTREAM_RPC_URL"] = f"http://127.0.0.1:{free_port()}"
        return settings

    def last_words(self) -> str:
        log = self._folder / LOG
        return log.read_text()[-2_000:] if log.is_file() else ""

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Order:
    """Which tests to try first: those that found a fault of the same function, those near the file, then any."""

    def __init__(self, near: dict[str, tuple[str, ...]]) -> None:
        self._near = near
        self._found: dict[str, Counter[str]] = {}

    def found(self, mutant: Mutant, test: str) -> None:
        for place in (f"{mutant.file}:{mutant.function}", mutant.file, ""):
            self._found.setdefault(place, Counter())[test] += 1

    def first(self, mutant: Mutant) -> list[str]:
        """Return tests and files of tests, each once."""
        here, file, anywhere = (
            [test for test, _ in self._found.get(place, Counter()).most_common()]
            for place in (f"{mutant.file}:{mutant.function}", mutant.file, "")
        )
        return list(dict.fromkeys([*here, *self._near.get(mutant.file, ()), *file, *anywhere]))


class VehicleTester:
    """Runs one contract's tests against a bytecode."""

    def __init__(self, vehicle: Vehicle, contract: str) -> None:
        self._vehicle = vehicle
        self._contract = contract
        self._timeout_s: float = _CLEAN_TIMEOUT_S

    def clean(self, bytecode: str) -> Answer:
        """Run the tests against the unchanged contract.

        Raises:
            SystemExit: a test fails, or none ran.
        """
        answer = self.faulty(bytecode, [])
        if answer["failed"] or not answer["passed"]:
            raise SystemExit(
                f"error: expected the tests of the unchanged {self._contract} to pass, found "
                f"{answer['failed'] or 'none'}: {answer['message']}\n{self._vehicle.last_words()}"
            )
        self._timeout_s = 2 * answer["seconds"] + 60
        return answer

    def faulty(self, bytecode: str, first: list[str]) -> Answer:
        return self._vehicle.run(
            Request(contract=self._contract, bytecode=bytecode, first=first, timeout_s=self._timeout_s)
        )
