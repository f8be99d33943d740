"""Boards as Grafana reads them; needs grafana-foundation-sdk, which `make setup` installs."""

from __future__ import annotations

import json
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from pmm.monitoring.boards.board import Board, Panel, PanelKind

_DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT: Final = 8
_STATES: Final = (
    ("0", "normal", "green"),
    ("1", "recovery", "blue"),
    ("2", "warning", "orange"),
    ("3", "critical", "red"),
)
_BUILDERS: Final[dict[PanelKind, Any]] = {
    PanelKind.LINES: timeseries.Panel,
    PanelKind.NUMBER: stat.Panel,
    PanelKind.STATES: statetimeline.Panel,
    PanelKind.TABLE: table.Panel,
    PanelKind.BARS: bargauge.Panel,
}


def board_json(board: Board) -> str:
    """Return the text of a board's file, the same every time."""
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.says)
        .tags(["pmm"])
        .timezone("utc")
        .refresh("10s")
        .time("now-6h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for section in board.sections:
        built = built.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            built = built.with_panel(_panel(panel))
    return json.dumps(built.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _panel(panel: Panel) -> Any:
    builder = (
        _BUILDERS[panel.kind]()
        .title(panel.title)
        .description(panel.says)
        .datasource(_DATASOURCE)
        .height(_HEIGHT)
        .span(panel.width)
        .unit(panel.unit)
    )
    for number, query in enumerate(panel.queries):
        target = (
            prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + number)).datasource(_DATASOURCE)
        )
        if panel.kind is PanelKind.TABLE:
            target = target.instant().format(PromQueryFormat.TABLE)
        elif panel.kind is PanelKind.BARS:
            target = target.instant().legend_format(query.legend)
        else:
            target = target.range().legend_format(query.legend)
        builder = builder.with_target(target)
    if panel.kind is PanelKind.STATES:
        return builder.mappings([_states()])
    if panel.kind is PanelKind.TABLE:
        hidden = dict.fromkeys(("Time", "__name__", "job", "instance"), True)
        return builder.with_transformation(
            models.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
        )
    if panel.lines is not None:
        builder = builder.thresholds(_thresholds(*panel.lines))
        if panel.kind is PanelKind.LINES:
            builder = builder.thresholds_style(
                common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
            )
    return builder


def _thresholds(warning: float, critical: float) -> Any:
    steps = [models.Threshold(value=None, color="green")]
    if warning < critical:
        steps.append(models.Threshold(value=warning, color="orange"))
    steps.append(models.Threshold(value=critical, color="red"))
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _states() -> models.ValueMap:
    return models.ValueMap(
        options={
            number: models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (number, text, colour) in enumerate(_STATES)
        }
    )
