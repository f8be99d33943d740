"""Deploy TakerPortal for the recorded settlement and join the two: ``ape run deploy portal``."""

from __future__ import annotations

from pathlib import Path

import ape
import click
from ape.cli import ConnectedProviderCommand

from pmm.chain.deployments import load_deployment
from scripts._build import compile_if_changed
from scripts._network import announce, choose_account, print_estimate
from scripts._record import default_record_path, describe, shown, write

# ModuleKind of the settlement.
TAKER_PORTAL = 3


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to read and extend.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
def cli(alias: str | None, record: Path | None, execute: bool) -> None:
    """Deploy TakerPortal for the recorded settlement and join the two (once, for ever)."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    path = record or default_record_path()
    settlement = ape.project.RfqSettlement.at(load_deployment(path).address("RfqSettlement"))
    arguments = {"settlement": settlement.address}
    click.echo(f"TakerPortal{tuple(arguments.values())}")
    if not sends:
        print_estimate(ape.project.TakerPortal, tuple(arguments.values()), account)
        click.echo(f"then {settlement.owner()} calls setModule({TAKER_PORTAL}, ...) on {settlement.address}")
        return
    portal = account.deploy(ape.project.TakerPortal, *arguments.values())
    if settlement.owner() == account.address:
        settlement.setModule(TAKER_PORTAL, portal, sender=account)
    else:
        click.echo(f"left to {settlement.owner()}: setModule({TAKER_PORTAL}, {portal.address})")
    write(path, describe(portal, arguments), {}, fresh=False)
    click.echo(f"TakerPortal at {portal.address}, recorded in {shown(path)}")
