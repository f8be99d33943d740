"""``pmm status``: the desk on one page."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pmm.errors import ChainError, SetupError
from pmm.settings import load_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_PAUSE_S = 2.0


@app.callback(invoke_without_command=True)
def status(
    rpc: Annotated[str | None, typer.Option(help="Node to read.", show_default="the offline mainnet")] = None,
    deployment: Annotated[
        Path | None, typer.Option(help="Deployment record.", show_default="that of the chain")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Ledger file.", show_default="one per deployment")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings.", show_default="that of PMM_CONFIG")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds.")] = False,
) -> None:
    """Show the desk from its ledger and the node: head, inventory, delta, hedges, lending, risk. Reads only."""
    settings = load_settings(
        {"rpc_url": rpc, "deployment": deployment, **({"desk": {"ledger": ledger}} if ledger else {})},
        config=config,
    )
    from rich.live import Live

    from pmm.cli.status_tables import console, status_page
    from pmm.desk.status import read_status

    page = status_page(read_status(settings))
    if not watch:
        console().print(page)
        return
    with suppress(KeyboardInterrupt), Live(page, console=console(), auto_refresh=False) as live:
        while True:
            time.sleep(_PAUSE_S)
            try:
                page = status_page(read_status(settings))
            except (ChainError, SetupError) as error:
                live.update(f"{error}; trying again", refresh=True)
            else:
                live.update(page, refresh=True)
