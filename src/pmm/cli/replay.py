"""``pmm replay``: price a journal's requests again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pmm.errors import InvalidInput
from pmm.execution import PairBook
from pmm.models import find_model
from pmm.pricing import STANDARD
from pmm.replay import Difference, ReplayReport, recorded_quotes
from pmm.replay import replay as run
from pmm.server.assembly import pair_policies, quote_limits
from pmm.settings import ServeSettings, load_settings, parse_pair

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def replay(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DAY_OR_JOURNAL", help="Journal, a file or a postgresql:// URL, or a UTC day YYYY-MM-DD."
        ),
    ],
    model: Annotated[str, typer.Option(help="Model that prices.")] = STANDARD,
    journal: Annotated[
        str | None,
        typer.Option(
            help="Journal that a day is taken from.", show_default="PMM_DATABASE_URL, else PMM_JOURNAL"
        ),
    ] = None,
) -> None:
    """Price a journal's requests again, under the PMM_ settings as `pmm serve` reads them.

    With the model that priced them every decision and price must come out byte for byte as recorded: the first
    difference is printed and the exit status is 1. With another model the differences are counted.
    """
    settings = load_settings()
    where, day = _where(source, journal or _journal_of(settings))
    found = find_model(model)
    pairs = PairBook(pair_policies(settings, [parse_pair(name) for name in settings.pairs]))
    exact = model == STANDARD
    report = run(
        recorded_quotes(where, day=day),
        found,
        pairs=pairs,
        limits=quote_limits(settings),
        stop_at_first=exact,
    )
    _print(report, model, exact=exact)
    if report.priced == 0 and report.other_policy:
        raise InvalidInput(
            f"replay: expected the settings that the server had, found others: all {report.other_policy} decisions "
            "were made under another policy; set the same PMM_ variables"
        )
    if exact and report.differences:
        raise typer.Exit(1)


def _where(source: str, journal: Path | str | None) -> tuple[Path | str, date | None]:
    try:
        day = date.fromisoformat(source)
    except ValueError:
        return source, None
    if journal is None:
        raise InvalidInput(
            f"replay: expected --journal, PMM_DATABASE_URL or PMM_JOURNAL for the day {source}, found none"
        )
    return journal, day


def _journal_of(settings: ServeSettings) -> Path | str | None:
    """Return where the server of these settings writes."""
    url = settings.database_url
    return settings.journal if url is None else url.get_secret_value()


def _print(report: ReplayReport, model: str, *, exact: bool) -> None:
    typer.echo(
        f"{report.priced} decisions priced again by {model}, {report.not_priced} requests never priced, "
        f"{report.other_policy} left out (made under other settings)"
    )
    if exact:
        typer.echo("byte for byte as recorded" if not report.differences else _text(report.differences[0]))
        return
    typer.echo(f"{len(report.differences)} decisions differ")
    if report.both_quoted:
        mean = report.better_bps_e2 / report.both_quoted / 100
        typer.echo(f"{report.both_quoted} quoted by both; the taker gets {mean:+.2f} bps on average")


def _text(difference: Difference) -> str:
    return (
        f"first difference: quote {difference.quote_id}, {difference.what}\n"
        f"  recorded: {difference.recorded}\n  replayed: {difference.replayed}"
    )
