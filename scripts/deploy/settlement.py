"""Deploy RfqSettlement with its hedger and lens, set it up and record all: ``ape run deploy settlement``.

On a live network nothing is sent without --execute; steps that only the owner may take are printed where the
deploying account is not the owner.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from ape.cli import ConnectedProviderCommand
from web3.utils.address import get_create_address

from pmm.chain.addresses import ONEINCH_ROUTER, WETH
from pmm.domain import MAINNET_TOKENS
from scripts._build import compile_if_changed
from scripts._guards import guard_options, guard_steps
from scripts._network import announce, choose_account, print_estimate
from scripts._record import default_record_path, describe, shown, write
from scripts.deploy.hedger import deploy_hedger
from scripts.deploy.lens import deploy_lens

CORE_TOKENS = tuple(token.address for token in MAINNET_TOKENS)


@click.command(cls=ConnectedProviderCommand)
@click.option("--account", "alias", help="Account of `ape accounts` that deploys; a test account on a fork.")
@click.option("--owner", help="Cold owner; the deploying account by default.")
@click.option("--guardian", help="Hot key that may only reduce.")
@click.option("--operator", help="Hot key that hedges.")
@click.option("--signer", "signers", multiple=True, help="Quoting key to authorise; may be repeated.")
@click.option("--lanes", default=4, show_default=True, help="Lanes of each signer.")
@click.option("--max-expiry-s", default=300, show_default=True, help="How far ahead an order may expire.")
@click.option("--token", "tokens", multiple=True, default=CORE_TOKENS, help="Core token; may be repeated.")
@click.option(
    "--router-allowance",
    "router_allowances",
    multiple=True,
    metavar="TOKEN=AMOUNT",
    help="Finite allowance of the 1inch contract in base units; may be repeated.",
)
@guard_options
@click.option("--record", type=click.Path(path_type=Path), help="Deployment record to write.")
@click.option("--execute", is_flag=True, help="Send transactions on a live network.")
def cli(alias: str | None, owner: str | None, record: Path | None, execute: bool, **options: Any) -> None:
    """Deploy RfqSettlement, AtomicHedger and SettlementLens, set the first up and record all."""
    sends = announce(execute)
    compile_if_changed()
    account = choose_account(alias)
    owner = owner or account.address
    arguments = {
        "owner": owner,
        "weth": WETH,
        "oneInchRouter": ONEINCH_ROUTER,
        # The next contract of the account: each of the two names the other.
        "hedger": get_create_address(account.address, account.nonce + 1),
        "coreTokens": list(options["tokens"]),
    }
    click.echo(f"RfqSettlement{tuple(arguments.values())}")
    steps = _owner_steps(options)
    if not sends:
        print_estimate(ape.project.RfqSettlement, tuple(arguments.values()), account)
        click.echo("then AtomicHedger(the settlement, ...) is deployed, by the same account")
        for method, values in steps:
            click.echo(f"then {owner} calls {method}{values}")
        click.echo("then SettlementLens(the settlement) is deployed")
        return
    settlement = account.deploy(ape.project.RfqSettlement, *arguments.values())
    path = record or default_record_path()
    parameters = {"owner": owner, **{key: value for key, value in options.items() if value}}
    write(path, describe(settlement, arguments), parameters, fresh=True)
    click.echo(f"RfqSettlement at {settlement.address}, recorded in {shown(path)}")
    deploy_hedger(account, settlement.address, path)
    for method, values in steps:
        if owner == account.address:
            getattr(settlement, method)(*values, sender=account)
        else:
            click.echo(f"left to {owner}: {method}{values}")
    deploy_lens(account, settlement.address, path)


def _owner_steps(options: dict[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    steps: list[tuple[str, tuple[Any, ...]]] = [("setMaxExpiry", (options["max_expiry_s"],))]
    for role in ("guardian", "operator"):
        if options[role]:
            steps.append((f"set{role.capitalize()}", (options[role],)))
    for pair in options["router_allowances"]:
        token, _, amount = pair.partition("=")
        if not amount.isdigit():
            raise click.UsageError(f"expected --router-allowance TOKEN=AMOUNT in base units, found {pair!r}")
        steps.append(("setRouterAllowance", (token, int(amount))))
    # Guards before lanes: a signer never signs under looser rules than these.
    steps += guard_steps(**{name: options[name] for name in ("caps", "feeds", "bands", "guards")})
    steps += [("initLanes", (signer, options["lanes"])) for signer in options["signers"]]
    return steps
