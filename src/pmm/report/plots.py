"""Pictures of a day as SVG, by matplotlib. Colours are names that the page's style gives a value, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import matplotlib as mpl
import matplotlib.dates
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from pmm.report.day import DayReport, Incident, MarkoutLine
from pmm.report.series import Steps

# Colours that no plot would choose, and the variables that they become.
_INK, _QUIET, _GRID, _GOOD, _BAD, _WARN = "#010101", "#010102", "#010103", "#010104", "#010105", "#010106"
_LINES: Final = ("#020201", "#020202", "#020203", "#020204", "#020205", "#020206", "#020207")
_VARIABLES: Final = {
    _INK: "ink",
    _QUIET: "quiet",
    _GRID: "grid",
    _GOOD: "good",
    _BAD: "bad",
    _WARN: "warn",
    **{colour: f"s{number}" for number, colour in enumerate(_LINES, 1)},
}
# Parts of matplotlib that have no types.
_DATES: Final[Any] = matplotlib.dates
_STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pmm",
    # A name with two dollar signs is a name, and no formula.
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _QUIET,
    "axes.edgecolor": _GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _QUIET,
    "ytick.color": _QUIET,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}
_SEVERITY: Final = {
    "critical": _BAD,
    "warning": _WARN,
    "action": _LINES[0],
    "recovery": _LINES[3],
    "normal": _GOOD,
    "resolved": _GOOD,
}
_MAIN: Final = ("total", "realised")
# Midnight is 00:00 and not a date: the page is about one day.
_ZEROS: Final = ["", "%Y", "%b", "%H:%M", "%H:%M", "%H:%M"]
_MOST_LINES: Final = len(_LINES)


def pnl_plot(report: DayReport) -> str:
    """Profit and loss since the day began: total and tokens."""
    lines = {"total": report.pnl, **(_largest(report.pnl_by_token) if len(report.pnl_by_token) > 1 else {})}
    return _lines_plot(lines, report, unit="USD", zero=True, name="pnl")


def inventory_plot(report: DayReport) -> str:
    """Inventory by token."""
    return _lines_plot(_largest(report.inventory), report, unit="USD", name="inventory")


def delta_plot(report: DayReport) -> str:
    """Net delta with the lines of the risk book at 2 % and 5 %."""

    def bands(axes: Any) -> None:
        for level, colour in ((0.02, _WARN), (0.05, _BAD)):
            for sign in (1, -1):
                axes.axhline(sign * level, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        most = max([0.055, *(abs(value) * 1.1 for steps in report.delta.values() for _, value in steps)])
        axes.set_ylim(-most, most)

    return _lines_plot(_largest(report.delta), report, unit="ratio", zero=True, more=bands, name="delta")


def var_plot(report: DayReport) -> str:
    """Realised profit and loss against the loss that the value at risk allows."""
    allowed = {
        f"VaR {name.replace('_', ' ')}": [(at, -value) for at, value in steps]
        for name, steps in sorted(report.var.items())
    }
    return _lines_plot(
        {"realised": report.pnl} | allowed, report, unit="USD", zero=True, dashed="VaR", name="var"
    )


def gas_plot(report: DayReport) -> str:
    """Gas paid since the day began, by purpose."""
    return _lines_plot(_largest(report.gas_usd), report, unit="USD", name="gas")


def gas_price_plot(report: DayReport) -> str:
    """The price of gas."""
    return _lines_plot({"gas price": report.gas_price}, report, unit="gwei", name="gas-price")


def buffer_plot(report: DayReport) -> str:
    """Liquidation buffers with their lines at 50 % and 10 %."""

    def bands(axes: Any) -> None:
        for level, colour in ((0.5, _WARN), (0.1, _BAD)):
            axes.axhline(level, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_ylim(bottom=0)

    return _lines_plot(_largest(report.buffers), report, unit="ratio", more=bands, name="buffer")


def bars_plot(values: Mapping[str, float], name: str) -> str:
    """Sums, the largest first, gains and losses in their colours."""
    ordered = sorted(values.items(), key=lambda one: one[1])
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 0.55 + 0.34 * len(ordered)), layout="constrained")
        axes = figure.subplots()
        colours = [_GOOD if value >= 0 else _BAD for _, value in ordered]
        bars = axes.barh(
            [key.replace("_", " ") for key, _ in ordered],
            [value for _, value in ordered],
            color=colours,
            height=0.62,
        )
        axes.bar_label(bars, labels=[f"{value:,.2f}" for _, value in ordered], padding=4, color=_INK)
        axes.axvline(0, color=_QUIET, linewidth=0.8)
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.22)
        axes.tick_params(axis="y", labelcolor=_INK)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        return _svg(figure, name)


def markout_plot(lines: Sequence[MarkoutLine]) -> str:
    """Mean and middle half of the markouts at each horizon."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        places = list(range(len(lines)))
        axes.vlines(
            places,
            [one.low for one in lines],
            [one.high for one in lines],
            color=_LINES[0],
            linewidth=7,
            alpha=0.35,
        )
        means = [one.mean for one in lines]
        colours = [_GOOD if mean >= 0 else _BAD for mean in means]
        axes.scatter(places, means, color=colours, s=42, zorder=3)
        for place, mean in zip(places, means, strict=True):
            axes.annotate(f"{mean:+.1f}", (place, mean), (9, 0), textcoords="offset points", va="center")
        axes.axhline(0, color=_QUIET, linewidth=0.8)
        axes.set_xticks(
            places, [f"{one.horizon_s} s\n{one.count} fill{'s' * (one.count != 1)}" for one in lines]
        )
        axes.set_xlim(-0.5, len(lines) - 0.35)
        axes.margins(y=0.2)
        axes.set_ylabel("bps, our gain")
        return _svg(figure, "markouts")


def incident_plot(incidents: Sequence[Incident], report: DayReport) -> str:
    """When things went wrong and when something was done."""
    kinds = sorted({_kind(one) for one in incidents})
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.6, 0.7 + 0.32 * len(kinds)), layout="constrained")
        axes = figure.subplots()
        for severity in sorted({one.severity for one in incidents}):
            chosen = [one for one in incidents if one.severity == severity]
            colour = _SEVERITY.get(severity, _QUIET)
            axes.scatter(
                [_moment(one.at_ms) for one in chosen],
                [kinds.index(_kind(one)) for one in chosen],
                color=colour,
                s=34,
                label=severity,
                zorder=3,
            )
        axes.set_yticks(range(len(kinds)), kinds)
        axes.tick_params(axis="y", labelcolor=_INK)
        axes.set_ylim(-0.6, len(kinds) - 0.4)
        _time_axis(axes, report)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, handletextpad=0.2)
        return _svg(figure, "incidents")


def _kind(one: Incident) -> str:
    return one.what if len(one.what) <= 34 else one.what[:33] + "…"


def _lines_plot(
    lines: Mapping[str, Steps],
    report: DayReport,
    *,
    unit: str,
    name: str,
    zero: bool = False,
    dashed: str = "",
    more: Any = None,
) -> str:
    shown = {label: steps for label, steps in lines.items() if steps}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        if zero:
            axes.axhline(0, color=_QUIET, linewidth=0.8)
        end = _moment(_span(report)[1])
        for colour, (label, steps) in zip(_LINES, shown.items(), strict=False):
            style = (0, (5, 2)) if dashed and label.startswith(dashed) else "solid"
            # What stood last stands to the end of the record.
            moments = [*(_moment(at_ms) for at_ms, _ in steps), end]
            values = [*(value for _, value in steps), steps[-1][1]]
            width = 2.4 if label in _MAIN else 1.5
            axes.step(
                moments, values, where="post", color=colour, label=label, linestyle=style, linewidth=width
            )
        if more is not None:
            more(axes)
        _time_axis(axes, report)
        axes.set_ylabel("" if unit == "ratio" else unit)
        axes.yaxis.set_major_formatter(
            PercentFormatter(1, decimals=None) if unit == "ratio" else EngFormatter(sep="")
        )
        if set(shown) != {"gas price"}:
            axes.legend(
                loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.3, columnspacing=1.2
            )
        return _svg(figure, name)


def _largest(parts: Mapping[str, Steps]) -> dict[str, Steps]:
    """Return the lines that reach furthest from zero: more than six cannot be told apart."""
    reach = sorted(parts, key=lambda name: -max((abs(value) for _, value in parts[name]), default=0.0))
    return {name: parts[name] for name in sorted(reach[: _MOST_LINES - 1])}


def _span(report: DayReport) -> tuple[int, int]:
    groups = (report.pnl_by_token, report.inventory, report.delta, report.var, report.gas_usd, report.buffers)
    times = [at for group in groups for steps in group.values() for at, _ in steps]
    times += [at for at, _ in (*report.gas_price, *report.portfolio)]
    times += [one.at_ms for one in report.incidents]
    # Where a line begins at midnight only because it stood before, it says nothing about when the desk ran.
    inside = [at for at in times if at > report.start_ms]
    if not inside:
        return report.start_ms, report.end_ms
    pad = max((max(inside) - min(inside)) // 40, 1_000)
    return max(min(inside) - pad, report.start_ms), min(max(inside) + pad, report.end_ms)


def _time_axis(axes: Any, report: DayReport) -> None:
    first, last = _span(report)
    axes.set_xlim(_moment(first), _moment(last))
    axes.xaxis_date(tz=UTC)
    locator = _DATES.AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        _DATES.ConciseDateFormatter(locator, tz=UTC, show_offset=False, zero_formats=_ZEROS)
    )


def _moment(at_ms: int) -> float:
    return float(_DATES.date2num(datetime.fromtimestamp(at_ms / 1_000, UTC)))


def _svg(figure: Figure, name: str) -> str:
    target = io.StringIO()
    figure.savefig(target, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = target.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Several pictures share a page: each keeps its names to itself.
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{name}-", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px var(--face)", text)
    return re.sub(r'<svg ([^>]*?)height="[\d.]+pt"([^>]*?)width="[\d.]+pt"', r"<svg \1\2", text, count=1)
