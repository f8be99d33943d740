"""The no-trade band and the hedge ratio against published values and a search of their own."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.execution.hedging import (
    Band,
    BandInputs,
    cost_rate_usd,
    minimum_variance_ratio,
    no_trade_band,
    ratio_of,
    ratio_wad,
)

_INPUTS = BandInputs(sigma_usd=1.5, flow_var=0.02, gamma=1e-3, proportional_usd=1.6, fixed_usd=0.5)
_A = _INPUTS.gamma * _INPUTS.sigma_usd**2 / _INPUTS.flow_var


def _with(**changes: float) -> BandInputs:
    fields = {name: getattr(_INPUTS, name) for name in BandInputs.__dataclass_fields__}
    return BandInputs(**{**fields, **changes})


def test_band__without_fixed_cost__is_the_cube_root_law() -> None:
    band = no_trade_band(_with(fixed_usd=0.0))
    assert band.outer == pytest.approx((3 * 1.6 / (2 * _A)) ** (1 / 3))
    assert band.inner == pytest.approx(band.outer)


def test_band__without_proportional_cost__is_the_fourth_root_law_and_trades_to_nothing() -> None:
    band = no_trade_band(_with(proportional_usd=0.0))
    assert band.outer == pytest.approx((12 * 0.5 / _A) ** (1 / 4))
    assert band.inner == pytest.approx(0.0, abs=1e-6)


def test_band__without_cost_or_flow__is_nothing() -> None:
    assert no_trade_band(_with(proportional_usd=0.0, fixed_usd=0.0)) == Band(inner=0.0, outer=0.0)
    assert no_trade_band(_with(flow_var=0.0)) == Band(inner=0.0, outer=0.0)


@given(
    sigma=st.floats(0.1, 10),
    flow=st.floats(1e-4, 10),
    gamma=st.floats(1e-6, 1e-1),
    proportional=st.floats(0.01, 10),
    fixed=st.floats(0.01, 50),
)
def test_band__both_costs__no_neighbour_costs_less(
    sigma: float, flow: float, gamma: float, proportional: float, fixed: float
) -> None:
    inputs = BandInputs(
        sigma_usd=sigma, flow_var=flow, gamma=gamma, proportional_usd=proportional, fixed_usd=fixed
    )
    band = no_trade_band(inputs)
    assert 0 <= band.inner < band.outer
    best = cost_rate_usd(inputs, band)
    for outer, inner in ((1.05, 1), (0.95, 1), (1, 1.05), (1, 0.95), (1.05, 1.05), (0.95, 0.95)):
        other = Band(inner=min(band.inner * inner, band.outer * outer * 0.999), outer=band.outer * outer)
        assert cost_rate_usd(inputs, other) >= best * (1 - 1e-9)


def test_cost_rate__is_what_a_simulation_costs() -> None:
    band = Band(inner=1.0, outer=3.0)
    chance, q, cost, dt = random.Random(7), 0.0, 0.0, 0.05
    step = (_INPUTS.flow_var * 50 * dt) ** 0.5
    inputs = _with(flow_var=_INPUTS.flow_var * 50)
    steps = 400_000
    for _ in range(steps):
        q += step if chance.random() < 0.5 else -step
        cost += inputs.gamma / 2 * (inputs.sigma_usd * q) ** 2 * dt
        if abs(q) >= band.outer:
            cost += inputs.proportional_usd * (abs(q) - band.inner) + inputs.fixed_usd
            q = band.inner if q > 0 else -band.inner
    assert cost / (steps * dt) == pytest.approx(cost_rate_usd(inputs, band), rel=0.06)


@pytest.mark.parametrize(
    "changes", [{"sigma_usd": 0.0}, {"gamma": 0.0}, {"fixed_usd": -1.0}, {"flow_var": float("nan")}]
)
def test_band__impossible_inputs__are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="no-trade band"):
        _with(**changes)


def test_ratio__hulls_airline() -> None:
    # Hull, Options, Futures, and Other Derivatives, example 3.3: jet fuel hedged with heating oil.
    ratio = ratio_of(0.928, 0.0263, 0.0313)
    assert ratio == pytest.approx(0.7798, abs=1e-4)
    assert ratio * 2_000_000 / 42_000 == pytest.approx(37.13, abs=0.01)


def test_ratio__from_changes__is_covariance_over_variance() -> None:
    hedge = [1.0, -2.0, 3.0, 0.5, -1.5]
    spot = [0.8 * one + extra for one, extra in zip(hedge, (0.01, -0.01, 0.0, 0.02, -0.02), strict=True)]
    assert minimum_variance_ratio(spot, hedge) == pytest.approx(0.8, abs=0.01)
    assert ratio_wad(minimum_variance_ratio(hedge, hedge)) == 10**18
    assert ratio_wad(-0.3) == 0
    assert ratio_wad(1.7) == 10**18


@pytest.mark.parametrize(
    ("spot", "hedge"), [([1.0, 2.0], [1.0, 2.0]), ([1.0] * 4, [2.0] * 4), ([1.0] * 4, [2.0] * 3)]
)
def test_ratio__not_defined__is_refused(spot: list[float], hedge: list[float]) -> None:
    with pytest.raises(InvalidInput, match="hedge ratio"):
        minimum_variance_ratio(spot, hedge)


def test_ratio__correlation_beyond_one__is_refused() -> None:
    with pytest.raises(InvalidInput, match="correlation"):
        ratio_of(1.1, 1.0, 1.0)
