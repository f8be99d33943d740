"""The page: one HTML file with its style and pictures inside, light or dark as the reader's machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from html import escape

from pmm.report import plots
from pmm.report.day import DayReport, Incident
from pmm.report.page_style import STYLE
from pmm.report.series import last
from pmm.report.var_days import var_days_plot
from pmm.risk.var_record import judge

_MOST_ROWS = 200
_UNKNOWN = ("unknown", "nothing was recorded", "warn")


def page(report: DayReport, *, made_at: datetime) -> str:
    """Return the whole file."""
    title = f"Day report, {report.day.isoformat()}"
    body = _nothing(report) if report.empty else "".join((_tiles(report), *_sections(report)))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{STYLE}</style></head><body><main>'
        f"<header><h1>{title}</h1><p>UTC, made {made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC</p></header>{body}"
        f"<footer><p>Audit log: {escape(report.audit or 'not read')}</p></footer></main></body></html>\n"
    )


def _nothing(report: DayReport) -> str:
    return (
        '<section class="card"><h2>Nothing happened</h2><p>Neither journal nor ledger holds anything of '
        f"{report.day.isoformat()} (UTC): no request, no fill, no reading of the desk, no alert. If the desk ran on "
        "that day, check that <code>--journal</code> and <code>--ledger</code> name its files.</p></section>"
    )


def _tiles(report: DayReport) -> str:
    acceptance = "" if report.acceptance is None else f"{report.acceptance:.0%} of the quotes"
    gas = sum(last(steps) for steps in report.gas_usd.values())
    pnl = last(report.pnl)
    # What was not recorded is unknown, and never a good zero.
    earned = (_usd(pnl), f"lowest {_usd(report.worst_pnl)}", "good" if pnl >= 0 else "bad")
    beyond = _beyond_var(report)
    volume = max(report.volume, report.filled_usd)
    tiles = (
        ("Profit and loss", *(earned if report.pnl else _UNKNOWN)),
        ("Fills", f"{report.filled:,}", acceptance, ""),
        ("Volume", _usd(volume), f"{report.requests:,} requests in the journal", ""),
        ("Gas", *((_usd(gas), "paid by us", "") if report.gas_usd else _UNKNOWN)),
        (
            "Worst state",
            report.worst_state,
            f"{report.troubles} warnings or worse",
            _tone(report.worst_state),
        ),
        ("Value at risk", *beyond),
    )
    return '<div class="tiles">' + "".join(_tile(*tile) for tile in tiles) + "</div>"


def _tile(name: str, value: str, note: str, tone: str) -> str:
    return (
        f'<div class="tile {tone}"><span class="name">{escape(name)}</span>'
        f'<span class="value">{escape(value)}</span><span class="note">{escape(note)}</span></div>'
    )


def _beyond_var(report: DayReport) -> tuple[str, str, str]:
    allowed, loss = report.allowed_loss, -report.worst_pnl
    if allowed is None:
        return _UNKNOWN
    if loss > allowed:
        return "exceeded", f"lost {_usd(loss)}, allowed {_usd(allowed)}", "bad"
    return "kept", f"lost {_usd(max(loss, 0.0))} at most, allowed {_usd(allowed)}", "good"


def _sections(report: DayReport) -> Iterable[str]:
    yield _section(
        "Profit and loss",
        _figure("Since the day began", lambda: plots.pnl_plot(report), bool(report.pnl)),
        _figure("Against the value at risk", lambda: plots.var_plot(report), bool(report.var)),
        _figure(
            "By token, USD",
            lambda: plots.bars_plot(_lasts(report.pnl_by_token), "token"),
            bool(report.pnl),
        ),
        _figure(
            "By component, USD",
            lambda: plots.bars_plot(_lasts(report.pnl_by_component), "component"),
            bool(report.pnl),
        ),
    )
    yield _section(
        "Value at risk against realised, day by day",
        _figure("The last 250 days, USD", lambda: var_days_plot(report.var_days), bool(report.var_days)),
        _verdicts(report),
    )
    yield _section(
        "Inventory and exposure",
        _figure("Inventory by token", lambda: plots.inventory_plot(report), bool(report.inventory)),
        _figure("Net delta", lambda: plots.delta_plot(report), bool(report.delta)),
        _figure("Liquidation buffer", lambda: plots.buffer_plot(report), bool(report.buffers)),
    )
    yield _section(
        "Quotes and hedges",
        _figure("Markouts of fills", lambda: plots.markout_plot(report.markouts), bool(report.markouts)),
        _table("Decisions", ("decision", "requests"), report.decisions),
        _table("Hedges", ("route and outcome", "count"), report.hedges),
        _table("Commands", ("command and outcome", "count"), report.actions),
    )
    yield _section(
        "Gas",
        _figure("Paid since the day began", lambda: plots.gas_plot(report), bool(report.gas_usd)),
        _figure("Price", lambda: plots.gas_price_plot(report), bool(report.gas_price)),
    )
    yield _incidents(report)


def _verdicts(report: DayReport) -> str:
    lines = "".join(
        f"<tr><td>{escape(one.method.replace('_', ' '))}</td><td>{escape(one.sentence)}</td></tr>"
        for one in judge(report.var_days)
    )
    if not lines:
        return (
            '<div class="card"><h3>Verdict</h3><p class="none">No forecast was kept until this day.</p></div>'
        )
    return (
        '<div class="card"><h3>Verdict</h3><table><thead><tr><th>method</th><th>record</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2><div class='grid'>{''.join(parts)}</div></section>"


def _figure(title: str, draw: Callable[[], str], known: bool) -> str:
    inside = draw() if known else '<p class="none">No reading of it on this day.</p>'
    return f'<figure class="card"><figcaption>{escape(title)}</figcaption>{inside}</figure>'


def _table(title: str, heads: tuple[str, str], rows: Mapping[str, int]) -> str:
    if not rows:
        return f'<div class="card"><h3>{escape(title)}</h3><p class="none">None on this day.</p></div>'
    lines = "".join(
        f'<tr><td>{escape(name.replace("_", " ").replace("/", ", "))}</td><td class="number">{count:,}</td></tr>'
        for name, count in rows.items()
    )
    return (
        f'<div class="card"><h3>{escape(title)}</h3><table><thead><tr><th>{escape(heads[0])}</th>'
        f'<th class="number">{escape(heads[1])}</th></tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _incidents(report: DayReport) -> str:
    if not report.incidents:
        return '<section><h2>Incidents</h2><div class="card"><p class="none">None on this day.</p></div></section>'
    shown = report.incidents[-_MOST_ROWS:]
    left = len(report.incidents) - len(shown)
    more = f"<p class='none'>{left} earlier ones are in the picture only.</p>" if left else ""
    rows = "".join(_incident(one) for one in shown)
    return (
        '<section><h2>Incidents</h2><figure class="card">'
        f"{plots.incident_plot(report.incidents, report)}</figure>"
        '<div class="card"><table><thead><tr><th>time</th><th>severity</th><th>what</th><th>detail</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{more}</div></section>"
    )


def _incident(one: Incident) -> str:
    moment = datetime.fromtimestamp(one.at_ms / 1_000, UTC)
    return (
        f'<tr><td class="time">{moment:%H:%M:%S}</td><td class="{_tone(one.severity)}">{escape(one.severity)}</td>'
        f"<td>{escape(one.what)}</td><td>{escape(one.detail)}</td></tr>"
    )


def _tone(state: str) -> str:
    return {
        "critical": "bad",
        "warning": "warn",
        "unknown": "warn",
        "normal": "good",
        "resolved": "good",
    }.get(state, "")


def _lasts(parts: Mapping[str, list[tuple[int, float]]]) -> dict[str, float]:
    return {name: last(steps) for name, steps in parts.items()}


def _usd(value: float) -> str:
    # Cents of a large sum say nothing; a loss that rounds to nothing is nothing.
    text = f"{abs(value):,.0f}" if abs(value) >= 10_000 else f"{abs(value):,.2f}"
    return f"-{text} USD" if value < 0 and float(text.replace(",", "")) else f"{text} USD"
