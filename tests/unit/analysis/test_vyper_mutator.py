"""Known source, known mutants."""

from __future__ import annotations

import pytest
from analysis.mutation.mutant import Mutant, shuffled, without_repetition
from analysis.mutation.vyper_mutator import VyperMutator

_SOURCE = '''# pragma nonreentrancy on
"""
@notice 1 + 1 < 3, and not code
"""
_LIMIT: constant(uint256) = 10

total: uint256
names: DynArray[address, 4]


@external
@payable
def add(amount: uint256, giver: address) -> uint256:
    """
    @notice Adds 5.
    """
    # if 1 == 2
    left: uint256 = _LIMIT - self.total
    if amount > left and not self._known(giver):
        errors._too_much(amount, left)
    for name: address in self.names:
        pass
    self.total += amount
    return 0 if amount == 0 else self.total


@external
@reentrant
def peek() -> uint256:
    return self.total
'''


def _after(operator: str, source: str = _SOURCE) -> list[str]:
    mutants = VyperMutator("F.vy", source).mutants()
    return [m.before_and_after(source)[1] for m in mutants if m.operator == operator]


def test_comparison__each__is_moved_by_its_bound_and_turned_round() -> None:
    assert _after("comparison") == [
        "if amount >= left and not self._known(giver):",
        "if amount <= left and not self._known(giver):",
        "return 0 if amount != 0 else self.total",
    ]


def test_arithmetic__each__becomes_its_counterpart() -> None:
    assert _after("arithmetic") == [
        "left: uint256 = _LIMIT + self.total",
        "self.total -= amount",
        "self.total = amount",
    ]


def test_constant__in_code__moves_by_one_but_not_in_types_and_texts() -> None:
    assert _after("constant") == [
        "_LIMIT: constant(uint256) = 11",
        "_LIMIT: constant(uint256) = 9",
        "return 1 if amount == 0 else self.total",
        "return 0 if amount == 1 else self.total",
    ]


def test_constant__hexadecimal__stays_so_and_long_ones_are_left_alone() -> None:
    source = "def f():\n    a: uint256 = 0xff\n    b: bytes4 = 0x12345678\n"
    assert _after("constant", source) == ["a: uint256 = 0x100", "a: uint256 = 0xfe"]


def test_condition__of_statement_and_expression__is_forced_both_ways() -> None:
    assert _after("condition") == [
        "if True:",
        "if False:",
        "return 0 if True else self.total",
        "return 0 if False else self.total",
    ]


def test_condition__with_colons_and_commas_inside__is_taken_whole() -> None:
    source = "def f():\n    assert g(a, b[1:2]), 'why'\n    if h(a, {b: c}):\n        pass\n"
    assert _after("condition", source)[::2] == ["assert True, 'why'", "if True:"]


def test_name_and_negation__each__is_turned_round() -> None:
    assert _after("name") == ["if amount > left or not self._known(giver):"]
    assert _after("negation") == ["if amount > left and self._known(giver):"]


def test_statement__assignments_and_calls__are_dropped_but_no_declaration() -> None:
    mutants = [m for m in VyperMutator("F.vy", _SOURCE).mutants() if m.operator == "statement"]
    assert [m.old for m in mutants] == ["errors._too_much(amount, left)", "self.total += amount"]
    assert {m.new for m in mutants} == {"pass"}


def test_arguments__neighbours_in_calls__change_places_but_not_in_heads() -> None:
    assert _after("arguments") == ["errors._too_much(left, amount)"]
    source = "def f(a: uint256, b: uint256):\n    g(a, h(b, 1), c)\n"
    assert _after("arguments", source) == ["g(h(b, 1), a, c)", "g(a, c, h(b, 1))", "g(a, h(1, b), c)"]


def test_decorator__lock_and_payable__are_dropped_and_a_lock_is_opened() -> None:
    mutants = [m for m in VyperMutator("F.vy", _SOURCE).mutants() if m.operator == "decorator"]
    assert [(m.function, m.old, m.new) for m in mutants] == [
        ("add", "@payable\n", ""),
        ("add", "", "@reentrant\n"),
        ("peek", "@reentrant\n", ""),
    ]


def test_decorator__without_the_pragma__opens_nothing_but_drops_a_lock() -> None:
    source = "@external\n@nonreentrant\ndef f():\n    pass\n\n\n@external\ndef g():\n    pass\n"
    mutants = [m for m in VyperMutator("F.vy", source).mutants() if m.operator == "decorator"]
    assert [(m.function, m.old) for m in mutants] == [("f", "@nonreentrant\n")]


def test_function__of_every_mutant__is_the_one_around_it() -> None:
    for mutant in VyperMutator("F.vy", _SOURCE).mutants():
        expected = "" if "_LIMIT: constant" in mutant.before_and_after(_SOURCE)[0] else "add"
        assert mutant.function == ("peek" if mutant.start > _SOURCE.index("def peek") - 30 else expected)


def test_mutants__one_by_one__leave_the_rest_of_the_source_alone() -> None:
    for mutant in VyperMutator("F.vy", _SOURCE).mutants():
        changed = mutant.apply(_SOURCE)
        assert changed[: mutant.start] == _SOURCE[: mutant.start]
        assert changed.endswith(_SOURCE[mutant.end :])


def test_mutants__made_twice__are_the_same_in_the_same_order() -> None:
    mutants = VyperMutator("F.vy", _SOURCE).mutants()
    assert mutants == VyperMutator("F.vy", _SOURCE).mutants()
    assert shuffled(mutants, "a") == shuffled(mutants[::-1], "a")
    assert shuffled(mutants, "a") != shuffled(mutants, "b")


def test_apply__to_another_source__raises() -> None:
    mutant = Mutant("F.vy", "f", "constant", 0, 1, "1", "2")
    assert mutant.apply("1 + 1") == "2 + 1"
    with pytest.raises(ValueError, match="expected '1'"):
        mutant.apply("x + 1")


def test_without_repetition__same_text_and_no_change__are_dropped() -> None:
    first = Mutant("F.vy", "f", "a", 0, 1, "1", "2")
    same = Mutant("F.vy", "f", "b", 0, 5, "1 + 1", "2 + 1")
    none = Mutant("F.vy", "f", "c", 0, 1, "1", "1")
    assert without_repetition([none, first, same], {"F.vy": "1 + 1"}) == [first]


def test_line__of_a_mutant__counts_from_one() -> None:
    assert Mutant("F.vy", "f", "a", 4, 5, "3", "2").line("1\n2\n3") == 3
