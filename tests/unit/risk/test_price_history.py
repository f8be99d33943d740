"""Prices of the past: thinned to hours, cut into days, and a book replayed over them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pmm.errors import InvalidInput
from pmm.risk.price_history import LATE_MS, PriceHistory
from pmm.risk.price_record import DAY_MS, HOUR_MS, LEAST_HOURS, MOST_HOURS, PriceRecord
from pmm.risk.stress import StressedBook
from pmm.risk.valuation import METHODS, Snapshot
from pmm.risk.var_record import judge
from pmm.risk.var_replay import replay
from tests.helpers.var_backtest import ASSETS, BOOKS, days, minutes

FIRST = 20_000
BEGIN_MS = FIRST * DAY_MS
HELD = 100_000.0


def walked(hours: int, *, seed: int = 1, from_ms: int = BEGIN_MS) -> list[tuple[int, list[float]]]:
    moves = np.random.default_rng(seed).normal(0, 0.006, hours)
    return [
        (from_ms + hour * HOUR_MS, [1.0, price])
        for hour, price in enumerate((3_000 * np.exp(np.cumsum(moves))).tolist())
    ]


def history(rows: list[tuple[int, list[float]]]) -> PriceHistory:
    return PriceHistory(("USDC", "WETH"), rows)


def held(dollars: float = HELD) -> Snapshot:
    return Snapshot(
        at_ms=0,
        book=StressedBook(capital_usd=2 * HELD, positions={"WETH": dollars}),
        assets=("WETH", "USDC"),
        returns=None,
    )


def test_rows__closer_than_an_hour__the_first_of_each_stands() -> None:
    rows = [(BEGIN_MS + minute * 60_000, [1.0, 3_000.0 + minute]) for minute in range(150)]
    found = history(rows)
    assert [(one - BEGIN_MS) // 60_000 for one in found.times_ms] == [0, 60, 120]
    assert found.prices[:, 1].tolist() == [3_000.0, 3_060.0, 3_120.0]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(5, [1.0, 2.0]), (5, [1.0, 2.0])], "expected a time after 5 ms, found 5 ms"),
        ([(9, [1.0, 2.0]), (5, [1.0, 2.0])], "expected a time after 9 ms, found 5 ms"),
        ([(5, [1.0, 0.0])], "expected prices above zero"),
        ([(5, [1.0, float("nan")])], "expected prices above zero"),
        ([(5, [1.0, float("inf")])], "expected prices above zero"),
    ],
)
def test_rows__that_are_none__are_refused(rows: list[tuple[int, list[float]]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        history(rows)


def test_days__each_with_a_month_before_it__and_the_move_to_the_next_midnight() -> None:
    rows = walked(40 * 24 + 1)
    found = history(rows).days(most=99)
    # The first four days have fewer than 100 hours before them; the last midnight begins no day that is over.
    assert [one.day for one in found] == list(range(FIRST + 5, FIRST + 40))
    prices = np.array([row for _, row in rows])
    last = found[-1]
    assert last.moves == pytest.approx(prices[40 * 24] / prices[39 * 24] - 1)
    # To the hour what the desk's own record says at that midnight.
    record = PriceRecord(("USDC", "WETH"), every_ms=60_000, least=2)
    for at_ms, row in rows[: 39 * 24 + 1]:
        record.see(at_ms, dict(zip(record.assets, row, strict=True)))
    assert last.hours == pytest.approx(record.hour_returns())
    assert len(last.hours) == MOST_HOURS - 1
    assert len(found[0].hours) == 5 * 24 > LEAST_HOURS
    assert [one.day for one in history(rows).days(most=3)] == [FIRST + 37, FIRST + 38, FIRST + 39]


def test_days__midnight_that_nobody_saw__is_left_out_with_the_day_that_it_ends() -> None:
    lost_ms = BEGIN_MS + 8 * DAY_MS
    rows = [one for one in walked(12 * 24 + 1) if not lost_ms <= one[0] < lost_ms + LATE_MS]
    assert [one.day - FIRST for one in history(rows).days(most=99)] == [5, 6, 9, 10, 11]


def test_days__of_nothing__are_none() -> None:
    assert history([]).days(most=9) == ()
    assert history([]).until_ms == 0


def test_replay__what_the_book_of_now_would_have_met() -> None:
    past = history(walked(60 * 24 + 1))
    found = replay(held(), past)
    assert [one.day for one in found] == [one.day for one in past.days(most=250)]
    assert all(one.replayed and one.closed and one.counts for one in found)
    assert {method for one in found for method in one.forecasts} == METHODS
    for one, day in zip(found, past.days(most=250), strict=True):
        assert one.realised_usd == pytest.approx(HELD * day.moves[1])
        assert one.capital_usd == 2 * HELD
        # Normal moves of 0.6 % an hour: a day's 99 % quantile is 2.326 x 0.6 % x sqrt(24).
        assert one.forecasts["monte_carlo"].var_usd == pytest.approx(HELD * 0.0684, rel=0.2)
    # The other way round: what lost gains, and the tail of a linear book is the same.
    short = replay(held(-HELD), past)
    assert [one.realised_usd for one in short] == pytest.approx([-(one.realised_usd or 0) for one in found])
    assert replay(held(), past) == found


def test_replay__recorded_days__is_to_the_day_what_the_desk_would_have_said() -> None:
    folder = os.environ.get("PMM_DATA_DIR")
    if not folder:
        pytest.skip("PMM_DATA_DIR is unset: it names the folder of recorded market data")
    first_ms, prices = minutes(Path(folder))
    rows = [(first_ms + at * 60_000, row.tolist()) for at, row in enumerate(prices)]
    book = StressedBook(capital_usd=1e5, positions=dict(zip(ASSETS, BOOKS["WETH"], strict=True)))
    snapshot = Snapshot(at_ms=0, book=book, assets=ASSETS, returns=None)
    replayed = replay(snapshot, PriceHistory(ASSETS, rows), most=999)
    said = {one.method: one for one in days(first_ms, prices, books={"WETH": BOOKS["WETH"]})}
    for method, line in said.items():
        hits = [one.exceeded(method) for one in replayed]
        # The benchmark's last midnight stands a day before the recording's end, as ours.
        assert len(hits) == line.tests.days
        assert sum(hits) == line.tests.exceptions
    verdicts = {one.method: one for one in judge(replayed)}
    assert verdicts["historical"].replayed == verdicts["historical"].days == 250
