"""``pmm data fetch``: recorded market data for the demo and, later, for replays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import typer

from pmm.demo.fetch import API_URL, fetch_day
from pmm.demo.price_day import fetched_folder
from pmm.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, help="Fetch recorded market data.")


@app.callback()
def _group() -> None:
    """Keep ``fetch`` a subcommand: a Typer app with one command would otherwise run it directly."""


@app.command()
def fetch(
    day: str = typer.Option("", help="UTC day, YYYY-MM-DD; yesterday by default."),
    url: str = typer.Option(API_URL, help="Klines endpoint."),
) -> None:
    """Download one day of 1-minute ETH prices from a public exchange API."""
    try:
        chosen = date.fromisoformat(day) if day else datetime.now(UTC).date() - timedelta(days=1)
    except ValueError as error:
        raise InvalidInput(f"expected --day as YYYY-MM-DD, found {day!r}") from error
    typer.echo(f"fetching {chosen.isoformat()} from {url}", err=True)
    typer.echo(str(fetch_day(chosen, fetched_folder(), url=url)))
