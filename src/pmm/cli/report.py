"""``pmm report day``: one HTML file about a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pmm.errors import InvalidInput

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
