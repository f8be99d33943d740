"""What the status page says of metrics, from the gauges that the desk has written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from pmm.desk.status import _risk
from pmm.ledger import open_ledger, read_ledger
from pmm.monitoring.desk import DeskEvents
from pmm.monitoring.history import GaugeHistory
from tests.helpers.quoting import MAKER


@pytest.mark.parametrize(
    ("dai", "needs", "shown"),
    [
        (True, 12, "unknown, needs 12 more prices"),
        (False, 12, "unknown, no price of DAI"),
        (True, 0, "unknown"),
    ],
)
def test_risk__value_at_risk_is_unknown__says_why(tmp_path: Path, dai: bool, needs: int, shown: str) -> None:
    path, events = tmp_path / "ledger.sqlite", DeskEvents()
    with closing(open_ledger(path, chain_id=1, maker=MAKER)) as ledger:
        for metric in ("value_at_risk_pct", "drawdown_pct"):
            events.risk.metric_measured(metric=metric, subject="", value=None, state="warning")
        events.risk.metric_needs(metric="value_at_risk_pct", subject="", prices=needs)
        events.hedges.priced(token="WETH", known=True)
        events.hedges.priced(token="DAI", known=dai)
        GaugeHistory(ledger, events.registry, run="run").sample(1_000)
    with read_ledger(path) as reader:
        lines = {one.metric: one.shown for one in _risk(reader)}
    assert lines["value_at_risk_pct"] == shown
    # What needs no price of each token says nothing of one.
    assert lines["drawdown_pct"] == "unknown"
