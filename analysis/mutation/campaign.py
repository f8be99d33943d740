"""The mutants of one contract: drawn, compiled, tested, and what became of each kept on disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from analysis.mutation.compilers import DoesNotCompileError
from analysis.mutation.mutant import Mutant, shuffled
from analysis.mutation.runner import Order
from analysis.mutation.subjects import Subject, digest_of, tests_digest
from analysis.mutation.vehicle_protocol import Answer

SEED = "pmm"
KILLED, SURVIVED, EQUIVALENT, INVALID = "killed", "survived", "equivalent", "not compiling"


@dataclass(frozen=True)
class Outcome:
    """``by`` is the test that noticed, ``tests`` the digest of those that did not."""

    key: str
    status: str
    by: str = ""
    message: str = ""
    seconds: float = 0
    tests: str = ""


class Compiler(Protocol):
    """Compiles the contract, with ``text`` in the place of ``file`` where they are given."""

    def compile(self, file: str = "", text: str = "") -> str: ...


class Tester(Protocol):
    """Runs the tests against a bytecode: the unchanged one first, then faulty ones."""

    def clean(self, bytecode: str) -> Answer: ...

    def faulty(self, bytecode: str, first: list[str]) -> Answer: ...


@dataclass
class Campaign:
    """Draws until ``sample`` mutants were tested, or all of them where it is zero; of lines changed ``since``."""

    subject: Subject
    compiler: Compiler
    tester: Tester
    sample: int
    folder: Path
    since: str = ""
    total: int = 0
    clean_tests: int = 0
    outcomes: list[tuple[Mutant, Outcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources = self.subject.sources()
        self._digest = digest_of(self.sources)
        self._tests_digest = tests_digest(self.subject.tests)
        self._store = self.folder / f"{self.subject.name}.jsonl"
        self._known = _read(self._store)
        self._original = ""
        self._order = Order(self.subject.near_files())

    def count(self, status: str) -> int:
        return sum(outcome.status == status for _, outcome in self.outcomes)

    @property
    def tested(self) -> int:
        return self.count(KILLED) + self.count(SURVIVED)

    def run(self) -> None:
        """Test the sample; outcomes grow as it goes, so that a stopped run has its part."""
        mutants = shuffled(self.subject.mutants(self.since), f"{SEED}:{self.subject.name}")
        self.total = len(mutants)
        print(f"{self.subject.name}: {self.total} mutants of {len(self.sources)} files", flush=True)
        for mutant in mutants:
            if self.sample and self.tested >= self.sample:
                break
            outcome = self._known.get(self._key(mutant))
            if outcome is None or (outcome.status == SURVIVED and outcome.tests != self._tests_digest):
                outcome = self._try(mutant)
                self._keep(outcome)
            self.outcomes.append((mutant, outcome))
            if outcome.status == KILLED:
                self._order.found(mutant, outcome.by)
            self._show(mutant, outcome)

    def _key(self, mutant: Mutant) -> str:
        changed = mutant.apply(self.sources[mutant.file])
        return digest_of({"": self._digest, mutant.file: changed})

    def _begin(self) -> str:
        """Before the first mutant that is not known: the unchanged contract must compile and pass."""
        if not self._original:
            self._original = self.compiler.compile()
            clean = self.tester.clean(self._original)
            self.clean_tests = clean["passed"]
            print(f"unchanged, it passes {clean['passed']} tests in {clean['seconds']:.0f} s", flush=True)
        return self._original

    def _try(self, mutant: Mutant) -> Outcome:
        key = self._key(mutant)
        original = self._begin()
        try:
            bytecode = self.compiler.compile(mutant.file, mutant.apply(self.sources[mutant.file]))
        except DoesNotCompileError as error:
            return Outcome(key, INVALID, message=str(error)[:200])
        if bytecode == original:
            return Outcome(key, EQUIVALENT)
        answer = self.tester.faulty(bytecode, self._order.first(mutant))
        if not answer["failed"]:
            return Outcome(key, SURVIVED, seconds=answer["seconds"], tests=self._tests_digest)
        return Outcome(key, KILLED, answer["failed"], answer["message"], answer["seconds"])

    def _keep(self, outcome: Outcome) -> None:
        self._known[outcome.key] = outcome
        self._store.parent.mkdir(parents=True, exist_ok=True)
        with self._store.open("a") as store:
            store.write(json.dumps(asdict(outcome)) + "\n")

    def _show(self, mutant: Mutant, outcome: Outcome) -> None:
        place = f"{mutant.file}:{mutant.line(self.sources[mutant.file])}"
        by = f" by {outcome.by.rsplit('::', 1)[-1]}" if outcome.by else ""
        wanted = self.sample or self.total
        print(f"[{self.tested}/{wanted}] {outcome.status} {place} {mutant.operator}{by}", flush=True)


def _read(store: Path) -> dict[str, Outcome]:
    if not store.is_file():
        return {}
    # The last line may be half a line where a run was ended.
    lines = [line for line in store.read_text().splitlines() if line.endswith("}")]
    return {outcome.key: outcome for outcome in (Outcome(**json.loads(line)) for line in lines)}
