"""From a fill's event to its hedge submitted, on the offline mainnet: the desk's own time.

Real fills are taken from a node by the indexer. The clock starts when the hedger is told of the block and stops when
the raw transaction is handed to the node; the node's own answers in between (``eth_call``, estimate, access list) are
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


@dataclass(frozen=True, slots=True)
class _Clock:
    """Seconds on the wall and on the processor, the latter of this thread alone."""

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> _Clock:
        return cls(time.perf_counter(), time.thread_time())

    def __add__(self, other: _Clock) -> _Clock:
        return _Clock(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)

    def __sub__(self, other: _Clock) -> _Clock:
        return _Clock(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


class _TimedNode:
    """A node whose answers' time is counted, and the moment at which a raw transaction reaches it."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._rpc = rpc
        self.url = rpc.url
        self.waited = _Clock(0.0, 0.0)
        self.sent_at: _Clock | None = None

    def call(self, method: str, *arguments: Any) -> Any:
        """Call the node."""
        began = _Clock.now()
        if method == "eth_sendRawTransaction":
            self.sent_at = began
        try:
            return self._rpc.call(method, *arguments)
        finally:
            if self.sent_at is None:
                self.waited = self.waited + (_Clock.now() - began)

    def batch(self, calls: Any) -> Any:
        """Call the node."""
        began = _Clock.now()
        try:
            return self._rpc.batch(calls)
        finally:
            if self.sent_at is None:
                self.waited = self.waited + (_Clock.now() - began)


def measure_hedge_latency(*, fills: int = _FILLS) -> list[Row]:
    """Return p50, p99 and the mean of the node's part, in milliseconds."""
    node = start()
    try:
        with node.rpc() as rpc, TemporaryDirectory() as folder:
            set_price(rpc, "ETH", Decimal(_PRICE_USD))
            stage = HedgeStage.place(
                rpc, inventory={WETH.address: 40 * 10**18, USDC.address: 200_000 * 10**6}
            )
            own, node_s = _measure(stage, Path(folder), fills)
    finally:
        node.stop()
    own_ms = sorted(one.wall_s * 1e3 for one in own)
    cpu_ms = sorted(one.cpu_s * 1e3 for one in own)
    return [
        Row(
            case=f"{CASE}, p99",
            measured=round(_share(own_ms, 99), 3),
            unit="ms",
            target=BAR_P99_MS,
            goal=GOAL_P99_MS,
        ),
        Row(case=f"{CASE}, p50", measured=round(_share(own_ms, 50), 3), unit="ms"),
        Row(case="of it on the processor, p99", measured=round(_share(cpu_ms, 99), 3), unit="ms"),
        Row(case="of it on the processor, p50", measured=round(_share(cpu_ms, 50), 3), unit="ms"),
        Row(
            case="the node's part beside it, mean",
            measured=round(sum(node_s) / len(node_s) * 1e3, 3),
            unit="ms",
        ),
    ]


def _measure(stage: HedgeStage, folder: Path, fills: int) -> tuple[list[_Clock], list[float]]:
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
    own: list[_Clock] = []
    node_s: list[float] = []
    for number in range(_WARM_UP + fills):
        sells, buys = (_SIZE_WEI, 0) if number % 2 else (0, _SIZE_WEI)
        market = markets.read(reader.read(), reserved={}, gas_price_wei=sender.gas_price_wei)
        stage.taker.fill(sells=sells, buys=buys, price_usd=_PRICE_USD)
        (delivery,) = follower.deliveries()
        timed.waited, timed.sent_at = _Clock(0.0, 0.0), None
        began = _Clock.now()
        # As the desk does: what happened is taken in and committed, then decided.
        hedger.take_in(
            delivery.change,
            now_ms=number * 100_000,
            market=market,
            acknowledge=follower.acknowledge(delivery),
        )
        hedger.step(now_ms=number * 100_000, market=market)
        assert timed.sent_at is not None, "expected a hedge for every fill, found none"
        if number >= _WARM_UP:
            own.append(timed.sent_at - began - timed.waited)
            node_s.append(timed.waited.wall_s)
        # The hedge is mined by itself; take it in without another hedge of its dust.
        sender.step()
        for step in follower.deliveries():
            hedger.on_change(step.change, now_ms=number * 100_000 + 1, acknowledge=follower.acknowledge(step))
    ledger.close()
    return own, node_s


def _share(rising: list[float], percent: int) -> float:
    return rising[min(len(rising) * percent // 100, len(rising) - 1)]


if __name__ == "__main__":
    for row in measure_hedge_latency():
        print(f"{row.case:80} {row.measured:10} {row.unit}")
