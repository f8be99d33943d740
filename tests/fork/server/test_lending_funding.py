"""Genuine Aave and Compound behind our lending account: what is read is what they say, and a fill draws on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmm.chain.abi import decode_result, encode_call
from pmm.chain.addresses import AAVE_V3_POOL, COMPOUND_V2_COMPTROLLER
from pmm.chain.feeds import feeds_of
from pmm.chain.lending_reader import LendingPlan, LendingReader, find_lending
from pmm.chain.web3_node import Web3Node
from pmm.domain import USDC, WETH, RouterHookTerms, parse_address
from pmm.journal import read
from pmm.localnet.addresses import ETH_USD_FEED, USDC_USD_FEED
from pmm.localnet.funding import deal
from pmm.localnet.placement import ChainBuilder
from pmm.pricing import FeedReading, LendingReading
from tests.fork.server.site import (
    INVENTORY,
    TAKER,
    Deployed,
    approve_all,
    as_owner,
    fill,
    holdings,
    serving,
)

_NETWORK = "ethereum:mainnet-fork:foundry"
_SUPPLIED = 300_000 * 10**6
_OPERATOR = "operator()"


@pytest.fixture(scope="module")
def lending_desk(desk_node: Deployed) -> Iterator[Deployed]:
    """The desk with hooks and a lending account joined, and USDC supplied to both markets."""
    snapshot = desk_node.rpc.call("evm_snapshot")
    before = desk_node.record.read_text()
    source = desk_node.rpc.call("anvil_nodeInfo")["forkConfig"]["forkUrl"]
    for script, options in (("hooks", []), ("lending", ["--debt-cap-usd=100000"])):
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
        _supply(chain, desk_node)
    yield desk_node
    desk_node.record.write_text(before)
    desk_node.rpc.call("evm_revert", snapshot)


def _plan(node: Web3Node, deployed: Deployed) -> LendingPlan:
    plan = find_lending(node, parse_address(deployed.settlement), (WETH, USDC))
    assert plan is not None
    return plan


def _supply(chain: ChainBuilder, deployed: Deployed) -> None:
    plan = _plan(Web3Node(deployed.rpc.url, timeout_s=30), deployed)
    operator = chain.read(deployed.settlement, _OPERATOR, returns=("address",))
    if int(operator, 16) == 0:
        operator = deployed.owner
        chain.transact(deployed.settlement, "setOperator(address)", operator, sender=deployed.owner)
    for market in (1, 2):
        deal(chain.rpc, USDC.address, plan.account, _SUPPLIED)
        chain.transact(
            plan.account, "supply(uint256,address,uint256)", market, USDC.address, _SUPPLIED, sender=operator
        )


@pytest.fixture
def node(lending_desk: Deployed) -> Web3Node:
    return Web3Node(lending_desk.rpc.url, timeout_s=30)


def _read(node: Web3Node, plan: LendingPlan) -> dict[tuple[str, str], LendingReading]:
    reader = LendingReader(plan, (WETH, USDC))
    feeds = {
        token: FeedReading(name=feed.name, answer=3_000 * 10**8, decimals=8, updated_at_s=1, heartbeat_s=1)
        for token, feed in feeds_of((WETH, USDC)).items()
    }
    found = reader.read(node.multicall(reader.calls, block="latest"), feeds).readings
    return {(one.market, one.token): one for one in found}


def _ask(node: Web3Node, target: str, signature: str, *arguments: Any, returns: tuple[str, ...]) -> Any:
    return decode_result(returns, node.call(target, encode_call(signature, *arguments)))


def test_lending_reader__genuine_markets__reads_what_they_say(node: Web3Node, lending_desk: Deployed) -> None:
    plan = _plan(node, lending_desk)
    readings = _read(node, plan)
    assert set(readings) == {(m, t.address) for m in ("aave_v3", "compound_v2") for t in (WETH, USDC)}
    aave, compound = readings["aave_v3", USDC.address], readings["compound_v2", USDC.address]
    assert abs(aave.supplied - _SUPPLIED) < 10**6
    # Compound's shares round down.
    assert 0 <= _SUPPLIED - compound.supplied < 10**6
    a_token = plan.a_tokens[USDC.address]
    (in_aave,) = _ask(node, USDC.address, "balanceOf(address)", a_token, returns=("uint256",))
    assert aave.liquidity == in_aave
    account = _ask(node, AAVE_V3_POOL, "getUserAccountData(address)", plan.account, returns=("uint256",) * 6)
    assert aave.collateral_usd_wad == account[0] * account[3] * 10**6
    assert aave.borrow_power_usd_wad == account[2] * 10**10
    (cash,) = _ask(node, plan.c_tokens[USDC.address], "getCash()", returns=("uint256",))
    assert compound.liquidity == cash
    spare = _ask(
        node, COMPOUND_V2_COMPTROLLER, "getAccountLiquidity(address)", plan.account, returns=("uint256",) * 3
    )
    assert compound.collateral_usd_wad == spare[1]
    for reading in readings.values():
        # The offline mainnet's cUSDC has a legacy rate model under a later cToken: its borrow rate reads as zero.
        asks = reading.market != "compound_v2" or reading.token != USDC.address
        assert 0 < reading.supply_rate_wad < (reading.borrow_rate_wad if asks else 10**17) < 10**18
        assert reading.health_floor_wad == 11 * 10**17
        assert reading.debt_cap_usd_wad == 100_000 * 10**18


def _net(node: Web3Node, plan: LendingPlan) -> int:
    """Return what the lending account has of USDC in both markets, less what it owes."""
    positions = [
        _ask(node, plan.account, "position(uint256,address)", market, USDC.address, returns=("uint256",) * 2)
        for market in (1, 2)
    ]
    return sum(collateral - debt for collateral, debt in positions)


def test_quote_on_1inch__beyond_inventory__is_filled_out_of_the_cheapest_market(
    lending_desk: Deployed, node: Web3Node, tmp_path: Path
) -> None:
    rpc, plan = lending_desk.rpc, _plan(node, lending_desk)
    amount = 60 * 10**18
    deal(rpc, WETH.address, TAKER, 10**21)
    journal = tmp_path / "j.sqlite"
    with serving(lending_desk, journal, lending=True) as server, ChainBuilder(rpc) as chain:
        assert server.refused(amount=str(amount)) == (422, "insufficient_inventory")
        # What 1inch may take bounds every fill there, wherever it comes from.
        chain.transact(
            lending_desk.settlement,
            "setRouterAllowance(address,uint128)",
            *(USDC.address, 10**12),
            sender=lending_desk.owner,
        )
        server.catch_up()
        answer = server.quote(amount=str(amount))
        making = answer.signed.order.making_amount
        assert making > INVENTORY[USDC.address]
        net = _net(node, plan)
        before = holdings(rpc, TAKER)
        fill(chain, answer)
        after = holdings(rpc, TAKER)
    assert (before[0] - after[0], after[1] - before[1]) == (amount, making)
    drawn = net - _net(node, plan)
    assert abs(drawn - (making - INVENTORY[USDC.address])) < 10**6
    entry = [entry for entry in read(journal) if entry.quoted][-1]
    lending = {"aave_v3_withdraw", "aave_v3_borrow", "compound_v2_withdraw", "compound_v2_borrow"}
    assert entry.funding in lending
    assert {one["funding"] for one in entry.losing} >= (lending - {entry.funding}) | {"inventory"}


def test_quote_on_1inch__beyond_inventory_and_hedged_inside__draws_and_sells_in_one_fill(
    lending_desk: Deployed, node: Web3Node, tmp_path: Path
) -> None:
    """Both hooks: the lending account delivers what the settlement lacks, the pool takes what the taker brought."""
    rpc, plan = lending_desk.rpc, _plan(node, lending_desk)
    amount, journal = 60 * 10**18, tmp_path / "hedged.sqlite"
    deal(rpc, WETH.address, TAKER, 10**21)
    with ChainBuilder(rpc) as chain:
        # The test before has used up inventory and allowance.
        deal(rpc, USDC.address, lending_desk.settlement, INVENTORY[USDC.address])
        allow = "setRouterAllowance(address,uint128)"
        as_owner(chain, lending_desk, allow, USDC.address, 10**12)
        for token, feed in ((WETH, ETH_USD_FEED), (USDC, USDC_USD_FEED)):
            as_owner(chain, lending_desk, "setFeed(address,address,uint40)", token.address, feed, 90_000)
        as_owner(chain, lending_desk, "setBand(address,address,uint8)", WETH.address, USDC.address, 20)
        own_hedges = {"hedge_batch_usd": 1_000, "impact_share_bps": 10_000}
        with serving(lending_desk, journal, lending=True, hook_hedge="required", **own_hedges) as server:
            answer = server.quote(amount=str(amount))
            terms = RouterHookTerms.decode(answer.signed.extension)
            assert terms.pre is not None
            assert terms.post is not None
            before, net = holdings(rpc, lending_desk.settlement), _net(node, plan)
            lacking = answer.signed.order.making_amount - before[1]
            assert lacking > 0
            fill(chain, answer)
    after = holdings(rpc, lending_desk.settlement)
    assert abs(net - _net(node, plan) - lacking) < 10**6
    assert after[0] == before[0]
    # What was drawn is here again, with the margin: to be put back.
    assert after[1] > before[1] + lacking
    entry = [entry for entry in read(journal) if entry.quoted][-1]
    assert "_hedged_uniswap_v3_" in (entry.funding or "")


def test_order__caps_are_on__is_counted_by_the_hooks_and_fills_on_1inch(
    lending_desk: Deployed, tmp_path: Path
) -> None:
    """Without the hook the settlement answers 1inch that the order is not its own."""
    snapshot = lending_desk.rpc.call("evm_snapshot")
    with ChainBuilder(lending_desk.rpc) as chain:
        as_owner(chain, lending_desk, "setGuards(uint32)", 2)
        cap = "setCap(address,uint256,uint256,uint40)"
        for token in (WETH, USDC):
            as_owner(chain, lending_desk, cap, token.address, 10**24, 10**24, 3_600)
        with serving(lending_desk, tmp_path / "journal.sqlite") as server:
            approve_all(chain, lending_desk)
            deal(chain.rpc, WETH.address, TAKER, 10**18)
            quote = server.quote()
            assert RouterHookTerms.decode(quote.signed.extension).pre is not None
            before = holdings(chain.rpc, lending_desk.settlement)
            fill(chain, quote)
            after = holdings(chain.rpc, lending_desk.settlement)
        order = quote.signed.order
        assert (after[0] - before[0], before[1] - after[1]) == (order.taking_amount, order.making_amount)
    lending_desk.rpc.call("evm_revert", snapshot)
