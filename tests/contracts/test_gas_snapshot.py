"""Holds the gas of our fills and cancels against the committed snapshot, on a bare chain of its own."""

from __future__ import annotations

import pytest

from gas_bench.bare_chain import measure_bare_chain
from gas_bench.report import Report
from gas_bench.snapshot import REFRESH, TOLERANCE_GAS, differences, own_gas, read_snapshot


def test_gas__of_our_own_cases__is_that_of_the_snapshot() -> None:
    report = Report()
    measure_bare_chain(report, peers=False)
    changed = differences(own_gas(report), read_snapshot())
    assert not changed, "the gas of our contracts changed:\n" + "\n".join([*changed, REFRESH])


@pytest.mark.parametrize("off", [TOLERANCE_GAS, -TOLERANCE_GAS])
def test_differences__within_the_tolerance__are_none(off: int) -> None:
    assert differences({"fill": 70_000 + off}, {"fill": 70_000}) == []


@pytest.mark.parametrize("off", [TOLERANCE_GAS + 1, -TOLERANCE_GAS - 1])
def test_differences__beyond_the_tolerance__are_told(off: int) -> None:
    (line,) = differences({"fill": 70_000 + off}, {"fill": 70_000})
    assert line == f"fill: expected 70,000 gas, found {70_000 + off:,} ({off:+})"


def test_differences__of_new_and_vanished_cases__are_told() -> None:
    lines = differences({"new": 1}, {"gone": 2})
    assert lines == [
        "gone: expected 2 gas, found the case no longer measured",
        "new: expected no such case, found 1 gas",
    ]
