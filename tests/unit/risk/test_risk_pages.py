"""docs/risk.md holds the table of metrics, docs/actions.md every action."""

from __future__ import annotations

from pathlib import Path

from pmm.risk.book_table import metrics_table
from pmm.risk.plans import ActionKind
from pmm.risk.scenarios import SCENARIOS
from pmm.risk.settings import RiskSettings

_DOCS = Path(__file__).parents[3] / "docs"


def test_risk_page__metrics__are_those_of_the_code() -> None:
    page = (_DOCS / "risk.md").read_text()
    assert metrics_table(RiskSettings()) in page, "write pmm.risk.book_table.metrics_table into docs/risk.md"
    for scenario in SCENARIOS:
        assert f"`{scenario.name}`" in page


def test_actions_page__every_action__is_named() -> None:
    page = (_DOCS / "actions.md").read_text()
    for kind in ActionKind:
        assert f"`{kind.value}`" in page
