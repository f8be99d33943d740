"""Value at risk against realised, day by day: the picture and the lines of ``pmm report var``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from pmm.desk.backtest_ledger import DAY_MS
from pmm.report.plot_style import BAD, DATES, GOOD, INK, LINES, QUIET, STYLE, moment, svg
from pmm.risk.var_record import DAYS_FOR_A_VERDICT, VarDay, judge


def var_days_plot(days: Sequence[VarDay]) -> str:
    """Bars of what each day brought, over the loss that each method allowed.

    Pale where it does not count; without a fill where it is replayed from a price history.
    """
    shown = days[-DAYS_FOR_A_VERDICT:]
    methods = sorted({method for one in shown for method in one.forecasts})
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 2.7), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=QUIET, linewidth=0.8)
        for one in shown:
            if one.realised_usd is not None:
                colour = BAD if any(map(one.exceeded, one.forecasts)) else GOOD if one.counts else QUIET
                axes.bar(
                    _at(one.day),
                    one.realised_usd,
                    color="none" if one.replayed else colour,
                    edgecolor=colour if one.replayed else "none",
                    width=0.7,
                    alpha=1 if one.counts else 0.4,
                )
        for colour, method in zip(LINES, methods, strict=False):
            _allowed(axes, [one for one in shown if method in one.forecasts], method, colour)
        # Half a day on either side: one day alone is a bar, too.
        axes.set_xlim(_at(shown[0].day) - 0.8, _at(shown[-1].day) + 0.8)
        axes.xaxis_date(tz=UTC)
        axes.xaxis.set_major_locator(DATES.AutoDateLocator(minticks=1, maxticks=6))
        axes.xaxis.set_major_formatter(DATES.DateFormatter("%d %b", tz=UTC))
        axes.set_ylabel("USD")
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.tick_params(axis="x", labelcolor=INK)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.3)
        return svg(figure, "var-days")


def var_lines(days: Sequence[VarDay]) -> Iterable[str]:
    """Return the verdict of each method, and the days that were beyond, open, lost, or not whole."""
    if not days:
        yield "no forecast was kept yet: the desk keeps one a day, once it has seen enough prices"
    for verdict in judge(days):
        yield f"{verdict.method}: {verdict.sentence}"
    for one in days[-DAYS_FOR_A_VERDICT:]:
        if remark := _remark(one):
            yield f"{datetime.fromtimestamp(one.day * DAY_MS / 1_000, UTC):%Y-%m-%d}: {remark}"


def _remark(one: VarDay) -> str:
    if not one.closed:
        return "open; " + _said(one)
    if one.realised_usd is None:
        return "lost, nobody saw the prices of its end; " + _said(one)
    beyond = [method for method in one.forecasts if one.exceeded(method)]
    brought = f"brought {one.realised_usd:,.2f} USD; {_said(one)}"
    if not one.whole:
        return f"does not count, its forecast came after the day's first hour; {brought}"
    replayed = "replayed; " if one.replayed else ""
    return f"{replayed}beyond {', '.join(beyond)}; {brought}" if beyond else ""


def _said(one: VarDay) -> str:
    said = ", ".join(f"{method} {forecast.var_usd:,.2f}" for method, forecast in one.forecasts.items())
    return f"VaR {said} USD of {one.capital_usd:,.0f} capital"


def _allowed(axes: Any, days: Sequence[VarDay], method: str, colour: str) -> None:
    axes.hlines(
        [-one.forecasts[method].var_usd for one in days],
        [_at(one.day) - 0.45 for one in days],
        [_at(one.day) + 0.45 for one in days],
        color=colour,
        linewidth=1.6,
        label=f"VaR {method.replace('_', ' ')}",
    )


def _at(day: int) -> float:
    return moment(day * DAY_MS)
