"""The demo itself: starts every process, lets the taker walk the day, and reads the accounts back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pmm.demo.accounts import HEDGER, LENDING, SETTLEMENT, TAKER, AccountLine, account_lines, read_balances
from pmm.demo.child import Child
from pmm.demo.contracts import Contracts, open_contracts
from pmm.demo.desk_facts import DeskFacts
from pmm.demo.desk_run import DemoDesk, QuoteServer
from pmm.demo.keys import DemoKeys, make_keys
from pmm.demo.loan import open_loan
from pmm.demo.past import write_past
from pmm.demo.price_day import PriceDay
from pmm.demo.schedule import Step
from pmm.demo.trade import Trade
from pmm.domain import USDC, WETH
from pmm.errors import PmmError
from pmm.localnet.anvil import free_port
from pmm.localnet.funding import NATIVE, deal
from pmm.report import write_day
from pmm.server.client import QuoteClient, QuoteRefused, wait_ready

_TAKER_FUNDS = {WETH.address: 2_000 * 10**18, USDC.address: 5_000_000 * 10**6, NATIVE: 100 * 10**18}
_ASSETS = (WETH.address, USDC.address)
_READY_TIMEOUT_S = 60.0
_STOPPED_TIMEOUT_S = 10.0
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Contracts):
    """The same with a quote server on it, and the desk beside it."""

    server_url: str
    keys: DemoKeys
    desk: DemoDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened, for the closing tables and the JSON file."""

    trades: list[Trade]
    accounts: list[AccountLine]
    desk: DeskFacts
    first_quote_s: float

    @property
    def balanced(self) -> bool:
        """Whether every balance is what signed orders, swap events and receipts say, to the unit, the desk's own book
        has equalled the chain in every turn, and the loan is repaid."""
        return all(line.difference == 0 for line in self.accounts) and self.desk.clean


def open_site(
    stack: ExitStack, say: Callable[[str], None], *, day: PriceDay, metrics_port: int | None = None
) -> Site:
    """Start fork, contracts, inventory, a loan, quote server and desk; as :func:`open_contracts`.

    The desk's price history ends at the price where ``day`` begins. ``metrics_port`` of 127.0.0.1 serves the desk's
    metrics, and the port behind it the quote server's.
    """
    contracts = open_contracts(stack, say, hedged=True)
    open_loan(contracts.rpc, contracts.deployment)
    port = free_port()
    server_url = f"http://127.0.0.1:{port}"
    keys = make_keys(contracts.folder)
    environment = {"PMM_AUTH_KEYS_FILE": str(keys.file)}
    if metrics_port is not None:
        environment["PMM_MONITORING_PORT"] = str(metrics_port + 1)
    server = stack.enter_context(
        Child(
            "quote server",
            serve_command(contracts, port),
            log=contracts.folder / "server.log",
            environment=environment,
        )
    )
    wait_for_server(server, server_url)
    refuse_stranger(server_url)
    say(f"quote server at {server_url} (API page {server_url}/docs)")
    # Behind the server: the desk watches it, and one that does not answer yet is down.
    desk = stack.enter_context(
        DemoDesk(
            rpc=contracts.rpc,
            record=contracts.record,
            journal=journal_file(contracts),
            folder=contracts.folder,
            quotes=QuoteServer(url=server_url, key=keys.desk),
            past=write_past(
                contracts.folder / "past.csv", now_s=int(time.time()), price_usd=day.minutes[0][1]
            ),
            metrics_port=metrics_port or 0,
            say=say,
        )
    )
    if metrics_port is not None:
        say(
            f"metrics of the desk at http://127.0.0.1:{metrics_port}/metrics, "
            f"of the quote server at http://127.0.0.1:{metrics_port + 1}/metrics"
        )
    return Site(
        rpc=contracts.rpc,
        rpc_url=contracts.rpc_url,
        deployment=contracts.deployment,
        record=contracts.record,
        folder=contracts.folder,
        server_url=server_url,
        keys=keys,
        desk=desk,
    )


def journal_file(contracts: Contracts) -> Path:
    """Return where server and desk have their journal."""
    return contracts.folder / "journal.sqlite"


def serve_command(contracts: Contracts, port: int) -> list[str]:
    """Return the command line of a quote server for these contracts."""
    command = [sys.executable, "-m", "pmm", "serve", "--rpc", contracts.rpc_url, "--port", str(port)]
    return [
        *command,
        "--deployment",
        str(contracts.record),
        "--journal",
        str(journal_file(contracts)),
    ]


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


def walk(site: Site, steps: list[Step], started_s: float, on_trade: Callable[[Trade], None]) -> Outcome:
    """Let a taker process make the requests, the desk turn after each, and return what happened.

    Balances are read back from the chain.
    """
    with Child(
        "taker",
        [sys.executable, "-m", "pmm.demo.taker"],
        log=site.folder / "taker.log",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as taker:
        lines = _lines(taker)
        _tell(taker, _task(site, steps))
        address = _reply(taker, lines)["address"]
        for token, amount in _TAKER_FUNDS.items():
            deal(site.rpc, token, address, amount)
        accounts = {
            SETTLEMENT: site.deployment.address("RfqSettlement"),
            HEDGER: site.deployment.address("AtomicHedger"),
            LENDING: site.deployment.address("LendingAccount"),
            TAKER: address,
        }
        before = read_balances(site.rpc, accounts, _ASSETS)
        site.desk.settle()
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
            site.desk.settle(trade)
            _tell(taker, "next")
        site.desk.value()
        if taker.wait(_STOPPED_TIMEOUT_S) != 0 or len(trades) != len(steps):
            raise PmmError(
                f"expected {len(steps)} requests from the taker, found {len(trades)}: {taker.tail()}"
            )
        after = read_balances(site.rpc, accounts, _ASSETS)
    return Outcome(
        trades=trades,
        accounts=account_lines(before, after, trades, site.desk.facts.moves),
        desk=site.desk.facts,
        first_quote_s=first_quote_s,
    )


def refuse_stranger(url: str) -> None:
    """See that who has no key gets no price; raises PmmError where one does."""
    with QuoteClient(url) as stranger:
        try:
            stranger.levels()
        except QuoteRefused as refusal:
            if refusal.status == _UNAUTHORIZED:
                return
            raise
    raise PmmError(f"expected {url} to refuse prices to who has no key, it gave some")


def write_report(site: Site) -> Path:
    """Write the report of today out of the desk's ledger and the journal, and return the file."""
    site.desk.note()
    target = site.folder / "day.html"
    write_day(datetime.now(UTC).date(), journal=journal_file(site), ledger=site.desk.ledger, target=target)
    return target


def _task(site: Site, steps: list[Step]) -> str:
    task: dict[str, Any] = {
        "rpc_url": site.rpc_url,
        "server_url": site.server_url,
        "server_key": site.keys.taker,
        "health_key": site.keys.health,
        "settlement": site.deployment.address("RfqSettlement"),
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
