"""Command line: ``pmm <group> <command>``. Joins the packages below; nothing imports it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from pmm import __version__
from pmm.errors import PmmError

# name -> (module, attribute, one-line help). Modules load on use: `pmm order hash` must not import web3.
_COMMANDS: dict[str, tuple[str, str, str]] = {
    "order": ("pmm.cli.order", "app", "Hash, sign, verify and explain 1inch-style orders."),
    "limits": ("pmm.cli.limits", "app", "Say what a stolen signer key can lose."),
    "localnet": ("pmm.cli.localnet", "app", "Run the offline mainnet."),
    "serve": ("pmm.cli.serve", "app", "Serve signed quotes to relayers over HTTP."),
    "desk": ("pmm.cli.desk", "app", "Follow the chain, keep the books, hedge."),
    "status": ("pmm.cli.status", "app", "Show the desk on one page."),
    "actions": ("pmm.cli.actions", "app", "Answer commands of the desk that ask."),
    "otc": ("pmm.cli.otc", "app", "Enter negotiated trades."),
    "keys": ("pmm.cli.keys", "app", "Make, list and revoke keys of relayers and operators."),
    "config": ("pmm.cli.config", "app", "Show the settings in force."),
    "signer": ("pmm.cli.signer", "app", "Sign in a process of its own."),
    "demo": ("pmm.cli.demo", "app", "Run the main job end to end and print what happened."),
    "replay": ("pmm.cli.replay", "app", "Price a journal's requests again."),
    "shadow": ("pmm.cli.shadow", "app", "Decide without a key, on live or recorded feeds and requests."),
    "report": ("pmm.cli.report", "app", "Write a day's report from journal and ledger."),
    "model": ("pmm.cli.model", "app", "List pricing models and check them."),
    "data": ("pmm.cli.data", "app", "Fetch recorded market data."),
}


class _LazyGroup(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        sub_app: Any = getattr(import_module(module), attribute)
        command = typer.main.get_command(sub_app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(
    help="On-chain proprietary market maker: quote, sign, settle, hedge.", invoke_without_command=True
)
def _root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        typer.echo(f"pmm {__version__}")
        raise typer.Exit


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; a ``PmmError`` becomes one line on stderr and its exit code."""
    try:
        app(args=list(argv) if argv is not None else None, prog_name="pmm")
    except PmmError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
