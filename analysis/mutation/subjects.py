"""The contracts under mutation, the tests that can see a fault in them, and where their mutants come from."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from analysis.mutation.changed_lines import changed_lines
from analysis.mutation.compilers import sources_of
from analysis.mutation.mutant import Mutant, without_repetition
from analysis.mutation.vyper_mutator import VyperMutator
from analysis.staging import CACHE, ROOT, environment, reset, stage

_TIMEOUT_S = 900
_GENERATOR = Path(__file__).with_name("solidity_mutants.py")


@dataclass(frozen=True)
class Subject:
    """A contract under mutation.

    Attributes:
        tests: files or folders whose tests must notice.
        sample: how many mutants are tested where nothing else is asked.
        left_out: tests that compare the code with its source: they would notice every mutant.
        near: for a file, the tests to try first, as names in ``tests[0]`` or of files among ``tests``.
        foreign: files whose errors it shares with others and uses little of; they are not mutated.
    """

    name: str
    contract: str
    tests: tuple[str, ...]
    sample: int = 25
    left_out: tuple[str, ...] = ()
    near: tuple[tuple[str, str], ...] = ()
    foreign: tuple[str, ...] = ()

    def pytest_arguments(self) -> tuple[str, ...]:
        return (*self.tests, *(f"--deselect={test}" for test in self.left_out))

    def near_files(self) -> dict[str, tuple[str, ...]]:
        named = {test.rpartition("/test_")[2]: test for test in self.tests if test.endswith(".py")}
        return {
            file: tuple(named.get(f"{name}.py", f"{self.tests[0]}/test_{name}.py") for name in names.split())
            for file, names in self.near
        }

    def sources(self) -> dict[str, str]:
        """Return the files that are mutated."""
        return {file: text for file, text in sources_of(self.contract).items() if file not in self.foreign}

    def mutants(self, since: str = "") -> list[Mutant]:
        """Return all, or where a commit is given those that touch a line changed since."""
        sources = self.sources()
        if self.contract.endswith(".vy"):
            made: Iterable[Mutant] = [
                m for file, text in sources.items() for m in VyperMutator(file, text).mutants()
            ]
        else:
            made = _solidity(sources)
        distinct = without_repetition(made, sources)
        if not since:
            return distinct
        changed = {file: changed_lines(file, since) for file in sources}
        return [m for m in distinct if not changed[m.file].isdisjoint(m.lines(sources[m.file]))]


SUBJECTS = (
    Subject(
        "LendingAccount",
        "LendingAccount.vy",
        ("tests/contracts/lending", "tests/contracts/delta"),
        foreign=("modules/hedger_errors.vy",),
    ),
    Subject(
        "DeltaHedger",
        "DeltaHedger.vy",
        ("tests/contracts/delta",),
        foreign=("modules/hedger_errors.vy", "modules/uniswap_v3.vy", "modules/callback_ticket.vy"),
    ),
    Subject(
        "AtomicHedger",
        "AtomicHedger.vy",
        ("tests/contracts/hedger",),
        left_out=(
            "tests/contracts/hedger/test_constructor.py"
            "::test_compiled_code__compared_with_a_fresh_compilation__is_the_same",
        ),
    ),
    Subject(
        "RfqSettlement",
        "RfqSettlement.sol",
        ("tests/contracts/settlement", "tests/contracts/hedger/test_pool_fills.py"),
        near=(
            ("RfqSettlement.sol", "views guards"),
            ("modules/Admission.sol", "signature expiration fill_order fill_order_compact"),
            ("modules/AmountLib.sol", "amounts decay minimum_ratio fill_order"),
            ("modules/CapBook.sol", "caps"),
            ("modules/DeskModules.sol", "modules inventory_moves"),
            ("modules/FillLock.sol", "reentrancy plain_fill_nested"),
            ("modules/Fills.sol", "fill_order fill_order_args fill_order_compact collect"),
            ("modules/FlashSwapLeg.sol", "pool_fills collect"),
            ("modules/FundedLeg.sol", "fill_order_funded pool_fills"),
            ("modules/LaneBook.sol", "lanes nonce_window"),
            ("modules/LaneLib.sol", "nonce_window lanes"),
            ("modules/OneInchMaker.sol", "is_valid_signature fill_on_router short_contract_signature"),
            ("modules/OrderLib.sol", "fill_order_args fill_order fill_order_compact"),
            ("modules/PoolLib.sol", "pool_fills"),
            ("modules/PriceBand.sol", "band feeds"),
            ("modules/Roles.sol", "access withdraw"),
            ("modules/SpecialLegs.sol", "ether_legs permit2 taker_interaction"),
            ("modules/TokenLib.sol", "odd_tokens genuine_tokens"),
            ("modules/TokenRegistry.sol", "tokens feeds caps"),
        ),
    ),
    Subject("TakerPortal", "TakerPortal.sol", ("tests/contracts/portal",)),
    Subject("RouterHooks", "RouterHooks.sol", ("tests/contracts/hooks",), foreign=("modules/TokenLib.sol",)),
    Subject(
        "SettlementLens",
        "SettlementLens.sol",
        ("tests/contracts/lens",),
        foreign=(
            "modules/AmountLib.sol",
            "modules/HookPayload.sol",
            "modules/LaneLib.sol",
            "modules/OrderLib.sol",
            "modules/PoolLib.sol",
        ),
    ),
)


def _solidity(sources: dict[str, str]) -> Iterable[Mutant]:
    """Ask slither-mutate's mutators, which live in slither's own environment."""
    # A project of its own, made anew: slither reads forge's build information, whatever it is of.
    reset("mutation-solidity")
    project = stage("mutation-solidity")
    ran = subprocess.run(  # noqa: S603 - fixed arguments
        [str(CACHE / "slither" / "bin" / "python"), str(_GENERATOR), str(project), *sources],
        cwd=project,
        env=environment("slither"),
        timeout=_TIMEOUT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise SystemExit(f"error: expected slither's mutators to run, they failed:\n{ran.stderr[-2000:]}")
    for line in ran.stderr.splitlines():
        if " failed in " in line:
            print("slither-mutate:", line)
    for line in ran.stdout.splitlines():
        entry = json.loads(line)
        source = sources[entry["file"]]
        # slither counts bytes.
        raw = source.encode()
        start = len(raw[: entry["start"]].decode())
        end = len(raw[: entry["end"]].decode())
        yield Mutant(
            file=entry["file"],
            function=_solidity_function(source, start),
            operator=entry["operator"],
            start=start,
            end=end,
            old=source[start:end],
            new=entry["new"],
        )


def _solidity_function(source: str, offset: int) -> str:
    before = source[:offset].split("function ")
    return before[-1].split("(")[0].strip() if len(before) > 1 else ""


def digest_of(texts: dict[str, str]) -> str:
    """Return a short digest of named texts."""
    whole = hashlib.sha256()
    for name, text in sorted(texts.items()):
        whole.update(f"{name}\0{text}\0".encode())
    return whole.hexdigest()[:16]


def tests_digest(tests: Iterable[str]) -> str:
    """Return a digest of the tests and of all that stands beside them: a survivor is tried again when it changes."""
    places = [ROOT / test for test in tests]
    files = [
        file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])
    ]
    return digest_of({str(path.relative_to(ROOT)): path.read_text() for path in files})
