"""``pmm model``: list pricing models and check them."""

from __future__ import annotations

from typing import Annotated

import typer

from pmm.models import check_model, find_model, model_names

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """List pricing models and check them."""


@app.command("list")
def list_models() -> None:
    """Print the names of all installed models."""
    for name in model_names():
        typer.echo(name)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Model to check.")],
    skip_time: Annotated[bool, typer.Option("--skip-time", help="Leave its time out.")] = False,
) -> None:
    """Check what any model must keep; exit status 1 if it does not.

    The same input gives the same answer, inputs stay as they are, amounts and rounding are right, no firm quote is
    better than the ladder, exact input and output agree, bad input is refused, and the time is bounded.
    """
    model = find_model(name)
    breaches = check_model(model, time_ratio=None) if skip_time else check_model(model)
    for breach in breaches:
        typer.echo(f"{breach.check}: {breach.detail}")
    if breaches:
        raise typer.Exit(1)
    typer.echo(f"{name} conforms")
