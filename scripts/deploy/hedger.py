"""Deploy AtomicHedger for the recorded settlement and join the two: ``ape run deploy hedger``."""

from __future__ import annotations

from pathlib import Path

import ape
import click
from ape.cli import ConnectedProviderCommand

from pmm.chain.addresses import (
    AAVE_V3_POOL,
    BALANCER_V2_VAULT,
    MORPHO_BLUE,
    UNISWAP_V2_FACTORY,
    UNISWAP_V3_FACTORY,
    UNISWAP_V4_POOL_MANAGER,
)
from pmm.chain.deployments import load_deployment
from scripts._build import compile_if_changed
from scripts._network import announce, choose_account, print_estimate
from scripts._record import default_record_path, describe, shown, write

# ModuleKind of the settlement.
HEDGER = 0


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to read and extend.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
def cli(alias: str | None, record: Path | None, execute: bool) -> None:
    """Deploy AtomicHedger for the recorded settlement and join the two (once, for ever)."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    path = record or default_record_path()
    settlement = ape.project.RfqSettlement.at(load_deployment(path).address("RfqSettlement"))
    arguments = {
        "settlement": settlement.address,
        "uniswapV2Factory": UNISWAP_V2_FACTORY,
        "uniswapV3Factory": UNISWAP_V3_FACTORY,
        "uniswapV4PoolManager": UNISWAP_V4_POOL_MANAGER,
        "morpho": MORPHO_BLUE,
        "balancerVault": BALANCER_V2_VAULT,
        "aavePool": AAVE_V3_POOL,
    }
    click.echo(f"AtomicHedger{tuple(arguments.values())}")
    if not sends:
        print_estimate(ape.project.AtomicHedger, tuple(arguments.values()), account)
        click.echo(f"then {settlement.owner()} calls setModule({HEDGER}, ...) on {settlement.address}")
        return
    hedger = account.deploy(ape.project.AtomicHedger, *arguments.values())
    if settlement.owner() == account.address:
        settlement.setModule(HEDGER, hedger, sender=account)
    else:
        click.echo(f"left to {settlement.owner()}: setModule({HEDGER}, {hedger.address})")
    write(path, describe(hedger, arguments), {}, fresh=False)
    click.echo(f"AtomicHedger at {hedger.address}, recorded in {shown(path)}")
