"""The desk's value at risk over recorded days: what a month of hours, a day of minutes and a GARCH filter promise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pmm.risk.tail import Floats
from pmm.risk.var_record import Zone
from tests.helpers.var_backtest import BOOKS, days, hours, minutes

pytestmark = pytest.mark.skipif(
    not os.environ.get("PMM_DATA_DIR"),
    reason="PMM_DATA_DIR is unset: it names the folder of recorded market data",
)
WETH = {"WETH": BOOKS["WETH"]}


@pytest.fixture(scope="module")
def recorded() -> tuple[int, Floats]:
    return minutes(Path(os.environ["PMM_DATA_DIR"]))


def test_recorded_days__months_hours__are_kept_by_history_and_not_rejected_with_normal_tails(
    recorded: tuple[int, Floats],
) -> None:
    found = {one.method: one for one in days(*recorded, books=WETH)}
    assert set(found) == {"monte_carlo", "historical"}
    assert all(one.tests.days > 290 for one in found.values())
    assert not found["historical"].tests.conditional_coverage.rejects(0.05)
    assert found["historical"].zone is Zone.GREEN
    # Too thin, and not so thin that the model is wrong at 1 %.
    assert not found["monte_carlo"].tests.conditional_coverage.rejects(0.01)
    assert found["monte_carlo"].zone is Zone.YELLOW


def test_recorded_days__days_minutes__promise_too_little(recorded: tuple[int, Floats]) -> None:
    (found,) = days(*recorded, of_a_day=True, books=WETH)
    assert found.tests.kupiec.rejects(0.01)
    assert found.zone is Zone.RED


def test_recorded_hours__filtered_history__is_not_rejected(recorded: tuple[int, Floats]) -> None:
    (found,) = hours(recorded[1], books=WETH)
    assert found.tests.days > 1_000
    assert found.tests.exceptions < found.tests.days * 0.02
    assert not found.tests.conditional_coverage.rejects(0.01)
