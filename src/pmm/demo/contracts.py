"""A fork with our contracts on it."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pmm.chain.deployments import Deployment, load_deployment
from pmm.chain.rpc import JsonRpc
from pmm.demo.child import Child
from pmm.domain import USDC, WETH, Address
from pmm.errors import PmmError
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from pmm.localnet.anvil import AnvilNode
from pmm.localnet.funding import deal
from pmm.localnet.upstream import upstream
from pmm.toolchain import project_root

NETWORK = "ethereum:mainnet-fork:foundry"
_INVENTORY = {WETH.address: 40 * 10**18, USDC.address: 120_000 * 10**6}
_HEARTBEAT_S = 90_000
# What a swap of the operator is judged by: both feeds, and how far below them it may sell.
_HEDGEABLE = [
    *("--feed", f"{WETH.address}={ETH_USD_FEED},{_HEARTBEAT_S}"),
    *("--feed", f"{USDC.address}={USDC_USD_FEED},{_HEARTBEAT_S}"),
    *("--band", f"{WETH.address},{USDC.address}=100"),
]
_LENDING = ["--debt-cap-usd=1000000", "--notional-cap-usdc=10000000"]
_APE_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """A fork with our contracts deployed and inventory in them; ``record`` is what the server reads."""

    rpc: JsonRpc
    rpc_url: str
    deployment: Deployment
    record: Path
    folder: Path


def open_contracts(
    stack: ExitStack,
    say: Callable[[str], None],
    *,
    inventory: Mapping[Address, int] = _INVENTORY,
    hedged: bool = False,
) -> Contracts:
    """Start a fork and deploy on it; everything ends when ``stack`` closes.

    Args:
        inventory: base units given to the settlement contract, all of which 1inch's contract may move.
        hedged: with what `pmm desk` needs to hedge: feeds, a band, a lending account.

    Raises:
        SetupError, ChainError: a process did not start; the message holds the end of its log.
    """
    folder = project_root() / ".pmm" / "runs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    say(f"upstream: {'MAINNET_RPC_URL' if os.environ.get('MAINNET_RPC_URL') else 'the offline mainnet'}")
    source_url = stack.enter_context(upstream(any_port=True))
    fork = stack.enter_context(AnvilNode(fork_url=source_url))
    say(f"fork of it at {fork.url}, chain id 1")
    rpc = stack.enter_context(JsonRpc(fork.url))
    record = folder / "deployment.json"
    say("deploying with Ape (the first time it compiles the contracts)")
    # An allowance is finite, as the contract wants it: what fills on 1inch can use, and not more.
    allowances = [
        word for token, amount in inventory.items() for word in ("--router-allowance", f"{token}={amount}")
    ]
    scripts = [("settlement", allowances + (_HEDGEABLE if hedged else []))]
    if hedged:
        scripts += [("hooks", []), ("lending", _LENDING)]
    _deploy(record, fork.url, source_url, folder, say, scripts)
    deployment = load_deployment(record)
    settlement = deployment.address("RfqSettlement")
    for token, amount in inventory.items():
        deal(rpc, token, settlement, amount)
    return Contracts(rpc=rpc, rpc_url=fork.url, deployment=deployment, record=record, folder=folder)


def _deploy(
    record: Path,
    fork_url: str,
    source_url: str,
    folder: Path,
    say: Callable[[str], None],
    scripts: list[tuple[str, list[str]]],
) -> None:
    environment = {"APE_FOUNDRY_HOST": fork_url, "PMM_UPSTREAM_RPC_URL": source_url}
    for script, options in scripts:
        command = [str(Path(sys.executable).with_name("ape")), "run", "deploy", script, "--network", NETWORK]
        log = folder / f"deploy-{script}.log"
        with Child(
            f"script `ape run deploy {script}`",
            [*command, "--record", str(record), *options],
            log=log,
            environment=environment,
        ) as child:
            if child.wait(_APE_TIMEOUT_S) != 0:
                raise PmmError(f"expected `ape run deploy {script}` to succeed: {child.tail(8)}")
            say(child.tail(1))
