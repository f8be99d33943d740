"""``pmm actions``: what the desk asks, and the answers of a person."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from pmm.cli.desk_options import ConfigFile, DeploymentRecord, LedgerFile, Rpc, desk_settings
from pmm.domain.unix_time import utc_text
from pmm.errors import InvalidInput

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Answer commands of the desk that ask.")
CommandId = Annotated[str, typer.Argument(help="Id of the command, as `pmm actions list` shows it.")]
Who = Annotated[str, typer.Option("--who", help="Your name, for the record; the user's stands beside it.")]


@app.callback()
def _root() -> None:
    """Answer commands of the desk that ask."""


@app.command("list")
def list_(
    rpc: Rpc = None,
    deployment: DeploymentRecord = None,
    ledger: LedgerFile = None,
    config: ConfigFile = None,
    day: Annotated[
        bool, typer.Option("--day", help="Every command of the last day, with its steps.")
    ] = False,
) -> None:
    """Show the commands that wait for a person (PMM_RISK_ASK), oldest first. Reads the ledger only."""
    settings = desk_settings(rpc, deployment, ledger, config)
    from pmm.desk.console_client import read_actions

    found = read_actions(settings, time.time_ns() // 1_000_000)
    if day:
        for command, steps in found.recent:
            typer.echo(f"{command.command_id}\n  {command.kind.value} of {command.subject}: {command.reason}")
            for step in steps:
                said = f", {step.detail}" if step.detail else ""
                typer.echo(f"  {utc_text(step.at_ms // 1000)} {step.status.value} ({step.who}){said}")
        return
    if not found.waiting:
        typer.echo("nothing waits for a person")
    for command in found.waiting:
        typer.echo(
            f"{command.command_id}\n  {command.kind.value} of {command.subject} since "
            f"{utc_text(command.changed_at_ms // 1000)}: {command.reason}"
        )


@app.command()
def approve(
    command_id: CommandId,
    who: Who = "",
    why: Annotated[str, typer.Option(help="For the record.")] = "",
    rpc: Rpc = None,
    deployment: DeploymentRecord = None,
    ledger: LedgerFile = None,
    config: ConfigFile = None,
) -> None:
    """Let the running desk do a command that asks."""
    _decide("approve", command_id, who, why, rpc, deployment, ledger, config)


@app.command()
def refuse(
    command_id: CommandId,
    why: Annotated[str, typer.Option(help="For the record.")],
    who: Who = "",
    rpc: Rpc = None,
    deployment: DeploymentRecord = None,
    ledger: LedgerFile = None,
    config: ConfigFile = None,
) -> None:
    """Drop a command that asks; it asks again after PMM_RISK_REPEAT_S while its reason lasts."""
    if not why.strip():
        raise InvalidInput("--why: expected why the command is refused, found nothing")
    _decide("refuse", command_id, who, why, rpc, deployment, ledger, config)


def _decide(
    do: str,
    command_id: str,
    who: str,
    why: str,
    rpc: Rpc,
    deployment: DeploymentRecord,
    ledger: LedgerFile,
    config: ConfigFile,
) -> None:
    settings = desk_settings(rpc, deployment, ledger, config)
    from pmm.desk.console_client import console_place, decide

    done = decide(console_place(settings), do, command_id, who=who, why=why)
    typer.echo(f"{done['id']}: {done['status']} by {done['who']}")
