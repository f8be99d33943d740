"""Every event of the desk is logged and counted once, and says nothing that it must not."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from pmm.errors import SetupError
from pmm.monitoring.desk import DeskEvents, MetricsPort
from tests.helpers.rehearsal import everything_happens

GROUPS = ("book", "hedges", "chain", "lending", "risk", "sources", "alerts")


def _functions(group: object) -> set[str]:
    return {name for name, _ in inspect.getmembers(group, inspect.ismethod) if not name.startswith("_")}


def test_rehearsal__every_function_of_every_group__is_called_and_logs_one_line() -> None:
    called: set[tuple[str, str]] = set()
    with capture_logs() as lines:
        events = DeskEvents()
        for name in GROUPS:
            group = getattr(events, name)
            for function in _functions(group):
                setattr(group, function, _noted(getattr(group, function), called, (name, function), lines))
        everything_happens(events)
    assert called == {(name, function) for name in GROUPS for function in _functions_of(name)}


def _functions_of(name: str) -> set[str]:
    return _functions(getattr(DeskEvents(), name))


def _noted(function: Any, called: set[tuple[str, str]], name: tuple[str, str], lines: list[Any]) -> Any:
    def noted(*arguments: Any, **named: Any) -> None:
        before = len(lines)
        function(*arguments, **named)
        assert len(lines) == before + 1, f"{name} wrote {len(lines) - before} lines"
        called.add(name)

    return noted


def test_metric__that_cannot_be_computed__counts_as_a_warning_and_never_as_good() -> None:
    events = DeskEvents()
    events.risk.metric_measured(metric="uptime", subject="", value=None, state="normal")
    labels = {"metric": "uptime", "subject": ""}
    value = events.registry.get_sample_value
    assert value("pmm_risk_state", labels) == 2
    assert value("pmm_risk_known", labels) == 0
    assert math.isnan(value("pmm_risk_metric", labels) or 0)
    events.risk.metric_measured(metric="uptime", subject="", value=None, state="critical")
    assert value("pmm_risk_state", labels) == 3
    events.risk.metric_measured(metric="uptime", subject="", value=0.999, state="normal")
    assert [value(f"pmm_risk_{name}", labels) for name in ("state", "known", "metric")] == [0, 1, 0.999]


def test_state__that_is_none__is_refused_and_counts_nothing() -> None:
    events = DeskEvents()
    with pytest.raises(KeyError):
        events.risk.metric_measured(metric="uptime", subject="", value=1.0, state="fine")
    assert events.registry.get_sample_value("pmm_risk_metric", {"metric": "uptime", "subject": ""}) is None


def test_pnl__earned_and_spent__adds_up_with_its_sign() -> None:
    events = DeskEvents()
    for usd in (10.0, -2.5):
        events.book.pnl_booked(token="WETH", component="spread", usd=usd)
    labels = {"token": "WETH", "component": "spread"}
    assert events.registry.get_sample_value("pmm_desk_pnl_usd", labels) == 7.5


def test_node_switch__from_one_to_another__leaves_one_active() -> None:
    events = DeskEvents()
    with structlog.testing.capture_logs() as said:
        events.chain.node_switched(before="", after="a", why="start")
        events.chain.node_switched(before="a", after="b", why="slow")
    # The first one is no switch, and nobody's business.
    assert [(one["event"], one["log_level"]) for one in said] == [
        ("node_chosen", "info"),
        ("node_switched", "warning"),
    ]
    value = events.registry.get_sample_value
    assert [value("pmm_node_active", {"node": node}) for node in "ab"] == [0, 1]
    assert value("pmm_node_switches_total") == 1


def test_heads__socket_lost__one_source_is_left_and_totals_are_counted_once() -> None:
    events = DeskEvents()
    with structlog.testing.capture_logs() as said:
        events.heads.heads_from(source="http", why="", falls={"died": 0}, reconnects=0)
        for _ in range(3):
            events.heads.heads_from(
                source="http", why="expected heads, found none", falls={"died": 0}, reconnects=1
            )
        events.heads.heads_from(source="websocket", why="", falls={"died": 0}, reconnects=1)
        events.heads.heads_from(source="http", why="cut", falls={"died": 1}, reconnects=2)
    value = events.registry.get_sample_value
    assert [value("pmm_heads_source", {"source": one}) for one in ("http", "websocket")] == [1, 0]
    assert value("pmm_heads_falls_total", {"why": "died"}) == 1
    assert value("pmm_heads_reconnects_total") == 2
    # At the start, its first trouble, and each change: not at each attempt.
    assert [(one["source"], one["log_level"]) for one in said] == [
        ("http", "info"),
        ("http", "warning"),
        ("websocket", "info"),
        ("http", "warning"),
    ]


def test_metrics_port__taken__says_so() -> None:
    events = DeskEvents()
    port = MetricsPort(events.registry, port=0)
    try:
        with pytest.raises(SetupError, match=f"port {port.port}"):
            MetricsPort(events.registry, port=port.port)
    finally:
        port.close()
