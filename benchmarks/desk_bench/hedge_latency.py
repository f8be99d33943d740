"""From a fill's event to its hedge submitted, on the offline mainnet: the desk's own time.

Real fills are taken from a node by the indexer. The clock starts when the hedger is told of the block and stops when the
raw transaction is handed to the node; the node's own answers in between (``eth_call``, estimate, access list) are
taken off. Left are: deciding, ranking every pool by its ticks, one durable write of the hedger and one of the sender,
and the signature. The market was read before, as a desk reads it once a block.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from desk_bench.hedge_stage import HedgeStage
from gas_bench.report import Row
from pmm.chain.rpc import JsonRpc
from pmm.chain.sender import LedgerTransactionStore, LocalTransactionKey, TransactionSender
from pmm.domain import USDC, WETH
from pmm.execution.hedging import (
    HedgedAsset,
    HedgeLedger,
    HedgeLimits,
    Hedger,
    HedgerPolicy,
    Immediate,
    LegDesk,
)
from pmm.localnet.node import start
from pmm.localnet.prices import set_price
from pmm.venues.aave import AaveShortRoute
from pmm.venues.operator_transactions import OperatorTransactions
from pmm.venues.uniswap import UniswapRoute

BAR_P99_MS, GOAL_P99_MS = 20.0, 5.0
CASE = "fill event to hedge transaction submitted, on the fork, desk's own time"
_PRICE_USD = 2_500
_WARM_UP, _FILLS = 5, 200
_SIZE_WEI = 10**16


@dataclass
class _Stopped(Exception):
    """The raw transaction was handed over."""


class _TimedNode:
    """A node whose answers' time is counted, and the moment at which a raw transaction reaches it."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self.url = rpc.url
        self.waited_s = 0.0
        self.sent_at_s = 0.0

    def call(self, method: str, *arguments: Any) -> Any:
        began = time.perf_counter()
        if method == "eth_sendRawTransaction":
            self.sent_at_s = began
        try:
            return self._rpc.call(method, *arguments)
        finally:
            if self.sent_at_s == 0.0:
                self.waited_s += time.perf_counter() - began

    def batch(self, calls: Any) -> Any:
        began = time.perf_counter()
        try:
            return self._rpc.batch(calls)
        finally:
            if self.sent_at_s == 0.0:
                self.waited_s += time.perf_counter() - began


def measure_hedge_latency(*, fills: int = _FILLS) -> list[Row]:
    """Return p50, p99 and the mean of the node's part, in milliseconds."""
    node = start()
    try:
        with node.rpc() as rpc, TemporaryDirectory() as folder:
            set_price(rpc, "ETH", Decimal(_PRICE_USD))
            stage = HedgeStage.place(rpc, inventory={WETH.address: 40 * 10**18, USDC.address: 200_000 * 10**6})
            own_ms, node_ms = _measure(stage, Path(folder), fills)
    finally:
        node.stop()
    own_ms.sort()
    return [
        Row(case=f"{CASE}, p99", measured=round(_share(own_ms, 99), 3), unit="ms", target=BAR_P99_MS, goal=GOAL_P99_MS),
        Row(case=f"{CASE}, p50", measured=round(_share(own_ms, 50), 3), unit="ms"),
        Row(case="the node's part of it, mean", measured=round(sum(node_ms) / len(node_ms), 3), unit="ms"),
    ]


def _measure(stage: HedgeStage, folder: Path, fills: int) -> tuple[list[float], list[float]]:
    ledger = stage.open_ledger(folder / "ledger.sqlite")
    timed = _TimedNode(stage.rpc)
    sender = TransactionSender(
        node=timed, key=LocalTransactionKey(stage.operator), store=LedgerTransactionStore(ledger), chain_id=1
    )
    hedged = HedgedAsset(
        asset=WETH,
        quote=USDC,
        strategy=Immediate(),
        limits=HedgeLimits(max_slippage_bps=50, max_cost_bps=10_000),
    )
    hedger = Hedger(
        ledger=HedgeLedger(ledger),
        routes=(UniswapRoute(stage.settlement), AaveShortRoute(stage.lending)),
        desk=LegDesk(OperatorTransactions(sender)),
        policy=HedgerPolicy(accounts=frozenset(stage.accounts), assets=(hedged,)),
    )
    follower, reader, markets = stage.follower(ledger), stage.book_reader(), stage.market_reader()
    own_ms: list[float] = []
    node_ms: list[float] = []
    for number in range(_WARM_UP + fills):
        sides = {"sells": _SIZE_WEI} if number % 2 else {"buys": _SIZE_WEI}
        market = markets.read(reader.read(), reserved={})
        stage.fill(price_usd=_PRICE_USD, **sides)
        (change,) = follower.changes()
        timed.waited_s = timed.sent_at_s = 0.0
        began = time.perf_counter()
        hedger.on_change(change, now_ms=number * 100_000, market=market)
        assert timed.sent_at_s, "expected a hedge for every fill, found none"
        if number >= _WARM_UP:
            own_ms.append((timed.sent_at_s - began - timed.waited_s) * 1e3)
            node_ms.append(timed.waited_s * 1e3)
        # The hedge is mined by itself; take it in without another hedge of its dust.
        sender.step()
        for step in follower.changes():
            hedger.on_change(step, now_ms=number * 100_000 + 1)
    ledger.close()
    return own_ms, node_ms


def _share(rising: list[float], percent: int) -> float:
    return rising[min(len(rising) * percent // 100, len(rising) - 1)]


if __name__ == "__main__":
    for row in measure_hedge_latency():
        print(f"{row.case:80} {row.measured:10} {row.unit}")
