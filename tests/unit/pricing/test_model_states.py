"""Volatility, risk aversion, the latency gate: states that observations fold into."""

from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.errors import InvalidInput
from pmm.pricing.latency_gate import LatencyChange, LatencyPolicy, LatencyState, observe_round_trip
from pmm.pricing.risk_aversion import RiskAversionPolicy, VolatilityRatio, risk_aversion
from pmm.pricing.volatility import VolatilityPolicy, VolatilityState, observe_price, per_sqrt_day

_POLICY = VolatilityPolicy()


def _fold(observations: list[tuple[int, float]], policy: VolatilityPolicy = _POLICY) -> VolatilityState:
    state = VolatilityState()
    for at_ms, price in observations:
        state = observe_price(state, price, at_ms, policy)
    return state


def test_volatility__two_returns_by_hand__are_weighted_by_age() -> None:
    state = _fold([(0, 100.0), (30_000, 101.0), (90_000, 100.5)])
    fade = exp(-1)
    squares = log(1.01) ** 2 * fade + log(100.5 / 101) ** 2
    assert state.sigma_now_bps(_POLICY) == pytest.approx(sqrt(squares / (30 * fade + 60)) * 1e4, rel=1e-12)


def test_volatility__irregular_steps_of_a_known_walk__are_measured() -> None:
    rng = np.random.default_rng(4)
    gaps = rng.exponential(2.0, 20_000) + 0.001
    sigma = 1.3e-4
    path = 3_000 * np.exp(np.cumsum(rng.normal(0, 1, len(gaps)) * sigma * np.sqrt(gaps)))
    times = np.cumsum(gaps)
    state = _fold([(int(at * 1_000), float(price)) for at, price in zip(times, path, strict=True)])
    base = state.sigma_base_bps(_POLICY)
    assert base == pytest.approx(1.3, rel=0.03)
    assert per_sqrt_day(1.3) == pytest.approx(1.3 * sqrt(86_400))


def test_volatility__same_price_seen_again__does_not_change_what_a_gap_would_give() -> None:
    seldom = _fold([(0, 100.0), (60_000, 101.0)])
    often = _fold([(0, 100.0), *((at, 100.0) for at in range(500, 60_000, 500)), (60_000, 101.0)])
    assert often.baseline.squares == pytest.approx(seldom.baseline.squares)
    assert often.sigma_base_bps(VolatilityPolicy(baseline_warm_up_s=0)) == pytest.approx(
        log(1.01) / sqrt(60) * 1e4, rel=1e-3
    )


def test_volatility__before_the_warm_up__is_unknown() -> None:
    state = _fold([(0, 100.0), (29_999, 101.0)])
    assert state.sigma_now_bps(_POLICY) is None
    state = observe_price(state, 101.0, 30_000, _POLICY)
    assert state.sigma_now_bps(_POLICY) is not None
    assert state.sigma_base_bps(_POLICY) is None
    assert VolatilityState().sigma_now_bps(VolatilityPolicy(now_warm_up_s=0)) is None


def test_volatility__observation_out_of_order__is_left_out() -> None:
    state = _fold([(0, 100.0), (1_000, 101.0)])
    assert observe_price(state, 500.0, 1_000, _POLICY) is state
    assert observe_price(state, 500.0, 10, _POLICY) is state


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_volatility__price_that_is_none__is_refused(price: float) -> None:
    with pytest.raises(InvalidInput, match="positive finite"):
        observe_price(VolatilityState(), price, 0, _POLICY)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(1e-6, 1e12)), max_size=40))
def test_volatility__any_observations__stay_finite_and_not_negative(
    observations: list[tuple[int, float]],
) -> None:
    sigma = _fold(observations).sigma_base_bps(VolatilityPolicy(baseline_warm_up_s=0))
    assert sigma is None or 0 <= sigma < float("inf")


@pytest.mark.parametrize(
    ("now", "base", "toxic", "factor", "ratio"),
    [
        (1.0, 1.0, False, 2.0, VolatilityRatio.MEASURED),
        (0.0, 1.0, False, 1.0, VolatilityRatio.MEASURED),
        (1.0, 2.0, False, 1.5, VolatilityRatio.MEASURED),
        (9.0, 1.0, False, 3.0, VolatilityRatio.MEASURED),
        (1.0, 1.0, True, 3.0, VolatilityRatio.MEASURED),
        (9.0, 1.0, True, 4.5, VolatilityRatio.MEASURED),
        (None, 1.0, False, 2.0, VolatilityRatio.UNKNOWN),
        (1.0, None, False, 2.0, VolatilityRatio.UNKNOWN),
        (1.0, 0.0, False, 3.0, VolatilityRatio.ZERO_BASELINE),
        (0.0, 0.0, False, 2.0, VolatilityRatio.ZERO_BASELINE),
    ],
)
def test_risk_aversion__ratio_of_volatilities__scales_and_caps(
    now: float | None, base: float | None, toxic: bool, factor: float, ratio: VolatilityRatio
) -> None:
    found = risk_aversion(0.01, sigma_now=now, sigma_base=base, toxic_flow=toxic)
    assert found.gamma == pytest.approx(0.01 * factor)
    assert found.ratio is ratio


def test_risk_aversion_policy__factor_below_one__is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        RiskAversionPolicy(cap=0.5)


def _run(round_trips_ms: list[int], policy: LatencyPolicy) -> list[LatencyChange]:
    state, changes = LatencyState(), []
    for round_trip_ms in round_trips_ms:
        state, change = observe_round_trip(state, round_trip_ms * 1_000, policy)
        changes.append(change)
    return changes


def test_latency_gate__slow_feed__stops_once_and_resumes_below_the_lower_limit() -> None:
    unsmoothed = LatencyPolicy(weight_bps=10_000)
    none, cancel, resume = LatencyChange.NONE, LatencyChange.CANCEL_OUTSTANDING, LatencyChange.RESUME
    trips = [100, 500, 501, 900, 499, 200, 199, 400]
    assert _run(trips, unsmoothed) == [none, none, cancel, none, none, none, resume, none]


def test_latency_gate__one_slow_answer__is_smoothed_away() -> None:
    assert LatencyChange.CANCEL_OUTSTANDING not in _run([50, 50, 2_000, 50, 50], LatencyPolicy())
    assert LatencyChange.CANCEL_OUTSTANDING in _run([50] + [2_000] * 4, LatencyPolicy())


@given(st.lists(st.integers(0, 3_000), max_size=60))
def test_latency_gate__any_round_trips__alternate_cancel_and_resume(trips: list[int]) -> None:
    changes = [change for change in _run(trips, LatencyPolicy()) if change is not LatencyChange.NONE]
    assert changes[::2] == [LatencyChange.CANCEL_OUTSTANDING] * len(changes[::2])
    assert changes[1::2] == [LatencyChange.RESUME] * len(changes[1::2])


@pytest.mark.parametrize("limits", [{"resume_ms": 600}, {"resume_ms": 0}, {"weight_bps": 0}])
def test_latency_policy__limits_the_wrong_way_round__are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="resume_ms <= stop_ms"):
        LatencyPolicy(**limits)


def test_round_trip__negative__is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 0"):
        observe_round_trip(LatencyState(), -1, LatencyPolicy())
