"""The Grafana boards after the demo: every query of every panel has data from a Prometheus that scraped the day."""

from __future__ import annotations

import math
import re

import pytest

from pmm.monitoring.boards import BOARDS, Query
from tests.e2e.demo_day import DemoDay

QUERIES = {
    f"{board.uid}: {panel.title}: {query.legend or query.expr}": query
    for board in BOARDS
    for panel in board.panels
    for query in panel.queries
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_query__after_the_demo__returns_data(query: Query, demo_day: DemoDay) -> None:
    if demo_day.answers is None:
        pytest.skip("expected prometheus on PATH; `apt-get install prometheus` brings it")
    found = demo_day.answers[query.expr]
    numbers = [float(series["value"][1]) for series in found]
    assert any(not math.isnan(number) for number in numbers), f"no data for {query.expr}: {found}"
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(label in series["metric"] for series in found), f"{label} is no label of {query.expr}"


def test_alert_rules__after_the_demo__fired_for_what_happened_in_it(demo_day: DemoDay) -> None:
    if demo_day.alerts is None:
        pytest.skip("expected prometheus on PATH; `apt-get install prometheus` brings it")
    assert demo_day.alerts == {"RiskMetricCritical"}
