"""Deploy SettlementLens for the recorded settlement: ``ape run deploy lens``.

``ape run deploy settlement`` does it too; this is for a settlement that stands already, and for a newer lens. The
lens has no state, no role and no funds, so it can be replaced at any time.
"""

from __future__ import annotations

from pathlib import Path

import ape
import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand

from pmm.chain.deployments import load_deployment
from scripts._build import compile_if_changed
from scripts._network import announce, choose_account, print_estimate
from scripts._record import default_record_path, describe, shown, write


def deploy_lens(account: AccountAPI, settlement: str, path: Path) -> None:
    """Deploy a lens of ``settlement`` and add it to the record at ``path``."""
    lens = account.deploy(ape.project.SettlementLens, settlement)
    write(path, describe(lens, {"settlement": settlement}), {}, fresh=False)
    click.echo(f"SettlementLens at {lens.address}, recorded in {shown(path)}")


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to read and extend.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
def cli(alias: str | None, record: Path | None, execute: bool) -> None:
    """Deploy SettlementLens for the recorded settlement."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    path = record or default_record_path()
    settlement = load_deployment(path).address("RfqSettlement")
    click.echo(f"SettlementLens{(settlement,)}")
    if not sends:
        print_estimate(ape.project.SettlementLens, (settlement,), account)
        return
    deploy_lens(account, settlement, path)
