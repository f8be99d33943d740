"""Sums of a day against sums by hand, and against invariants."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.report.day import DayData, QuoteLine, day_markouts, day_report
from pmm.report.series import Point, grouped, growths, last, levels, summed

DAY = date(2026, 11, 28)
START, END = 1_000_000, 1_000_000 + 86_400_000


def _point(at_ms: int, value: float, *, series: str = "s", subject: str = "", run: str = "a") -> Point:
    return Point(at_ms=at_ms, run=run, series=series, subject=subject, value=value)


def _data(*points: Point, quotes: tuple[QuoteLine, ...] = ()) -> DayData:
    return DayData(day=DAY, start_ms=START, end_ms=END, points=points, quotes=quotes)


def test_levels__what_stood_before_the_day__begins_with_it() -> None:
    points = [_point(1, 5.0), _point(2, 7.0), _point(START + 10, 9.0)]
    assert levels(points, "s", START) == {"": [(START, 7.0), (START + 10, 9.0)]}


def test_growths__value_from_before_the_day__does_not_count() -> None:
    points = [_point(1, 100.0), _point(START + 5, 110.0), _point(START + 9, 104.0)]
    assert growths(points, "s", START) == {"": [(START, 0.0), (START + 5, 10.0), (START + 9, 4.0)]}


def test_growths__second_process__counts_from_zero_and_goes_on() -> None:
    points = [_point(START + 1, 10.0), _point(START + 2, 3.0, run="b"), _point(START + 3, 5.0, run="b")]
    assert last(growths(points, "s", START)[""]) == 15.0


@given(
    steps=st.lists(
        st.tuples(
            st.integers(1, 50), st.floats(-100, 100), st.sampled_from("ab"), st.sampled_from(["x", "y"])
        ),
        max_size=40,
    ),
    cut=st.integers(0, 40),
)
def test_growths__any_history__of_two_days_add_up_to_the_whole(
    steps: list[tuple[int, float, str, str]], cut: int
) -> None:
    now, points = 0, []
    for gap, value, run, subject in steps:
        now += gap
        points.append(_point(now, value, run=run, subject=subject))
    middle = points[cut].at_ms if cut < len(points) else now
    before = growths([point for point in points if point.at_ms <= middle], "s", 0)
    after = growths(points, "s", middle)
    whole = growths(points, "s", 0)
    for subject in whole:
        parts = last(before.get(subject, [])) + last(after.get(subject, []))
        assert parts == pytest.approx(last(whole[subject]), abs=1e-6)


def test_summed_and_grouped__parts_at_the_same_moment__add_up() -> None:
    parts = {
        "WETH/spread": [(1, 1.0), (3, 2.0)],
        "WETH/gas": [(1, -1.0), (2, -3.0)],
        "DAI/spread": [(2, 4.0)],
    }
    assert summed(list(parts.values())) == [(1, 0.0), (2, 2.0), (3, 3.0)]
    assert grouped(parts, 0)["WETH"] == [(1, 0.0), (2, -2.0), (3, -1.0)]
    assert last(grouped(parts, 1)["spread"]) == 6.0
    assert summed([]) == []


def test_report__tokens_and_components__each_add_up_to_the_total() -> None:
    points = [
        _point(START + at, value, series="pmm_desk_pnl_usd", subject=subject)
        for at, subject, value in (
            (1, "WETH/spread", 5.0),
            (2, "WETH/gas", -1.0),
            (3, "DAI/spread", 2.0),
            (9, "WETH/spread", 9.0),
        )
    ]
    report = day_report(_data(*points))
    for parts in (report.pnl_by_token, report.pnl_by_component):
        assert sum(last(steps) for steps in parts.values()) == last(report.pnl) == 10.0


def test_report__nothing_at_all__is_empty_and_so_is_a_day_after_others() -> None:
    assert day_report(_data()).empty
    stood = _point(START - 5, 40.0, series="pmm_desk_inventory_usd", subject="WETH/wallet")
    assert day_report(_data(stood)).empty
    assert not day_report(_data(_point(START, 1.0))).empty


def test_report__var__is_the_one_that_stood_when_the_day_began() -> None:
    points = [
        _point(START - 9, 400.0, series="pmm_risk_loss_usd", subject="monte_carlo/var"),
        _point(START + 9, 900.0, series="pmm_risk_loss_usd", subject="monte_carlo/var"),
        _point(START - 9, 100.0, series="pmm_risk_loss_usd", subject="historical/var"),
        _point(START - 9, 999.0, series="pmm_risk_loss_usd", subject="monte_carlo/shortfall"),
    ]
    assert day_report(_data(*points)).allowed_loss == 400.0
    assert day_report(_data()).allowed_loss is None


def test_report__states_commands_and_reorganisations__are_incidents_in_order() -> None:
    points = [
        _point(START - 1, 0, series="pmm_risk_state", subject="uptime_pct/"),
        _point(START + 1, 3, series="pmm_risk_state", subject="uptime_pct/"),
        _point(START + 2, 1, series="pmm_actions_total", subject="stop_quoting/failed"),
        _point(START + 3, 0, series="pmm_indexer_reorgs_total"),
        _point(START + 4, 1, series="pmm_indexer_reorgs_total"),
        _point(START + 5, 0, series="pmm_risk_state", subject="uptime_pct/"),
        _point(START + 6, 3, series="pmm_desk_state"),
        _point(START + 7, 1, series="pmm_desk_state"),
    ]
    report = day_report(_data(*points))
    assert [(one.what, one.detail, one.severity) for one in report.incidents] == [
        ("uptime_pct", "normal to critical", "critical"),
        ("command stop_quoting", "failed", "critical"),
        ("reorganisation", "blocks were undone", "warning"),
        ("uptime_pct", "critical to normal", "normal"),
    ]
    assert (report.worst_state, report.troubles) == ("critical", 3)


def test_report__fill_that_a_reorganisation_moved__counts_once() -> None:
    points = [
        _point(START + at, value, series=series, subject="pmm/WETH/USDC")
        for at, value, series in (
            (1, 1, "pmm_desk_fills_total"),
            (1, 3_000.0, "pmm_desk_volume_usd_total"),
            (2, 1, "pmm_desk_fills_removed_total"),
            (2, 3_000.0, "pmm_desk_volume_removed_usd_total"),
            (3, 2, "pmm_desk_fills_total"),
            (3, 6_000.0, "pmm_desk_volume_usd_total"),
        )
    ]
    report = day_report(_data(*points))
    assert (report.filled, report.volume) == (1, 3_000.0)
    nothing = day_report(_data(*points[2:4]))
    assert (nothing.filled, nothing.volume) == (0, 0.0)


def test_worst_state__recovery_and_warning__is_the_warning() -> None:
    points = [_point(START + at, state, series="pmm_desk_state") for at, state in ((1, 2), (2, 1))]
    assert day_report(_data(*points)).worst_state == "warning"
    assert day_report(_data()).worst_state == "unknown"


def _quote(at_s: int, rate: int, *, filled: bool = False) -> QuoteLine:
    return QuoteLine(
        at_ms=START + at_s * 1_000,
        relayer="oneinch",
        decision="quoted",
        filled=filled,
        direction=("weth", "usdc"),
        making_amount=3_000 * 10**6,
        taking_amount=10**18,
        fair_rate_e36=rate * 10**24,
    )


def test_markouts__fill_at_3000_worth_3030_a_minute_later__gains_99_bps() -> None:
    quotes = (_quote(0, 3_000, filled=True), _quote(60, 3_030), _quote(61, 9_999))
    (line,) = [one for one in day_markouts(quotes, START, END) if one.horizon_s == 60]
    # (3030 - 3000) / 3030 of what was taken.
    assert line.mean == pytest.approx(99.0, abs=0.01)
    assert line.count == 1


def test_markouts__fair_value_that_comes_too_late_or_never__is_left_out() -> None:
    late = (_quote(0, 3_000, filled=True), _quote(500, 3_030))
    assert [one.horizon_s for one in day_markouts(late, START, END)] == [300]
    assert day_markouts((_quote(0, 3_000, filled=True),), START, END) == ()
    unfilled = (_quote(0, 3_000), _quote(1, 3_000))
    assert day_markouts(unfilled, START, END) == ()


def test_markouts__fill_just_before_midnight__is_judged_by_the_next_day() -> None:
    end_s = (END - START) // 1_000
    quotes = (
        _quote(end_s - 1, 3_000, filled=True),
        _quote(end_s + 59, 3_030),
        _quote(end_s + 70, 1, filled=True),
    )
    lines = day_markouts(quotes, START, END)
    assert [(one.horizon_s, one.count) for one in lines] == [(30, 1), (60, 1)]


def test_report__quotes__are_counted_by_decision_and_acceptance() -> None:
    refused = QuoteLine(at_ms=START, relayer="okx", decision="paused", filled=False)
    outside = _quote(-10, 3_000, filled=True)
    report = day_report(_data(quotes=(_quote(0, 3_000, filled=True), _quote(1, 3_000), refused, outside)))
    assert (report.requests, report.quoted, report.filled, report.acceptance) == (3, 2, 1, 0.5)
    assert report.decisions == {"quoted": 2, "paused": 1}
    assert day_report(_data()).acceptance is None
