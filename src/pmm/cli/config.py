"""``pmm config show | table``: the settings in force, and what there is to set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmm.settings import load_settings
from pmm.settings_changes import flat, shown
from pmm.settings_table import settings_page, variable_of

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Settings of the server.")

_Config = Annotated[
    Path | None, typer.Option("--config", help="TOML file.", show_default="that of PMM_CONFIG")
]


@app.command()
def show(config: _Config = None) -> None:
    """Print every setting as `pmm serve` would take it; secrets are not shown."""
    for name, value in flat(load_settings(config=config)).items():
        seen = shown(name, value)
        text = "" if seen is None else str(seen).lower() if isinstance(seen, bool) else str(seen)
        typer.echo(f"{variable_of(name)}={text}")


@app.command()
def table() -> None:
    """Print docs/settings.md."""
    typer.echo(settings_page(), nl=False)
