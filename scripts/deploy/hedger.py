"""Deploy AtomicHedger where the recorded settlement expects it: ``ape run deploy hedger``.

``ape run deploy settlement`` does it too; this finishes a run that was interrupted between the two. The settlement
was built with the address of the deploying account's next contract, so it has to be that account, before it sends
anything else.
"""

from __future__ import annotations

from pathlib import Path

import ape
import click
from ape.api import AccountAPI
from ape.cli import ConnectedProviderCommand
from web3.utils.address import get_create_address

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


def hedger_arguments(settlement: str) -> dict[str, str]:
    """Return the constructor's arguments by name."""
    return {
        "settlement": settlement,
        "uniswapV2Factory": UNISWAP_V2_FACTORY,
        "uniswapV3Factory": UNISWAP_V3_FACTORY,
        "uniswapV4PoolManager": UNISWAP_V4_POOL_MANAGER,
        "morpho": MORPHO_BLUE,
        "balancerVault": BALANCER_V2_VAULT,
        "aavePool": AAVE_V3_POOL,
    }


def deploy_hedger(account: AccountAPI, settlement: str, path: Path) -> None:
    """Deploy the hedger of ``settlement`` and add it to the record at ``path``.

    Raises:
        click.ClickException: it would not come to stand where the settlement expects it; nothing was sent.
    """
    expected = ape.project.RfqSettlement.at(settlement).hedger()
    if int(expected, 16) == 0:
        raise click.ClickException(
            f"expected a settlement with a hedger, found that {settlement} has none for good"
        )
    if ape.networks.provider.get_code(expected):
        if "AtomicHedger" not in load_deployment(path).contracts:
            raise click.ClickException(
                f"expected the record {shown(path)} to name the AtomicHedger that stands already, at {expected}, "
                "found that it does not; restore the record, or deploy anew while this settlement holds nothing"
            )
        click.echo(f"AtomicHedger stands already, at {expected}")
        return
    found = get_create_address(account.address, account.nonce)
    if found != expected:
        raise click.ClickException(
            f"expected the next contract of {account.address} at {expected}, the hedger of {settlement}, "
            f"found {found}; deploy with the account that deployed the settlement, or, if that has sent something "
            "since, run `ape run deploy settlement` again"
        )
    arguments = hedger_arguments(settlement)
    hedger = account.deploy(ape.project.AtomicHedger, *arguments.values())
    write(path, describe(hedger, arguments), {}, fresh=False)
    click.echo(f"AtomicHedger at {hedger.address}, recorded in {shown(path)}")


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to read and extend.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
def cli(alias: str | None, record: Path | None, execute: bool) -> None:
    """Deploy AtomicHedger where the recorded settlement expects it."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    path = record or default_record_path()
    settlement = load_deployment(path).address("RfqSettlement")
    arguments = tuple(hedger_arguments(settlement).values())
    click.echo(f"AtomicHedger{arguments}")
    if not sends:
        print_estimate(ape.project.AtomicHedger, arguments, account)
        return
    deploy_hedger(account, settlement, path)
