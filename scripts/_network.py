"""What every script needs to know about the network it runs on, and who pays."""

from __future__ import annotations

from typing import cast

import ape
import click
from ape.api import AccountAPI


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


def announce(execute: bool) -> bool:
    """Say where the script runs and return whether it sends transactions."""
    provider = ape.networks.provider
    sends = execute or not is_live()
    mode = "sending transactions" if sends else "DRY RUN, nothing is sent; add --execute to send"
    click.echo(f"network {provider.network_choice}, chain id {provider.chain_id}: {mode}")
    return sends
