"""The Grafana boards after the demo: every query of every panel has data from a Prometheus that scraped the day."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from pmm.monitoring.boards import BOARDS, Query
from tests.e2e.demo_day import DemoDay

DOCS = Path(__file__).parents[2] / "docs/monitoring.md"

NOT_IN_THE_DEMO = {
    'pmm_risk_loss_usd{measure="var"}': "a day of a minute has too few prices for a value at risk",
    'pmm_risk_loss_usd{measure="shortfall"}': "a day of a minute has too few prices for a value at risk",
    '-pmm_risk_loss_usd{method="realised"}': "no day of the calendar ends in it",
    "pmm_var_backtest_p_value": "a verdict takes 250 days",
    "pmm_var_backtest_zone": "a verdict takes 250 days",
    "pmm_paper_perp_position": "its desk hedges on the chain; the paper venue trades nothing",
    "pmm_paper_perp_position_usd": "its desk hedges on the chain; the paper venue trades nothing",
}
"""Queries without data after the demo, each with the reason; docs/monitoring.md has the same table."""

QUERIES = {
    f"{board.uid}: {panel.title}: {query.legend or query.expr}": query
    for board in BOARDS
    for panel in board.panels
    for query in panel.queries
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_query__after_the_demo__returns_data_or_is_listed(query: Query, demo_day: DemoDay) -> None:
    if demo_day.answers is None:
        pytest.skip("expected prometheus on PATH; `apt-get install prometheus` brings it")
    found = demo_day.answers[query.expr]
    numbers = [float(series["value"][1]) for series in found]
    has_data = any(not math.isnan(number) for number in numbers)
    if query.expr in NOT_IN_THE_DEMO:
        assert not has_data, f"{query.expr} has data: take it off the list"
        return
    assert has_data, f"no data for {query.expr}: {found}"
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(label in series["metric"] for series in found), f"{label} is no label of {query.expr}"


def test_alert_rules__after_the_demo__fired_for_what_happened_in_it(demo_day: DemoDay) -> None:
    if demo_day.alerts is None:
        pytest.skip("expected prometheus on PATH; `apt-get install prometheus` brings it")
    assert demo_day.alerts == {"RiskMetricCritical"}


def test_list__of_what_is_not_in_the_demo__names_queries_of_boards_and_stands_in_the_docs() -> None:
    assert set(NOT_IN_THE_DEMO) <= {query.expr for query in QUERIES.values()}
    text = DOCS.read_text()
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                reason = NOT_IN_THE_DEMO.get(query.expr)
                line = f"| {panel.title} | `{query.expr}` | {reason} |"
                assert (reason is not None) == (line in text), line
