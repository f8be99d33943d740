"""Pictures of a day as SVG, by matplotlib. Colours are names that the page's style gives a value, light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from pmm.report.day import DayReport, Incident, MarkoutLine
from pmm.report.plot_style import BAD, DATES, GOOD, INK, LINES, QUIET, STYLE, WARN, moment, svg
from pmm.report.series import Steps

_SEVERITY: Final = {
    "critical": BAD,
    "warning": WARN,
    "action": LINES[0],
    "recovery": LINES[3],
    "normal": GOOD,
    "resolved": GOOD,
}
_MAIN: Final = ("total", "realised")
# Midnight is 00:00 and not a date: the page is about one day.
_ZEROS: Final = ["", "%Y", "%b", "%H:%M", "%H:%M", "%H:%M"]
_MOST_LINES: Final = len(LINES)


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
        for level, colour in ((0.02, WARN), (0.05, BAD)):
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
        for level, colour in ((0.5, WARN), (0.1, BAD)):
            axes.axhline(level, color=colour, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_ylim(bottom=0)

    return _lines_plot(_largest(report.buffers), report, unit="ratio", more=bands, name="buffer")


def bars_plot(values: Mapping[str, float], name: str) -> str:
    """Sums, the largest first, gains and losses in their colours."""
    ordered = sorted(values.items(), key=lambda one: one[1])
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 0.55 + 0.34 * len(ordered)), layout="constrained")
        axes = figure.subplots()
        colours = [GOOD if value >= 0 else BAD for _, value in ordered]
        bars = axes.barh(
            [key.replace("_", " ") for key, _ in ordered],
            [value for _, value in ordered],
            color=colours,
            height=0.62,
        )
        axes.bar_label(bars, labels=[f"{value:,.2f}" for _, value in ordered], padding=4, color=INK)
        axes.axvline(0, color=QUIET, linewidth=0.8)
        axes.grid(axis="y", visible=False)
        axes.margins(x=0.22)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        return svg(figure, name)


def markout_plot(lines: Sequence[MarkoutLine]) -> str:
    """Mean and middle half of the markouts at each horizon."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        places = list(range(len(lines)))
        axes.vlines(
            places,
            [one.low for one in lines],
            [one.high for one in lines],
            color=LINES[0],
            linewidth=7,
            alpha=0.35,
        )
        means = [one.mean for one in lines]
        colours = [GOOD if mean >= 0 else BAD for mean in means]
        axes.scatter(places, means, color=colours, s=42, zorder=3)
        for place, mean in zip(places, means, strict=True):
            axes.annotate(f"{mean:+.1f}", (place, mean), (9, 0), textcoords="offset points", va="center")
        axes.axhline(0, color=QUIET, linewidth=0.8)
        axes.set_xticks(
            places, [f"{one.horizon_s} s\n{one.count} fill{'s' * (one.count != 1)}" for one in lines]
        )
        axes.set_xlim(-0.5, len(lines) - 0.35)
        axes.margins(y=0.2)
        axes.set_ylabel("bps, our gain")
        return svg(figure, "markouts")


def incident_plot(incidents: Sequence[Incident], report: DayReport) -> str:
    """When things went wrong and when something was done."""
    kinds = sorted({_kind(one) for one in incidents})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.6, 0.7 + 0.32 * len(kinds)), layout="constrained")
        axes = figure.subplots()
        for severity in sorted({one.severity for one in incidents}):
            chosen = [one for one in incidents if one.severity == severity]
            colour = _SEVERITY.get(severity, QUIET)
            axes.scatter(
                [moment(one.at_ms) for one in chosen],
                [kinds.index(_kind(one)) for one in chosen],
                color=colour,
                s=34,
                label=severity,
                zorder=3,
            )
        axes.set_yticks(range(len(kinds)), kinds)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(-0.6, len(kinds) - 0.4)
        _time_axis(axes, report)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=6, handletextpad=0.2)
        return svg(figure, "incidents")


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
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        if zero:
            axes.axhline(0, color=QUIET, linewidth=0.8)
        end = moment(_span(report)[1])
        for colour, (label, steps) in zip(LINES, shown.items(), strict=False):
            style = (0, (5, 2)) if dashed and label.startswith(dashed) else "solid"
            # What stood last stands to the end of the record.
            moments = [*(moment(at_ms) for at_ms, _ in steps), end]
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
        return svg(figure, name)


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
    axes.set_xlim(moment(first), moment(last))
    axes.xaxis_date(tz=UTC)
    locator = DATES.AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        DATES.ConciseDateFormatter(locator, tz=UTC, show_offset=False, zero_formats=_ZEROS)
    )
