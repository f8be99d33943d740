"""``pmm shadow``: full decisions and markouts, with no key in the process."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from pmm.domain import forbid_signing_keys
from pmm.errors import InvalidInput
from pmm.execution import PairBook
from pmm.models import find_model
from pmm.pricing import STANDARD
from pmm.replay import ShadowDecision, recorded_quotes, shadow_decisions
from pmm.replay.live_shadow import live_quotes
from pmm.server.assembly import pair_policies, quote_limits
from pmm.settings import load_settings, parse_pair

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def shadow(
    journal: Annotated[
        str | None,
        typer.Option(
            help="Journal, a file or a postgresql:// URL, whose feeds and requests are decided on again."
        ),
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option(help="Bodies of POST /order, one a line, decided on the live node; - reads stdin."),
    ] = None,
    model: Annotated[str, typer.Option(help="Model that prices.")] = STANDARD,
    out: Annotated[
        Path | None, typer.Option(help="File for the decisions, JSON lines.", show_default="stdout")
    ] = None,
) -> None:
    """Decide without a key: every request with its full decision and markouts, on recorded or live feeds.

    No signing key can exist in this process: creating one raises. Settings are those of `pmm serve`.
    """
    forbid_signing_keys("pmm shadow runs without keys")
    if (journal is None) == (requests is None):
        raise InvalidInput("shadow: expected one of --journal and --requests, found neither or both")
    settings, found = load_settings(), find_model(model)
    pairs = PairBook(pair_policies(settings, [parse_pair(name) for name in settings.pairs]))
    limits = quote_limits(settings)
    if journal is not None:
        quotes = recorded_quotes(journal)
    else:
        assert requests is not None
        quotes = live_quotes(settings, found, pairs, limits, lines=_lines(requests), left_out=_say_left_out)
    with _target(out) as target:
        _write(shadow_decisions(quotes, found, pairs=pairs, limits=limits), target)


def _write(decisions: Iterable[ShadowDecision], target: IO[str]) -> None:
    decided = quoted = 0
    for decision in decisions:
        decided += 1
        quoted += decision.choice.offer is not None
        target.write(decision.to_json().decode() + "\n")
        target.flush()
    typer.echo(f"{decided} requests decided, {quoted} would have been quoted, nothing signed", err=True)


def _say_left_out(number: int, reason: str) -> None:
    typer.echo(f"line {number} left out: {reason}", err=True)


def _lines(path: Path) -> Iterator[bytes]:
    if str(path) == "-":
        yield from sys.stdin.buffer
        return
    try:
        with path.open("rb") as lines:
            yield from lines
    except OSError as error:
        raise InvalidInput(f"requests: expected a file at {path}, found: {error.strerror}") from error


@contextmanager
def _target(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("w") as target:
            yield target
    except OSError as error:
        raise InvalidInput(f"out: expected to write {out}, found: {error.strerror}") from error
