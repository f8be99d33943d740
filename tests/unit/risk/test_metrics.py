"""Metrics kept event by event equal those computed from scratch; what is not known is unknown."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.risk import events as seen
from pmm.risk.catalogue import METRICS
from pmm.risk.engine import RiskEngine
from pmm.risk.lines import Better, Level, Line
from pmm.risk.measures import Ratio
from pmm.risk.settings import RiskSettings
from pmm.risk.windows import RollingSums
from tests.unit.risk.from_scratch import FromScratch

_START_MS = 1_700_000_000_000
_SMALL, _USD = st.integers(0, 10**7), st.integers(0, 10**13)
_NAMES = st.sampled_from(["a", "b", "c"])
_SCORES = st.floats(0, 100)
_PASSED_MS = st.one_of(st.integers(-5_000, 40_000), st.integers(0, 8 * 3_600_000))


def _event(at_ms: int) -> st.SearchStrategy[Any]:
    at = st.just(at_ms)
    signed = st.integers(-(10**12), 10**12)
    wanted = st.one_of(st.none(), st.just(0), st.integers(-(10**13), 10**13))
    return st.one_of(
        st.builds(seen.RequestAnswered, at, _SMALL, st.integers(1, 5)),
        st.builds(seen.QuoteGiven, at, _NAMES, _NAMES, _NAMES, _USD),
        st.builds(seen.QuoteExecuted, at, _NAMES, _NAMES, _NAMES, _USD),
        st.builds(seen.EdgeRealised, at, _USD, signed),
        st.builds(seen.SettlementEnded, at, st.booleans(), _USD),
        st.builds(seen.NodeProbed, at, _NAMES, _SCORES, _SCORES, st.booleans()),
        st.builds(seen.RoundTripSeen, at, _NAMES, _SMALL),
        st.builds(seen.SourceProbed, at, _NAMES, st.booleans()),
        st.builds(seen.GasPriceSeen, at, st.integers(1, 10**12)),
        st.builds(seen.VenueTradeDone, at, _SMALL),
        st.builds(seen.TransactionIncluded, at, st.none() | _SMALL, st.integers(0, 50)),
        st.builds(seen.AvailabilitySeen, at, st.booleans()),
        st.builds(seen.PositionValued, at, _NAMES, st.just(False), *[_USD] * 8, wanted),
        st.builds(seen.PositionValued, at, st.just("usd"), st.just(True), *[_USD] * 8),
        st.builds(seen.PortfolioValued, at, _USD),
        st.builds(seen.Rebalanced, at, st.integers(0, 3)),
        st.builds(seen.VarMeasured, at, _USD, _USD, _USD),
        st.builds(seen.VarUnknown, at, st.integers(0, 60), st.just("needs more")),
        st.builds(seen.StressMeasured, at, _USD, _USD),
        st.builds(seen.CollateralValued, at, _NAMES, _USD, _USD),
        st.builds(seen.FlashLoanTaken, at, _USD),
        st.builds(seen.PnlBooked, at, _NAMES, st.sampled_from(seen.PnlComponent), signed),
        st.builds(seen.MarkoutTaken, at, st.sampled_from([1, 30]), st.integers(-(10**5), 10**5)),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[seen.RiskEvent]:
    """Up to sixty events over days, some of them late."""
    now_ms, found = _START_MS, []
    for _ in range(draw(st.integers(1, 60))):
        now_ms += draw(_PASSED_MS)
        found.append(draw(_event(now_ms)))
    return found


def _check(events: list[seen.RiskEvent], engine: RiskEngine, now_ms: int) -> None:
    wanted = FromScratch(events, now_ms).values
    found = {(one.metric.name, one.key): one.value for one in engine.tick(now_ms)}
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        got = found[name]
        assert (got is None) == (value is None), (name, got, value)
        if value is not None and got is not None:
            assert got == value or math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9), (name, got, value)


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(0, 30_000))
def test_engine__any_history__equals_the_metrics_computed_from_scratch(
    events: list[seen.RiskEvent], later_ms: int
) -> None:
    engine = RiskEngine(RiskSettings())
    for event in events:
        engine.apply(event)
    _check(events, engine, max(one.at_ms for one in events) + later_ms)


def _positions(at_ms: int) -> st.SearchStrategy[Any]:
    at, signed = st.just(at_ms), st.integers(-(10**13), 10**13)
    wanted = st.one_of(st.none(), st.just(0), signed)
    return st.one_of(
        st.builds(seen.PositionValued, at, _NAMES, st.just(False), *[_USD] * 8, wanted),
        st.builds(seen.PositionValued, at, st.just("usd"), st.just(True), *[_USD] * 8),
        st.builds(seen.PortfolioValued, at, _USD),
    )


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.integers(-500, 1_000), min_size=1, max_size=20))
def test_engine__a_book_of_the_last_seconds__equals_the_metrics_computed_from_scratch(
    data: st.DataObject, passed_ms: list[int]
) -> None:
    """Long histories leave the book stale, so that its metrics are unknown on both sides."""
    events: list[seen.RiskEvent] = []
    engine, now_ms = RiskEngine(RiskSettings()), _START_MS
    for passed in passed_ms:
        now_ms += passed
        events.append(data.draw(_positions(now_ms)))
        engine.apply(events[-1])
    _check(events, engine, max(one.at_ms for one in events))


def test_from_scratch__planted_fault__is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that forgets one bucket too late must fail the comparison."""

    def late(self: RollingSums, now_ms: int) -> list[int]:
        return self._totals

    monkeypatch.setattr(RollingSums, "totals", late)
    events: list[seen.RiskEvent] = [
        seen.SettlementEnded(_START_MS, False),
        seen.SettlementEnded(_START_MS + 12 * 3_600_000, True),
    ]
    engine = RiskEngine(RiskSettings())
    for event in events:
        engine.apply(event)
    with pytest.raises(AssertionError):
        _check(events, engine, _START_MS + 30 * 3_600_000)


def test_engine__nothing_heard__is_unknown_and_warns() -> None:
    readings = RiskEngine(RiskSettings(), {"net_delta_pct": ("WETH",)}).tick(_START_MS)
    assert {one.key for one in readings if one.metric.name == "net_delta_pct"} == {"WETH"}
    for one in readings:
        assert one.value is None
        assert one.shown == "unknown"
        assert one.assessment.level is Level.WARNING
        assert not one.assessment.clear_of_warning


def test_engine__source_falls_silent__is_unknown_again() -> None:
    engine = RiskEngine(RiskSettings())
    (_, reading) = engine.apply(seen.NodeProbed(_START_MS, "own", 100.0, 90.0, True))
    assert reading.value == pytest.approx(97.0)
    assert reading.assessment.level is Level.GOOD
    later = {one.name: one for one in engine.tick(_START_MS + 30_001)}
    assert later["serving_node_health_pct"].value is None
    assert later["serving_node_health_pct"].assessment.level is Level.WARNING


def test_engine__apply__reads_what_the_event_changed() -> None:
    engine = RiskEngine(RiskSettings())
    position = seen.PositionValued(_START_MS, "WETH", False, 106, 0, 1_000, 600, 300, 106, 50, 0)
    engine.apply(seen.PortfolioValued(_START_MS, 1_000))
    engine.apply(seen.PositionValued(_START_MS, "USDC", True, 0, 0, 0, 0, 0, 0, 0, 0))
    found = {one.name: one for one in engine.apply(position)}
    assert found["net_delta_pct[WETH]"].value == pytest.approx(10.6)
    assert found["net_delta_pct[WETH]"].assessment.level is Level.CRITICAL
    assert found["concentration_pct"].value == pytest.approx(10.6)
    assert found["on_chain_inventory_pct"].value == pytest.approx(60)
    assert found["hedged_inventory_pct"].value == pytest.approx(30)
    assert found["hedging_coverage_pct"].assessment.level is Level.CRITICAL


@pytest.mark.parametrize(
    ("unhedged_usd", "level"),
    [(0, Level.GOOD), (1_999, Level.GOOD), (2_001, Level.WARNING), (-5_001, Level.CRITICAL)],
)
def test_net_delta__is_measured_from_what_is_wanted(unhedged_usd: int, level: Level) -> None:
    """A desk whose working inventory is all in the asset is normal; lines of 2 and 5 % of 100,000 dollars."""
    million = 10**6
    engine = RiskEngine(RiskSettings())
    wanted, held = 47_000 * million, 100_000 * million
    engine.apply(seen.PositionValued(_START_MS, "USDC", True, 0, 0, held, 0, 0, 0, 0, 0))
    engine.apply(
        seen.PositionValued(
            _START_MS, "WETH", False, wanted + unhedged_usd * million, 0, 0, 0, 0, 0, 0, 0, wanted
        )
    )
    (reading,) = [one for one in engine.tick(_START_MS) if one.metric.name == "net_delta_pct"]
    assert reading.value == pytest.approx(unhedged_usd / 1_000)
    assert reading.assessment.level is level


def test_net_delta__of_an_asset_that_nobody_follows__is_no_metric() -> None:
    engine = RiskEngine(RiskSettings())
    engine.apply(seen.PositionValued(_START_MS, "DAI", False, 100, 0, 100, 100, 0, 0, 0, 0, None))
    assert not [one for one in engine.tick(_START_MS) if one.metric.name == "net_delta_pct"]


def test_engine__many_takers__remembers_a_thousand() -> None:
    engine = RiskEngine(RiskSettings())
    for number in range(1_500):
        engine.apply(seen.QuoteGiven(_START_MS, "1inch", "WETH/USDC", f"0x{number:040x}", 10**6))
    takers = [one for one in engine.tick(_START_MS) if one.key.startswith("taker:")]
    assert len(takers) == 1_000


def test_response_percentiles__known_sample__are_within_a_bin() -> None:
    engine = RiskEngine(RiskSettings())
    for number in range(1, 1_001):
        engine.apply(seen.RequestAnswered(_START_MS, number * 1_000))
    assert engine.response_percentile_ms(0.5, _START_MS) == pytest.approx(500, rel=0.05)
    assert engine.response_percentile_ms(0.99, _START_MS) == pytest.approx(990, rel=0.05)
    assert engine.response_percentile_ms(0.99, _START_MS + 10**7) is None


def test_settings__every_metric__has_a_line() -> None:
    for metric in METRICS:
        Line(metric.better, *getattr(RiskSettings(), metric.name))
        assert metric.formula
        assert metric.source
        assert metric.unit


def test_line__out_of_order__is_refused() -> None:
    with pytest.raises(ValueError, match="expected target, warning, critical from good to bad"):
        Line(Better.HIGHER, 99.0, 99.5, 98.0)


def test_ratio__window_passed__has_no_value() -> None:
    ratio = Ratio(60_000, 1.0)
    ratio.add(1_000, 3, 2)
    assert ratio.value(60_000) == 1.5
    assert ratio.value(61_000) is None
