"""Our contracts with a lending account on one fork; every test starts from the same block, ETH at 3,000 USD."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from pmm.chain.deployments import load_deployment
from pmm.chain.lending_commands import LendingCommandSender
from pmm.chain.lending_reader import find_lending
from pmm.chain.lending_state import LendingStateReader
from pmm.chain.sender import (
    LedgerTransactionStore,
    LocalTransactionKey,
    SenderPolicy,
    TransactionSender,
    make_operator,
    read_identity,
    same_node,
)
from pmm.chain.web3_node import Web3Node
from pmm.domain import USDC, WETH, Address, SigningKey, parse_address
from pmm.execution.lending import KeeperPolicy, LendingKeeper
from pmm.ledger import open_ledger
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from pmm.localnet.node import make_present
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price
from tests.fork.lending.lending_site import Site
from tests.fork.server.conftest import desk_node  # noqa: F401 - a fixture
from tests.fork.server.site import Deployed

_NETWORK = "ethereum:mainnet-fork:foundry"
_LIMITS = ("--debt-cap-usd=1000000", "--notional-cap-usdc=10000000", "--max-cost-bps=100")
_HEARTBEAT_S = 90_000
ETH_USD = Decimal(3_000)


@pytest.fixture(scope="session")
def lending_desk(desk_node: Deployed) -> Deployed:  # noqa: F811
    """The desk with hooks, lending account and delta hedger joined."""
    source = desk_node.rpc.call("anvil_nodeInfo")["forkConfig"]["forkUrl"]
    for script, options in (("hooks", ()), ("lending", _LIMITS)):
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ape")),
                *("run", "deploy", script, "--network", _NETWORK),
                *("--record", str(desk_node.record), *options),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "APE_FOUNDRY_HOST": desk_node.rpc.url, "PMM_UPSTREAM_RPC_URL": source},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with ChainBuilder(desk_node.rpc) as chain:
        # What the delta hedger judges the cost of a swap by.
        for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
            values = token.address, feed, _HEARTBEAT_S
            chain.transact(
                desk_node.settlement, "setFeed(address,address,uint40)", *values, sender=desk_node.owner
            )
    set_price(desk_node.rpc, "ETH", ETH_USD)
    return desk_node


@pytest.fixture
def site(lending_desk: Deployed, tmp_path: Path) -> Iterator[Site]:
    """A keeper on the fork, whose key is the operator."""
    rpc = lending_desk.rpc
    snapshot = rpc.call("evm_snapshot")
    base_fee = rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
    make_present(rpc.url)
    settlement = parse_address(lending_desk.settlement)
    key = SigningKey.generate(secrets.token_bytes)
    make_operator(rpc, settlement, key.address)
    ledger = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=settlement)
    node = Web3Node(rpc.url, timeout_s=30)
    plan = find_lending(node, settlement, (WETH, USDC))
    assert plan is not None
    sender = TransactionSender(
        node=rpc,
        key=LocalTransactionKey(key),
        store=LedgerTransactionStore(ledger),
        chain_id=1,
        policy=SenderPolicy(confirmations=1),
        allowed=same_node(rpc, read_identity(rpc)),
    )
    spare: dict[Address, int] = {}
    source = LendingStateReader(
        node, plan, (WETH, USDC), settlement=settlement, spare=lambda _: dict(spare), max_cost_bps=100
    )
    commands = LendingCommandSender(
        sender,
        settlement=settlement,
        delta_hedger=parse_address(load_deployment(lending_desk.record).address("DeltaHedger")),
    )
    with ChainBuilder(rpc) as chain:
        yield Site(
            chain=chain,
            settlement=settlement,
            owner=lending_desk.owner,
            plan=plan,
            sender=sender,
            source=source,
            keeper=LendingKeeper(source=source, sender=commands, policy=KeeperPolicy()),
            spare=spare,
        )
    ledger.close()
    rpc.call("evm_setAutomine", True)
    rpc.call("evm_revert", snapshot)
    rpc.call("anvil_setNextBlockBaseFeePerGas", base_fee)
    make_present(rpc.url)
