"""Avellaneda-Stoikov and Gueant-Lehalle-Fernandez-Tapia against converged numbers of independent runs."""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.avellaneda_stoikov import base_spread, reservation_price, spread
from pmm.pricing.glft import (
    GlftParameters,
    base_distance,
    bid_distance,
    bid_distances,
    closed_form_bid_distance,
)
from pmm.pricing.model_units import share_up_of_bps

# The paper's market: s = 100, T = 1, sigma = 2, dt = 0.005, k = 1.5, A = 140.
_SIGMA, _K, _A, _DT, _STEPS = 2.0, 1.5, 140.0, 0.005, 200
_PATHS = 4_000


@pytest.mark.parametrize(
    ("gamma", "whole", "base", "reservation"),
    [(0.1, 1.690770, 1.290770, 99.6), (0.01, 1.368909, 1.328909, 99.96), (0.5, 3.150728, 1.150728, 98.0)],
)
def test_avellaneda_stoikov__paper_parameters__give_the_known_spread_and_reservation_price(
    gamma: float, whole: float, base: float, reservation: float
) -> None:
    assert spread(gamma=gamma, sigma=_SIGMA, k=_K, horizon=1) == pytest.approx(whole, abs=5e-7)
    assert base_spread(gamma=gamma, k=_K) == pytest.approx(base, abs=5e-7)
    assert reservation_price(100, 1, gamma=gamma, sigma=_SIGMA, horizon=1) == pytest.approx(reservation)


@dataclass
class Outcome:
    """Profit and final inventory of every path."""

    profit: npt.NDArray[np.float64]
    lots: npt.NDArray[np.float64]


def simulate(gamma: float, *, inventory: bool, seed: int = 2008) -> Outcome:
    """Trade the paper's day with the spread of equation 3.18, or with the same spread around the mid."""
    rng = np.random.default_rng(seed)
    mid = np.full(_PATHS, 100.0)
    lots, cash = np.zeros(_PATHS), np.zeros(_PATHS)
    for step in range(_STEPS):
        left = 1.0 - step * _DT
        half = spread(gamma=gamma, sigma=_SIGMA, k=_K, horizon=left) / 2
        skew = reservation_price(0.0, 1.0, gamma=gamma, sigma=_SIGMA, horizon=left) if inventory else 0.0
        centre = mid + lots * skew
        sold = rng.random(_PATHS) < _A * np.exp(-_K * (centre + half - mid)) * _DT
        bought = rng.random(_PATHS) < _A * np.exp(-_K * (mid - centre + half)) * _DT
        cash += sold * (centre + half) - bought * (centre - half)
        lots += bought.astype(np.float64) - sold
        mid += np.where(rng.random(_PATHS) < 0.5, 1.0, -1.0) * _SIGMA * sqrt(_DT)
    return Outcome(profit=cash + lots * mid, lots=lots)


# Gamma 0.5 with inventory is left out: the paper's 33.92 is not reproducible, two readings give 48.61 and 23.94.
@pytest.mark.parametrize(
    ("gamma", "inventory", "profit", "profit_std", "lots_std", "paper"),
    [
        (0.1, True, 64.94, 6.55, 2.92, 62.94),
        (0.1, False, 68.09, 13.24, 8.41, 67.21),
        (0.01, True, 68.45, 8.97, 5.23, 66.78),
        (0.01, False, 68.72, 13.62, 8.71, 67.36),
        (0.5, False, 58.40, 11.50, 7.09, None),
    ],
)
def test_avellaneda_stoikov__simulated_day__earns_the_converged_profit(
    gamma: float, inventory: bool, profit: float, profit_std: float, lots_std: float, paper: float | None
) -> None:
    found = simulate(gamma, inventory=inventory)
    # Three standard errors; the reference is rounded to 0.01. A standard deviation's own is std / sqrt(2n), of a
    # normal variable; profits are a little heavier in the tails.
    assert found.profit.mean() == pytest.approx(profit, abs=3 * profit_std / sqrt(_PATHS) + 0.01)
    assert found.profit.std() == pytest.approx(profit_std, abs=3 * profit_std / sqrt(2 * _PATHS) + 0.1)
    assert found.lots.std() == pytest.approx(lots_std, abs=3 * lots_std / sqrt(2 * _PATHS) + 0.01)
    if paper is not None:
        assert found.profit.mean() == pytest.approx(paper, rel=0.04)


_LOTS = (0, 1, 5, 10, -5)


@pytest.mark.parametrize(
    ("sigma", "intensity", "eigenvector", "closed"),
    [
        (
            0.3,
            0.9,
            (3.313045, 3.381168, 3.653480, 3.992933, 2.972522),
            (3.312915, 3.380781, 3.652244, 3.991574, 2.973586),
        ),
        (
            0.4,
            0.9,
            (3.324458, 3.415401, 3.778746, 4.230704, 2.869957),
            (3.324226, 3.414714, 3.776665, 4.229104, 2.871787),
        ),
        (
            1.0,
            0.2,
            (3.525651, 4.017546, 5.918517, 8.022747, 1.100245),
            (3.518924, 3.998808, 5.918344, 8.317763, 1.119505),
        ),
    ],
)
def test_glft__paper_parameters__give_the_known_distances(
    sigma: float, intensity: float, eigenvector: tuple[float, ...], closed: tuple[float, ...]
) -> None:
    parameters = GlftParameters(gamma=0.01, sigma=sigma, k=0.3, intensity=intensity, max_lots=30)
    # The eigenvector is T without end, the table's first column T = 600: they differ by less than 1e-6.
    assert [bid_distance(lots, parameters) for lots in _LOTS] == pytest.approx(eigenvector, abs=1.1e-6)
    assert [closed_form_bid_distance(lots, parameters) for lots in _LOTS] == pytest.approx(closed, abs=6e-7)
    assert base_distance(gamma=0.01, k=0.3) == pytest.approx(3.278982, abs=5e-7)


_PARAMETERS = st.builds(
    GlftParameters,
    gamma=st.floats(1e-4, 1.0),
    sigma=st.floats(0.0, 20.0),
    k=st.floats(0.05, 5.0),
    intensity=st.floats(0.01, 10.0),
    max_lots=st.integers(1, 40),
)


@given(_PARAMETERS)
def test_glft__any_parameters__ask_for_more_the_more_is_held(parameters: GlftParameters) -> None:
    distances = bid_distances(parameters)
    assert len(distances) == 2 * parameters.max_lots
    assert all(first <= second + 1e-9 for first, second in pairwise(distances))
    base = base_distance(gamma=parameters.gamma, k=parameters.k)
    # Bid after one more lot and ask from there are one trade: together never less than twice the base.
    for first, second in zip(distances, reversed(distances), strict=True):
        assert first + second == pytest.approx(2 * base, rel=1e-9, abs=1e-9)


def test_glft__between_and_beyond_whole_lots__is_a_line_and_an_end() -> None:
    parameters = GlftParameters(gamma=0.01, sigma=0.3, k=0.3, intensity=0.9, max_lots=10)
    here, above = bid_distance(1, parameters), bid_distance(2, parameters)
    assert here is not None
    assert above is not None
    assert bid_distance(1.25, parameters) == pytest.approx(here + 0.25 * (above - here))
    assert bid_distance(9, parameters) is not None
    assert bid_distance(9.01, parameters) is None
    assert bid_distance(-99, parameters) == bid_distance(-10, parameters)


@pytest.mark.parametrize("changes", [{"gamma": 0.0}, {"k": -1.0}, {"sigma": float("nan")}, {"max_lots": 0}])
def test_glft_parameters__out_of_range__are_refused(changes: dict[str, float]) -> None:
    values = {"gamma": 0.01, "sigma": 0.3, "k": 0.3, "intensity": 0.9, "max_lots": 30, **changes}
    with pytest.raises(InvalidInput, match="expected positive gamma"):
        GlftParameters(**values)  # type: ignore[arg-type]


@given(st.floats(-1e6, 1e6))
def test_share_up_of_bps__any_model_number__never_rounds_for_the_taker(bps: float) -> None:
    share = share_up_of_bps(bps)
    assert share % 10**26 == 0
    assert share / 10**32 >= bps - 1e-9
    assert share / 10**32 <= bps + 1.1e-6


@pytest.mark.parametrize("bps", [float("nan"), float("inf"), -2e6])
def test_share_up_of_bps__no_price__is_refused(bps: float) -> None:
    with pytest.raises(InvalidInput, match="finite basis points"):
        share_up_of_bps(bps)
