"""Value at risk against closed forms, and one dimension against many."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.risk.backtests import backtest
from pmm.risk.historical_var import filtered_historical_var, garch_filter, historical_var
from pmm.risk.linear_var import ES_99, Z_99, LinearVar, variance_after
from pmm.risk.payoffs import LendingAccount, LinearBook, OpenQuote
from pmm.risk.returns import ReturnModel, ewma_covariance, log_returns
from pmm.risk.tail import tail_risk
from pmm.risk.var import full_losses, full_var, linear_var

_ASSETS = tuple(f"A{number}" for number in range(10))


def ten_assets(tail_index: float = 0.0) -> tuple[ReturnModel, Any]:
    """Ten assets with daily volatilities of 2 to 6 % and a correlation of 0.6, and a long-short book."""
    random = np.random.default_rng(7)
    volatility = random.uniform(0.02, 0.06, 10)
    correlation = 0.6 * np.ones((10, 10)) + 0.4 * np.eye(10)
    covariance = correlation * np.outer(volatility, volatility)
    model = ReturnModel(assets=_ASSETS, covariance=covariance, tail_index=tail_index)
    return model, random.normal(0, 1e5, 10)


def deviation_of(model: ReturnModel, dollars: Any) -> float:
    return math.sqrt(dollars @ model.covariance @ dollars)


def test_constants__normal_tail__are_the_published_ones() -> None:
    assert pytest.approx(2.326348, abs=5e-7) == Z_99
    assert pytest.approx(2.665214, abs=5e-7) == ES_99
    assert math.erfc(Z_99 / math.sqrt(2)) / 2 == pytest.approx(0.01, rel=1e-12)
    assert math.exp(-Z_99 * Z_99 / 2) / math.sqrt(2 * math.pi) / 0.01 == pytest.approx(ES_99, rel=1e-12)


def test_linear_var__a_million_scenarios__meets_the_closed_form() -> None:
    model, dollars = ten_assets()
    found = linear_var(dollars, model, seed=11)
    deviation = deviation_of(model, dollars)
    assert found.value_at_risk_usd == pytest.approx(Z_99 * deviation, abs=4 * found.standard_error_usd)
    assert found.expected_shortfall_usd == pytest.approx(ES_99 * deviation, rel=0.01)
    assert 0 < found.standard_error_usd < 0.005 * found.value_at_risk_usd


def test_linear_var__students_t__meets_the_closed_form() -> None:
    """t(4): 99 % quantile 3.746947, times sqrt(1/2) for the variance of one."""
    model, dollars = ten_assets(tail_index=4)
    found = linear_var(dollars, model, seed=12)
    wanted = 3.746947 * math.sqrt(0.5) * deviation_of(model, dollars)
    assert found.value_at_risk_usd == pytest.approx(wanted, abs=4 * found.standard_error_usd)


@pytest.mark.parametrize("tail_index", [0.0, 5.0])
def test_linear_var__one_dimension__is_distributed_as_ten(tail_index: float) -> None:
    """Both quantiles and shortfalls agree within their errors: equal in distribution, not scenario by scenario."""
    model, dollars = ten_assets(tail_index)

    class Simple(LinearBook):
        """Undo the exponential: the collapse is for simple returns."""

        def add_to(self, profit: Any, returns: Any) -> None:
            super().add_to(profit, np.log1p(returns))

    many = full_var([Simple(dollars=dollars)], model, seed=13, scenarios=400_000)
    one = linear_var(dollars, model, seed=14, scenarios=400_000)
    error = math.hypot(many.standard_error_usd, one.standard_error_usd)
    assert many.value_at_risk_usd == pytest.approx(one.value_at_risk_usd, abs=4 * error)
    assert many.expected_shortfall_usd == pytest.approx(one.expected_shortfall_usd, rel=0.02)


def test_full_var__same_seed__is_the_same_number() -> None:
    model, dollars = ten_assets()
    book = [LinearBook(dollars=dollars)]
    first = full_var(book, model, seed=1, scenarios=50_000)
    assert full_var(book, model, seed=1, scenarios=50_000) == first
    assert full_var(book, model, seed=2, scenarios=50_000) != first


def test_full_var__account_near_liquidation__costs_the_bonus() -> None:
    model = ReturnModel(assets=("WETH",), covariance=np.array([[0.04**2]]))
    account = LendingAccount(
        collateral=0, debt=None, collateral_usd=1e6, debt_usd=0.78e6, threshold=0.8, bonus=0.05
    )
    losses = full_losses([account], model, seed=3, scenarios=200_000)
    assert set(np.unique(losses)) == {0.0, np.float32(0.5 * 0.05 * 0.78e6)}
    wanted = 0.5 * math.erfc(-math.log(0.78 / 0.8) / 0.04 / math.sqrt(2))
    assert float((losses > 0).mean()) == pytest.approx(wanted, abs=0.005)


def test_full_var__open_quote__is_a_written_option() -> None:
    """Expected loss of a written straddle leg, Bachelier: deviation x (density(d) - d x tail(d)), d the edge."""
    model = ReturnModel(assets=("WETH",), covariance=np.array([[0.04**2]]))
    quote = OpenQuote(gives=0, takes=None, gives_usd=1e6, takes_usd=1e6, share=0.05)
    losses = full_losses([quote], model, seed=4, scenarios=200_000)
    assert losses.min() >= 0
    wanted = 1e6 * 0.05 * 0.04 / math.sqrt(2 * math.pi)
    assert float(losses.mean()) == pytest.approx(wanted, rel=0.03)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**31), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_tail_risk__any_sample__equals_a_full_sort(size: int, seed: int, confidence: float) -> None:
    losses = np.random.default_rng(seed).normal(size=size)
    ordered = np.sort(losses)
    place = math.ceil(round(size * confidence, 9)) - 1
    found = tail_risk(losses, confidence)
    assert found.value_at_risk_usd == ordered[place]
    assert found.expected_shortfall_usd == pytest.approx(ordered[place:].mean(), rel=1e-12)
    assert found.expected_shortfall_usd >= found.value_at_risk_usd


@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal"])
def test_tail_risk__large_sample_in_any_order__equals_a_full_sort(order: str) -> None:
    """The shortcut looks at the first part of the sample only to know where to search."""
    losses = np.random.default_rng(5).normal(size=300_000)
    losses = {"rising": np.sort(losses), "falling": -np.sort(-losses), "equal": np.ones(300_000)}.get(
        order, losses
    )
    assert tail_risk(losses).value_at_risk_usd == np.sort(losses)[297_000 - 1]


@pytest.mark.parametrize("losses", [[], [float("nan")] * 200, [1.0] * 199 + [float("inf")] * 3])
def test_tail_risk__no_numbers__is_refused(losses: list[float]) -> None:
    with pytest.raises(InvalidInput, match="losses: expected"):
        tail_risk(np.array(losses))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_ASSETS), st.floats(-1e7, 1e7)), min_size=1, max_size=60))
def test_linear_var__any_changes__equals_the_quadratic_form(changes: list[tuple[str, float]]) -> None:
    model, _ = ten_assets()
    kept = LinearVar(model)
    for asset, dollars in changes:
        kept.put(asset, dollars)
    held = np.array([dict(changes).get(asset, 0.0) for asset in _ASSETS])
    wanted = float(held @ model.covariance @ held)
    scale = max(abs(dollars) for _, dollars in changes) ** 2
    assert kept.variance == pytest.approx(wanted, rel=1e-9, abs=1e-12 * scale + 1e-9)
    slope, own = kept.slope("A3")
    after = held.copy()
    after[3] += 12_345.0
    found = variance_after(kept.variance, slope, own, 12_345.0)
    assert found == pytest.approx(float(after @ model.covariance @ after), rel=1e-9, abs=1e-12 * scale + 1e-3)


def test_linear_var__many_changes__does_not_drift() -> None:
    model, dollars = ten_assets()
    kept = LinearVar(model)
    random = np.random.default_rng(0)
    for _ in range(5_000):
        kept.put(_ASSETS[random.integers(10)], float(random.normal(0, 1e9)))
    for asset, one in zip(_ASSETS, dollars, strict=True):
        kept.put(asset, float(one))
    wanted = deviation_of(model, dollars)
    assert kept.risk().value_at_risk_usd == pytest.approx(Z_99 * wanted, rel=1e-3)


def test_return_model__bad_covariance__is_refused() -> None:
    with pytest.raises(InvalidInput, match="no negative eigenvalue"):
        ReturnModel(assets=("A", "B"), covariance=np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(InvalidInput, match="symmetric 2 x 2"):
        ReturnModel(assets=("A", "B"), covariance=np.eye(3))


def test_return_model__dependent_assets__has_a_factor() -> None:
    covariance = np.array([[4.0, 2.0], [2.0, 1.0]])
    factor = ReturnModel(assets=("A", "B"), covariance=covariance).factor()
    assert np.allclose(factor @ factor.T, covariance)


def test_ewma_covariance__equal_weights__is_the_second_moment() -> None:
    returns = np.random.default_rng(1).normal(0, 0.02, (500, 3))
    assert np.allclose(ewma_covariance(returns, decay=1.0), returns.T @ returns / 500)
    assert np.allclose(ewma_covariance(returns, 0.94, horizon=4), 4 * ewma_covariance(returns, 0.94))


def test_log_returns__price_of_zero__is_refused() -> None:
    assert log_returns([1.0, math.e]) == pytest.approx([1.0])
    with pytest.raises(InvalidInput, match="positive"):
        log_returns([1.0, 0.0])


def test_historical_var__known_returns__is_their_quantile() -> None:
    returns = np.arange(-500, 500)[:, None] / 10_000
    found = historical_var([LinearBook(dollars=np.array([1_000.0]))], returns)
    assert found.value_at_risk_usd == pytest.approx(49.0, abs=0.2)
    with pytest.raises(InvalidInput, match="at least 100"):
        historical_var([LinearBook(dollars=np.array([1.0]))], returns[:99])


def garch_profits(days: int, seed: int) -> tuple[Any, Any]:
    """Profits and their true deviations: GARCH(1,1), omega 0.05, alpha 0.10, beta 0.85."""
    random = np.random.default_rng(seed)
    variance, profits, deviations = 1.0, [], []
    for _ in range(days):
        deviations.append(math.sqrt(variance))
        profits.append(deviations[-1] * random.normal())
        variance = 0.05 + 0.10 * profits[-1] ** 2 + 0.85 * variance
    return np.array(profits), np.array([*deviations[1:], math.sqrt(variance)])


def test_filtered_historical_var__simulated_garch__follows_the_volatility() -> None:
    profits, deviations = garch_profits(3_000, 21)
    found = filtered_historical_var(profits * 1e4)
    assert found.value_at_risk_usd == pytest.approx(Z_99 * deviations[-1] * 1e4, rel=0.15)
    standardised, tomorrow = garch_filter(profits)
    assert float(np.std(standardised)) == pytest.approx(1.0, abs=0.05)
    assert tomorrow == pytest.approx(deviations[-1], rel=0.15)


def test_filtered_historical_var__volatility_in_clusters__leaves_no_clustered_exceptions() -> None:
    """Where plain history fails Christoffersen's independence, the filtered profits pass it."""
    profits, _ = garch_profits(4_000, 5)
    standardised, _ = garch_filter(profits)
    plain = tail_risk(-profits, 0.95).value_at_risk_usd
    filtered = tail_risk(-standardised, 0.95).value_at_risk_usd
    assert backtest([bool(one > plain) for one in -profits], 0.05).independence.rejects(0.01)
    assert not backtest([bool(one > filtered) for one in -standardised], 0.05).independence.rejects(0.05)


def test_filtered_historical_var__too_little_or_constant__is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 250"):
        filtered_historical_var(np.random.default_rng(0).normal(size=249))
    with pytest.raises(InvalidInput, match="that differ"):
        filtered_historical_var(np.zeros(500))
