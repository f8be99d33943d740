"""What becomes of a mutant, and what a second start does not do again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from analysis.mutation.campaign import EQUIVALENT, INVALID, KILLED, SURVIVED, Campaign
from analysis.mutation.compilers import DoesNotCompileError, VyperCompiler, sources_of
from analysis.mutation.mutant import Mutant
from analysis.mutation.report import Report, key_of
from analysis.mutation.runner import Order
from analysis.mutation.subjects import Subject
from analysis.mutation.vehicle_protocol import Answer

_TEXT = "broken equal noticed missed"
_FATES = {"broken": INVALID, "equal": EQUIVALENT, "noticed": KILLED, "missed": SURVIVED}


class _Subject(Subject):
    def sources(self) -> dict[str, str]:
        return {"F.vy": _TEXT}

    def mutants(self, since: str = "") -> list[Mutant]:
        places = [(word, _TEXT.index(word)) for word in _FATES]
        return [Mutant("F.vy", "f", word, at, at + len(word), word, "X") for word, at in places]


class _Compiler:
    """Refuses one mutant and makes nothing new of another."""

    def __init__(self) -> None:
        self.calls = 0

    def compile(self, file: str = "", text: str = "") -> str:
        self.calls += 1
        if file and "broken" not in text:
            raise DoesNotCompileError("refused")
        return text if file and "equal" in text else "original"


class _Tester:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.cleaned = 0

    def clean(self, bytecode: str) -> Answer:
        self.cleaned += 1
        assert bytecode == "original"
        return Answer(failed="", message="", passed=7, seconds=1, crashed=False)

    def faulty(self, bytecode: str, first: list[str]) -> Answer:
        self.seen.append(bytecode)
        failed = "" if "noticed" in bytecode else "test_it"
        return Answer(failed=failed, message="", passed=7, seconds=1, crashed=False)


def _campaign(folder: Path, sample: int = 0, tests: tuple[str, ...] = ()) -> Campaign:
    return Campaign(_Subject("Subject", "F.vy", tests), _Compiler(), _Tester(), sample, folder)


def _ran(campaign: Campaign) -> Campaign:
    campaign.run()
    return campaign


def test_run__each_kind_of_mutant__has_its_outcome(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path))
    assert {m.operator: o.status for m, o in campaign.outcomes} == _FATES
    assert campaign.tested == 2
    assert campaign.total == 4


def test_run__a_sample__counts_only_mutants_that_were_tested(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path, sample=1))
    assert campaign.tested == 1
    assert campaign.outcomes[-1][1].status in (KILLED, SURVIVED)


def test_run__second_start__tests_nothing_again(tmp_path: Path) -> None:
    first, second = _ran(_campaign(tmp_path)), _ran(_campaign(tmp_path))
    assert isinstance(second.tester, _Tester)
    assert second.tester.seen == []
    assert second.tester.cleaned == 0
    assert second.outcomes == first.outcomes


def test_run__something_new__tries_the_unchanged_contract_first_and_once(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path))
    assert isinstance(campaign.tester, _Tester)
    assert (campaign.tester.cleaned, campaign.clean_tests) == (1, 7)


def test_run__store_that_ends_in_half_a_line__goes_on(tmp_path: Path) -> None:
    first = _ran(_campaign(tmp_path))
    store = tmp_path / "Subject.jsonl"
    store.write_text(store.read_text()[:-9])
    assert _ran(_campaign(tmp_path)).outcomes == first.outcomes


def test_run__other_tests__try_survivors_again(tmp_path: Path) -> None:
    _ran(_campaign(tmp_path))
    second = _ran(_campaign(tmp_path, tests=("tests/unit/analysis",)))
    assert isinstance(second.tester, _Tester)
    assert second.tester.seen == [_TEXT.replace("missed", "X")]


def _report(campaign: Campaign, folder: Path, entries: list[dict[str, str]]) -> Report:
    path = folder / "survivors.toml"
    lines = [f"{key} = {json.dumps(value)}" for entry in entries for key, value in entry.items()]
    path.write_text("[[survivor]]\n" + "\n".join(lines) if entries else "")
    report = Report(path, "seed")
    report.add(campaign)
    return report


def _entry(campaign: Campaign, status: str) -> dict[str, str]:
    mutant = next(m for m, o in campaign.outcomes if o.status == status)
    names = ("file", "function", "before", "after")
    key: dict[str, Any] = dict(zip(names, key_of(mutant, _TEXT), strict=True))
    return key | {"kind": "equivalent", "reason": "because nothing of it can be seen"}


def test_show__survivor__needs_a_reason(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path))
    assert _report(campaign, tmp_path, []).show() == 1
    assert _report(campaign, tmp_path, [_entry(campaign, SURVIVED)]).show() == 0


def test_show__reason_for_one_that_is_found__is_stale(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path))
    assert _report(campaign, tmp_path, [_entry(campaign, KILLED)]).show() == 2


def test_reasons__without_kind_or_words__are_refused(tmp_path: Path) -> None:
    campaign = _ran(_campaign(tmp_path))
    for change in ({"kind": "whatever"}, {"reason": "short"}):
        with pytest.raises(SystemExit, match="expected a kind"):
            _report(campaign, tmp_path, [_entry(campaign, SURVIVED) | change])


def test_record__of_one_contract__keeps_the_rows_of_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"contracts": {"Other": {"total": 1}}}')
    report = _report(_ran(_campaign(tmp_path)), tmp_path, [])
    report.record(path)
    written = json.loads(path.read_text())
    assert set(written["contracts"]) == {"Other", "Subject"}
    row = written["contracts"]["Subject"]
    assert (row["total"], row["killed"], row["survived"], row["equivalent"], row["not_compiling"]) == (
        *(4, 1, 1, 1, 1),
    )
    assert row["survivors"] == ["F.vy:1 missed: broken equal noticed missed -> broken equal noticed X"]


def test_record__nothing_was_run_anew__keeps_the_number_of_tests(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    for _ in range(2):
        _report(_ran(_campaign(tmp_path)), tmp_path, []).record(path)
        assert json.loads(path.read_text())["contracts"]["Subject"]["tests"] == 7


def test_order__tests_that_found_a_fault_here__come_first() -> None:
    order = Order({"F.vy": ("near.py",)})
    here, beside, elsewhere = (
        Mutant(file, function, "", 0, 0, "", "")
        for file, function in (("F.vy", "f"), ("F.vy", "g"), ("G.vy", "f"))
    )
    order.found(elsewhere, "c")
    order.found(elsewhere, "c")
    order.found(beside, "b")
    order.found(here, "a")
    assert order.first(here) == ["a", "near.py", "b", "c"]
    assert order.first(elsewhere) == ["c", "b", "a"]
    assert order.first(beside) == ["b", "near.py", "a", "c"]


def test_vyper_compiler__a_mutant__is_compiled_and_a_bad_one_refused() -> None:
    file = "modules/token_moves.vy"
    text = sources_of("LendingAccount.vy")[file]
    compiler = VyperCompiler("LendingAccount.vy")
    original = compiler.compile()
    assert original.startswith("0x")
    assert compiler.compile(file, text.replace("if not extcall", "if extcall")) != original
    assert compiler.compile(file, text + "\n# a remark\n") == original
    with pytest.raises(DoesNotCompileError):
        compiler.compile(file, text.replace("uint256", "uint257"))
    assert compiler.compile() == original


def test_sources__of_a_contract__are_its_modules_without_interfaces() -> None:
    lending = sources_of("LendingAccount.vy")
    assert {"LendingAccount.vy", "modules/lending/aave_position.vy", "modules/token_moves.vy"} <= set(lending)
    settlement = sources_of("RfqSettlement.sol")
    assert {"RfqSettlement.sol", "modules/Fills.sol", "modules/LaneLib.sol"} <= set(settlement)
    assert not any("interfaces" in file or "mocks" in file for file in (lending | settlement))
