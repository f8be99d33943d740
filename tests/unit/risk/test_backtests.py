"""Kupiec and Christoffersen against published numbers, and against simulated truth."""

from __future__ import annotations

import csv
import gzip
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pmm.errors import InvalidInput
from pmm.risk.backtests import (
    Transitions,
    backtest,
    conditional_coverage,
    exceptions,
    independence,
    kupiec,
    transitions,
)
from pmm.risk.historical_var import historical_var
from pmm.risk.linear_var import Z_99
from pmm.risk.payoffs import LinearBook
from pmm.risk.returns import log_returns

_DATA = os.environ.get("PMM_DATA_DIR", "")

# P. Kupiec (1995), as printed in P. Jorion, "Value at Risk", table of non-rejection regions at 95 %:
# (probability, days) -> exceptions strictly between.
_REGIONS = {
    (0.01, 255): (0, 7),  # printed as N < 7; the ratio of no exception is 5.13, so beyond 3.84
    (0.01, 510): (1, 11),
    (0.01, 1000): (4, 17),
    (0.025, 255): (2, 12),
    (0.025, 510): (6, 21),
    (0.025, 1000): (15, 36),
    (0.05, 255): (6, 21),
    (0.05, 510): (16, 36),
    (0.05, 1000): (37, 65),
    (0.075, 255): (11, 28),
    (0.075, 510): (27, 51),
    (0.075, 1000): (59, 92),
    (0.10, 255): (16, 36),
    (0.10, 510): (38, 65),
    (0.10, 1000): (81, 120),
}


@pytest.mark.parametrize(("case", "region"), list(_REGIONS.items()))
def test_kupiec__published_regions__are_met(case: tuple[float, int], region: tuple[int, int]) -> None:
    probability, days = case
    kept = [count for count in range(days // 4) if kupiec(count, days, probability).ratio < 3.841]
    assert (kept[0] - 1, kept[-1] + 1) == region


def test_all_three__published_example__is_met() -> None:
    """MathWorks, Risk Management Toolbox, varbacktest: EquityIndex, Normal95 (POF, CCI and CC tables)."""
    coverage = kupiec(57, 1_043, 0.05)
    assert coverage.ratio == pytest.approx(0.46147, abs=5e-6)
    assert coverage.p_value == pytest.approx(0.49694, abs=5e-6)
    alone = independence(Transitions(n00=932, n01=53, n10=53, n11=4))
    assert alone.ratio == pytest.approx(0.25866, abs=5e-6)
    assert alone.p_value == pytest.approx(0.61104, abs=5e-6)
    both = conditional_coverage(coverage, alone)
    assert both.ratio == pytest.approx(0.72013, abs=1e-5)
    assert both.p_value == pytest.approx(0.69763, abs=5e-6)


def test_transitions__small_case__are_counted() -> None:
    hits = [False, True, True, False, False, True]
    assert transitions(hits) == Transitions(n00=1, n01=2, n10=1, n11=1)


@pytest.mark.parametrize("hits", [[False] * 250, [True] * 250, [True, False]])
def test_backtest__edges__have_finite_ratios(hits: list[bool]) -> None:
    found = backtest(hits)
    for one in (found.kupiec, found.independence, found.conditional_coverage):
        assert math.isfinite(one.ratio)
        assert 0 <= one.p_value <= 1


def test_backtest__clustered_exceptions__fail_independence_alone() -> None:
    hits = [day % 500 < 5 for day in range(1_000)]
    found = backtest(hits)
    assert not found.kupiec.rejects()
    assert found.independence.rejects()
    assert found.conditional_coverage.rejects()


def test_backtest__right_and_wrong_model__are_told_apart() -> None:
    random = np.random.default_rng(3)
    losses = random.normal(size=2_000).tolist()
    assert not backtest(exceptions(losses, [Z_99] * 2_000)).conditional_coverage.rejects(0.01)
    assert backtest(exceptions(losses, [1.8] * 2_000)).kupiec.rejects(0.01)


def test_kupiec__rejection_rate__is_the_level() -> None:
    """Of right models one in twenty is rejected at 5 %, but for the jumps of a discrete count."""
    counts = np.random.default_rng(9).binomial(1_000, 0.05, size=4_000)
    rejected = sum(kupiec(int(count), 1_000, 0.05).rejects(0.05) for count in counts) / 4_000
    assert rejected == pytest.approx(0.05, abs=0.02)


def test_backtest__impossible_counts__are_refused() -> None:
    with pytest.raises(InvalidInput, match="0 <= exceptions <= days"):
        kupiec(6, 5, 0.01)
    with pytest.raises(InvalidInput, match="a forecast for each"):
        exceptions([1.0], [])


@pytest.mark.skipif(not _DATA, reason="PMM_DATA_DIR is unset: it names the folder of recorded market data")
def test_backtest__recorded_eth_hours__rejects_the_normal_model_and_prefers_history() -> None:
    """Chainlink's ETH/USD, hourly, 2023-04 to 2024-01: tails are fat, so a normal model with one deviation fails."""
    returns = _hourly_returns(Path(_DATA))
    window, normal, history, losses = 500, [], [], []
    book = [LinearBook(dollars=np.array([1.0]))]
    for hour in range(window, len(returns)):
        past = returns[hour - window : hour]
        normal.append(Z_99 * float(np.std(past)))
        history.append(historical_var(book, past[:, None]).value_at_risk_usd)
        losses.append(float(-returns[hour]))
    of_normal, of_history = backtest(exceptions(losses, normal)), backtest(exceptions(losses, history))
    assert of_normal.kupiec.rejects(0.05)
    assert of_history.kupiec.ratio < of_normal.kupiec.ratio


def _hourly_returns(folder: Path) -> Any:
    with gzip.open(folder / "chainlink" / "chainlink_mainnet_ETH_USD_rounds.csv.gz", "rt") as file:
        rounds = sorted(
            (int(row["update"]), int(row["answer"])) for row in csv.DictReader(file) if int(row["answer"]) > 0
        )
    hourly = {at_s // 3_600: answer for at_s, answer in rounds}
    first, last = min(hourly), max(hourly)
    prices, price = [], 0
    for hour in range(first, last + 1):
        price = hourly.get(hour, price)
        prices.append(float(price))
    return np.expm1(log_returns(prices))
