"""What every script needs to know about the network it runs on, and who pays."""

from __future__ import annotations

from typing import Any, cast

import ape
import click
from ape.api import AccountAPI
from ape.contracts import ContractContainer


def is_live() -> bool:
    """Return whether transactions here cost money: not a fork, not a local chain."""
    network = ape.networks.provider.network
    return not (network.is_fork or network.is_local)


def choose_account(alias: str | None) -> AccountAPI:
    """Return the account that signs: one of `ape accounts` by alias, or on a fork the first test account."""
    if alias:
        return cast("AccountAPI", ape.accounts.load(alias))
    if is_live():
        raise click.UsageError(
            "expected --account ALIAS on a live network (create one with `ape accounts generate ALIAS`), found none"
        )
    return cast("AccountAPI", ape.accounts.test_accounts[0])


def print_estimate(container: ContractContainer, arguments: tuple[Any, ...], sender: AccountAPI) -> None:
    """Print what the deployment would cost at the present base fee."""
    provider = ape.networks.provider
    transaction = container.constructor.serialize_transaction(*arguments, sender=sender)
    gas = provider.estimate_gas_cost(transaction)
    cost_wei = gas * (provider.base_fee + provider.priority_fee)
    click.echo(
        f"{container.contract_type.name} would take {gas:,} gas, {cost_wei / 10**18:.6f} ETH at the present fee"
    )


def announce(execute: bool) -> bool:
    """Say where the script runs and return whether it sends transactions."""
    provider = ape.networks.provider
    sends = execute or not is_live()
    mode = "sending transactions" if sends else "DRY RUN, nothing is sent; add --execute to send"
    click.echo(f"network {provider.network_choice}, chain id {provider.chain_id}: {mode}")
    return sends
