"""``pmm report``: a day as one HTML file, value at risk against its days, an incident as Markdown."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pmm.cli.desk_options import ConfigFile
from pmm.errors import InvalidInput
from pmm.settings import load_settings
from pmm.settings_risk import risk_settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Reports from journal and ledger.")


@app.callback()
def _root() -> None:
    """Reports from journal and ledger."""


@app.command()
def day(
    day: Annotated[
        str | None, typer.Argument(help="UTC day, YYYY-MM-DD, today or yesterday.", show_default="yesterday")
    ] = None,
    journal: Annotated[str | None, typer.Option(help="Journal: a file or a postgresql:// URL.")] = None,
    ledger: Annotated[str | None, typer.Option(help="The desk's ledger: a file or a URL.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write.", show_default="day-YYYY-MM-DD.html")
    ] = None,
) -> None:
    """Write what happened on a day: profit and loss, inventory, delta, value at risk, markouts, gas, incidents.

    Reads beside running processes. A day of which nothing is recorded gets a page that says so.
    """
    if journal is None and ledger is None:
        raise InvalidInput("report: expected --journal, --ledger or both, found neither")
    chosen = _day(day)
    target = out or Path(f"day-{chosen.isoformat()}.html")
    # Imported late: matplotlib takes a while.
    from pmm.report import write_day

    report = write_day(chosen, journal=journal, ledger=ledger, target=target)
    if report.empty:
        typer.echo(f"{target}: nothing happened on {chosen.isoformat()}")
    else:
        typer.echo(
            f"{target}: {report.filled} fills, {len(report.incidents)} incidents, worst state {report.worst_state}"
        )


@app.command()
def var(
    ledger: Annotated[str | None, typer.Option(help="The desk's ledger: a file or a URL.")] = None,
) -> None:
    """Hold value at risk against what the days brought: exceptions, Kupiec, Christoffersen, traffic light.

    Below 250 days there is no verdict. Reads beside a running desk.
    """
    if ledger is None:
        raise InvalidInput("report: expected --ledger, the desk's; `pmm desk` names it when it starts")
    from pmm.report.reading import read_var_days
    from pmm.report.var_days import var_lines

    for line in var_lines(read_var_days(ledger)):
        typer.echo(line)


@app.command()
def incident(
    name: Annotated[
        str | None,
        typer.Argument(help="Id of an incident, or latest.", show_default="list those of --days"),
    ] = None,
    ledger: Annotated[str | None, typer.Option(help="The desk's ledger: a file or a URL.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How far back to look.")] = 30,
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="standard output")] = None,
    config: ConfigFile = None,
) -> None:
    """Write the report of an incident as Markdown: money, cause candidates, timeline, commands, thresholds to review.

    An incident is the time in which the desk was critical or recovering; its id is when it began. Reads beside a
    running desk.
    """
    if ledger is None:
        raise InvalidInput("report: expected --ledger, the desk's; `pmm desk` names it when it starts")
    settings = load_settings(config=config)
    from pmm.report.incidents import list_incidents, write_incident

    now_ms = time.time_ns() // 1_000_000
    if name is None:
        found = list_incidents(ledger, now_ms=now_ms, days=days)
        for one in found:
            typer.echo(one.line)
        if not found:
            typer.echo(f"no incident in {days} days")
        return
    text = write_incident(ledger, name, risk_settings(settings.risk), now_ms=now_ms, days=days)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise InvalidInput(
            f"--out {out}: expected a file that can be written, found: {error.strerror}"
        ) from error
    typer.echo(f"{out}: written")


def _day(text: str | None) -> date:
    today = datetime.now(UTC).date()
    if text in (None, "yesterday"):
        return today - timedelta(days=1)
    if text == "today":
        return today
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise InvalidInput(
            f"report: expected a day as YYYY-MM-DD, today or yesterday, found {text!r:.40}"
        ) from None
