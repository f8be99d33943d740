"""Options of the commands about the desk, and the settings that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pmm.settings import ServeSettings, load_settings

Rpc = Annotated[str | None, typer.Option(help="Node of the desk.", show_default="the offline mainnet")]
DeploymentRecord = Annotated[
    Path | None, typer.Option(help="Deployment record.", show_default="that of the chain")
]
LedgerFile = Annotated[Path | None, typer.Option(help="Ledger file.", show_default="one per deployment")]
ConfigFile = Annotated[
    Path | None, typer.Option(help="TOML file of settings.", show_default="that of PMM_CONFIG")
]


def desk_settings(
    rpc: str | None, deployment: Path | None, ledger: Path | None, config: Path | None
) -> ServeSettings:
    """Return the settings with what the options say; raises InvalidInput."""
    desk = {"desk": {"ledger": ledger}} if ledger else {}
    return load_settings({"rpc_url": rpc, "deployment": deployment, **desk}, config=config)
