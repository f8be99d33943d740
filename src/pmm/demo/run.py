"""The demo itself: starts every process, lets the taker walk the day, and reads the accounts back."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pmm.chain.deployments import Deployment, load_deployment
from pmm.chain.rpc import JsonRpc
from pmm.demo.accounts import HEDGER, SETTLEMENT, TAKER, AccountLine, account_lines, read_balances
from pmm.demo.child import Child
from pmm.demo.price_day import PriceDay
from pmm.demo.schedule import Step
from pmm.demo.trade import Trade
from pmm.domain import USDC, WETH, Address
from pmm.errors import PmmError
from pmm.localnet.anvil import AnvilNode, free_port
from pmm.localnet.funding import NATIVE, deal
from pmm.localnet.upstream import upstream
from pmm.server.client import wait_ready
from pmm.toolchain import project_root

NETWORK = "ethereum:mainnet-fork:foundry"
_INVENTORY = {WETH.address: 40 * 10**18, USDC.address: 120_000 * 10**6}
_TAKER_FUNDS = {WETH.address: 2_000 * 10**18, USDC.address: 5_000_000 * 10**6, NATIVE: 100 * 10**18}
_ASSETS = (WETH.address, USDC.address)
_APE_TIMEOUT_S = 180.0
_READY_TIMEOUT_S = 60.0
_STOPPED_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """A fork with our contracts deployed and inventory in them; ``record`` is what the server reads."""

    rpc: JsonRpc
    rpc_url: str
    deployment: Deployment
    record: Path
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Contracts):
    """The same with a quote server on it."""

    server_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened, for the closing tables and the JSON file."""

    trades: list[Trade]
    accounts: list[AccountLine]
    first_quote_s: float

    @property
    def balanced(self) -> bool:
        """Whether every balance is what signed orders, swap events and receipts say, to the unit."""
        return all(line.difference == 0 for line in self.accounts)


def open_contracts(
    stack: ExitStack, say: Callable[[str], None], *, inventory: Mapping[Address, int] = _INVENTORY
) -> Contracts:
    """Start a fork and deploy on it; everything ends when ``stack`` closes.

    Args:
        inventory: base units given to the settlement contract, all of which 1inch's contract may move.

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
    _deploy(record, fork.url, source_url, folder, say, allowances=inventory)
    deployment = load_deployment(record)
    settlement = deployment.address("RfqSettlement")
    for token, amount in inventory.items():
        deal(rpc, token, settlement, amount)
    return Contracts(rpc=rpc, rpc_url=fork.url, deployment=deployment, record=record, folder=folder)


def open_desk(stack: ExitStack, say: Callable[[str], None]) -> Desk:
    """Start fork, contracts, inventory and quote server; as :func:`open_contracts`."""
    contracts = open_contracts(stack, say)
    port = free_port()
    server_url = f"http://127.0.0.1:{port}"
    server = stack.enter_context(
        Child("quote server", serve_command(contracts, port), log=contracts.folder / "server.log")
    )
    wait_for_server(server, server_url)
    say(f"quote server at {server_url} (API page {server_url}/docs)")
    return Desk(
        rpc=contracts.rpc,
        rpc_url=contracts.rpc_url,
        deployment=contracts.deployment,
        record=contracts.record,
        folder=contracts.folder,
        server_url=server_url,
    )


def serve_command(contracts: Contracts, port: int) -> list[str]:
    """Return the command line of a quote server for these contracts."""
    command = [sys.executable, "-m", "pmm", "serve", "--rpc", contracts.rpc_url, "--port", str(port)]
    return [
        *command,
        "--deployment",
        str(contracts.record),
        "--journal",
        str(contracts.folder / "journal.sqlite"),
    ]


def _deploy(
    record: Path,
    fork_url: str,
    source_url: str,
    folder: Path,
    say: Callable[[str], None],
    *,
    allowances: Mapping[Address, int],
) -> None:
    environment = {"APE_FOUNDRY_HOST": fork_url, "PMM_UPSTREAM_RPC_URL": source_url}
    words = [
        word for token, amount in allowances.items() for word in ("--router-allowance", f"{token}={amount}")
    ]
    for script, options in (("settlement", words), ("hedger", [])):
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


def wait_for_server(server: Child, url: str) -> None:
    """Wait until the server quotes; raise SetupError where it ended, PmmError where it does not answer."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while True:
        server.check_alive()
        try:
            wait_ready(url, timeout_s=1.0)
        except PmmError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def walk(desk: Desk, steps: list[Step], started_s: float, on_trade: Callable[[Trade], None]) -> Outcome:
    """Let a taker process make the requests and return what happened, balances read back from the chain."""
    with Child(
        "taker",
        [sys.executable, "-m", "pmm.demo.taker"],
        log=desk.folder / "taker.log",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as taker:
        lines = _lines(taker)
        settlement = desk.deployment.address("RfqSettlement")
        _tell(taker, _task(desk, steps))
        address = _reply(taker, lines)["address"]
        for token, amount in _TAKER_FUNDS.items():
            deal(desk.rpc, token, address, amount)
        accounts = {
            SETTLEMENT: settlement,
            HEDGER: desk.deployment.address("AtomicHedger"),
            TAKER: address,
        }
        before = read_balances(desk.rpc, accounts, _ASSETS)
        _tell(taker, "funded")
        # Approvals cost ether too; they belong to no trade.
        before[TAKER, NATIVE] -= int(_reply(taker, lines)["setup_gas_wei"])
        trades: list[Trade] = []
        first_quote_s = 0.0
        for line in lines:
            trade = Trade.from_json(line)
            trades.append(trade)
            on_trade(trade)
            first_quote_s = first_quote_s or time.monotonic() - started_s
        if taker.wait(_STOPPED_TIMEOUT_S) != 0 or len(trades) != len(steps):
            raise PmmError(
                f"expected {len(steps)} requests from the taker, found {len(trades)}: {taker.tail()}"
            )
        after = read_balances(desk.rpc, accounts, _ASSETS)
    return Outcome(trades=trades, accounts=account_lines(before, after, trades), first_quote_s=first_quote_s)


def _task(desk: Desk, steps: list[Step]) -> str:
    task: dict[str, Any] = {
        "rpc_url": desk.rpc_url,
        "server_url": desk.server_url,
        "settlement": desk.deployment.address("RfqSettlement"),
        "steps": [asdict(step) for step in steps],
    }
    return json.dumps(task, default=str)


def _tell(child: Child, line: str) -> None:
    if child.process.stdin is None:
        raise PmmError(f"the {child.name} was started without a pipe to it")
    try:
        child.process.stdin.write(line + "\n")
        child.process.stdin.flush()
    except BrokenPipeError as error:
        raise PmmError(f"expected the {child.name} to listen, it ended: {child.tail()}") from error


def _lines(child: Child) -> Iterator[str]:
    if child.process.stdout is None:
        raise PmmError(f"the {child.name} was started without a pipe from it")
    yield from child.process.stdout


def _reply(child: Child, lines: Iterator[str]) -> dict[str, str]:
    line = next(lines, None)
    if line is None:
        child.wait(_STOPPED_TIMEOUT_S)
        raise PmmError(f"expected an answer of the {child.name}, it ended: {child.tail()}")
    reply: dict[str, str] = json.loads(line)
    return reply


def demo_day(day: PriceDay) -> str:
    """Return one line that says where the prices come from."""
    low, high = (f(price for _, price in day.minutes) for f in (min, max))
    kind = "recorded" if day.recorded else "SYNTHETIC"
    return f"{kind} day: {day.origin}, ETH {low:,.2f} to {high:,.2f} USD"
