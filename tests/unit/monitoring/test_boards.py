"""Boards against a running Prometheus that scrapes a desk to which everything has happened."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmm.monitoring.boards import BOARDS, Panel
from pmm.monitoring.boards.grafana import board_json
from pmm.monitoring.desk import DeskEvents, MetricsPort
from pmm.monitoring.write_files import monitoring_files
from tests.helpers.prometheus import Prometheus, running
from tests.helpers.rehearsal import everything_happens, quote_server, quotes_happen

ROOT = Path(__file__).parents[3]
PANELS = [pytest.param(panel, id=f"{board.uid}: {panel.title}") for board in BOARDS for panel in board.panels]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    desk, quotes = DeskEvents(), quote_server()
    everything_happens(desk)
    quotes_happen(quotes)
    ports = MetricsPort(desk.registry, port=0), MetricsPort(quotes.metrics.registry, port=0)
    targets = {"pmm-desk": ports[0].port, "pmm-serve": ports[1].port}
    folder = tmp_path_factory.mktemp("prometheus")
    try:
        with running(folder, targets, ROOT / "monitoring/rules/pmm.rules.yml") as server:
            _wait(server, "count(count_over_time(up[1m]) >= 2) == 2")
            # Rates need a counter that moved between two scrapes.
            everything_happens(desk)
            quotes_happen(quotes)
            _wait(server, "sum(increase(pmm_keeper_rounds_total[1m])) > 0")
            _wait(server, "sum(increase(pmm_ladders_total[1m])) > 0")
            yield server
    finally:
        for port in ports:
            port.close()


def _wait(server: Prometheus, expr: str) -> None:
    deadline = time.monotonic() + 60
    while not server.query(expr):
        assert time.monotonic() < deadline, f"still nothing for {expr}"
        time.sleep(0.2)


@pytest.mark.parametrize("panel", PANELS)
def test_panel__desk_that_did_everything__every_query_returns_data(
    panel: Panel, prometheus: Prometheus
) -> None:
    for query in panel.queries:
        found = prometheus.query(query.expr.replace("$__rate_interval", "10m"))
        assert found, f"no data for {query.expr}"
        numbers = [float(series["value"][1]) for series in found]
        assert any(number == number for number in numbers), f"nothing but NaN for {query.expr}"
        for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
            assert all(label in series["metric"] for series in found), f"{label} is no label of {query.expr}"


def test_query__metric_that_nobody_counts__returns_nothing(prometheus: Prometheus) -> None:
    assert prometheus.query("pmm_no_such_metric") == []


def test_rules__running_prometheus__evaluates_all_and_fires_for_the_books(prometheus: Prometheus) -> None:
    _wait(prometheus, 'ALERTS{alertname="BooksDiffer",alertstate="firing",token="USDC"}')
    rules = prometheus.get("/api/v1/rules")["groups"][0]["rules"]
    assert {rule["health"] for rule in rules} == {"ok"}
    assert not prometheus.query('ALERTS{alertname="ProcessDown"}')


def test_every_series__of_the_desk__stands_on_a_board() -> None:
    events = DeskEvents()
    everything_happens(events)
    names = {
        re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0].split(" ")[0])
        for line in events.exposition().decode().splitlines()
        if not line.startswith("#") and "_created" not in line
    }
    text = " ".join(query.expr for board in BOARDS for panel in board.panels for query in panel.queries)
    shown = set(re.findall(r"pmm_[a-z_0-9]+", text))
    shown |= {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    # The lines of the risk book are for other people's boards: ours colour the state.
    assert names - shown == {"pmm_risk_line", "pmm_audit_entries_total"}


@pytest.mark.parametrize("name", monitoring_files())
def test_file__in_the_repository__is_what_the_code_makes(name: str) -> None:
    assert (ROOT / "monitoring" / name).read_text() == monitoring_files()[name], "run `make monitoring`"


def test_folder__monitoring__holds_nothing_else() -> None:
    found = {str(path.relative_to(ROOT / "monitoring")) for path in (ROOT / "monitoring").rglob("*.*")}
    assert found == set(monitoring_files()) | {"prometheus.yml"}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_board__as_grafana_reads_it__places_every_panel_without_overlap(board: object) -> None:
    made = json.loads(board_json(board))  # type: ignore[arg-type]
    assert made["uid"] in {one.uid for one in BOARDS}
    taken: set[tuple[int, int]] = set()
    panels = [panel for panel in made["panels"] if panel["type"] != "row"]
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["targets"], panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
