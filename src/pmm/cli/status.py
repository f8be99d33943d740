"""``pmm status``: the desk on one page."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated

import typer

from pmm.cli.desk_options import ConfigFile, DeploymentRecord, LedgerFile, Rpc, desk_settings
from pmm.errors import ChainError, SetupError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
_PAUSE_S = 2.0


@app.callback(invoke_without_command=True)
def status(
    rpc: Rpc = None,
    deployment: DeploymentRecord = None,
    ledger: LedgerFile = None,
    config: ConfigFile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds.")] = False,
) -> None:
    """Show the desk from its ledger and the node: head, inventory, delta, hedges, lending, risk. Reads only."""
    settings = desk_settings(rpc, deployment, ledger, config)
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
