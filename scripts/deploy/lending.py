"""Deploy LendingAccount and DeltaHedger for the recorded settlement and join them: ``ape run deploy lending``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from ape.cli import ConnectedProviderCommand

from pmm.chain.addresses import AAVE_V3_POOL, MORPHO_BLUE, ONEINCH_ROUTER, UNISWAP_V3_FACTORY, WETH
from pmm.chain.deployments import load_deployment
from pmm.domain import USDC
from pmm.localnet.addresses import COMPOUND_CETH, COMPOUND_COMPTROLLER, COMPOUND_CUSDC
from scripts._build import compile_if_changed
from scripts._network import announce, choose_account, print_estimate
from scripts._record import default_record_path, describe, shown, write

# ModuleKind of the settlement.
LENDING_ACCOUNT = 2
AAVE_V3, COMPOUND_V2 = 1, 2
C_TOKENS = {WETH: COMPOUND_CETH, USDC.address: COMPOUND_CUSDC}


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to read and extend.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
@click.option("--floor-bps", default=11_000, show_default=True, help="Lowest health factor after an exit.")
@click.option("--debt-cap-usd", default=0, show_default=True, help="Most debt in each market; 0 allows none.")
@click.option(
    "--max-cost-bps", default=50, show_default=True, help="Largest cost of a hedge against Chainlink."
)
@click.option(
    "--notional-cap-usdc", default=0, show_default=True, help="Most hedged in a window; 0 allows none."
)
@click.option("--window-s", default=3_600, show_default=True, help="Length of that window.")
def cli(
    alias: str | None,
    record: Path | None,
    execute: bool,
    floor_bps: int,
    debt_cap_usd: int,
    max_cost_bps: int,
    notional_cap_usdc: int,
    window_s: int,
) -> None:
    """Deploy both, join them, list WETH and USDC in both markets, and set the limits where the owner deploys."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    path = record or default_record_path()
    settlement = ape.project.RfqSettlement.at(load_deployment(path).address("RfqSettlement"))
    arguments = {
        "settlement": settlement.address,
        "aavePool": AAVE_V3_POOL,
        "comptroller": COMPOUND_COMPTROLLER,
        "cEther": COMPOUND_CETH,
        "weth": WETH,
        "floorBps": floor_bps,
    }
    click.echo(f"LendingAccount{tuple(arguments.values())}")
    if not sends:
        print_estimate(ape.project.LendingAccount, tuple(arguments.values()), account)
        click.echo(
            f"then DeltaHedger, and {settlement.owner()} joins and limits the two; see contracts/LENDING.md"
        )
        return
    lending = account.deploy(ape.project.LendingAccount, *arguments.values())
    write(path, describe(lending, arguments), {}, fresh=False)
    hedger_arguments = {
        "settlement": settlement.address,
        "lendingAccount": lending.address,
        "uniswapV3Factory": UNISWAP_V3_FACTORY,
        "morpho": MORPHO_BLUE,
        "oneInchRouter": ONEINCH_ROUTER,
        "unitToken": USDC.address,
    }
    hedger = account.deploy(ape.project.DeltaHedger, *hedger_arguments.values())
    write(path, describe(hedger, hedger_arguments), {}, fresh=False)
    steps: list[tuple[Any, tuple[Any, ...]]] = [
        (settlement.setModule, (LENDING_ACCOUNT, lending.address)),
        (lending.setDeltaHedger, (hedger.address,)),
        *((lending.listAaveToken, (token,)) for token in C_TOKENS),
        *((lending.listCompoundMarket, pair) for pair in C_TOKENS.items()),
        *((lending.setDebtCap, (market, debt_cap_usd)) for market in (AAVE_V3, COMPOUND_V2)),
        (hedger.setLimits, (max_cost_bps, notional_cap_usdc * 10**USDC.decimals, window_s)),
    ]
    _configure(steps, settlement.owner(), account)
    click.echo(
        f"LendingAccount at {lending.address}, DeltaHedger at {hedger.address}, recorded in {shown(path)}"
    )


def _configure(steps: list[tuple[Any, tuple[Any, ...]]], owner: str, account: Any) -> None:
    """Take the owner's steps, or say which are left to it."""
    for method, arguments in steps:
        if owner == account.address:
            method(*arguments, sender=account)
        else:
            name = method.abis[0].name
            click.echo(f"left to {owner}: {name}{arguments} on {method.contract.address}")
