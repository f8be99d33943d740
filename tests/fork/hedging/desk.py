"""Book, hedger, sender and indexer on the stage, driven step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

from desk_bench.follower import Follower
from desk_bench.hedge_stage import HedgeStage
from pmm.chain.sender import SenderPolicy, TransactionSender
from pmm.domain import USDC, WETH, Address
from pmm.execution.book import Exposure, InventoryBook, Reconciliation, exposures, reconcile
from pmm.execution.hedging import (
    HedgedAsset,
    HedgeLedger,
    HedgeLimits,
    HedgeMarket,
    HedgeNotice,
    Hedger,
    HedgeRoute,
    HedgerPolicy,
    HedgeStrategy,
    Immediate,
    LegDesk,
)
from pmm.ledger import Ledger
from pmm.localnet.mining import wait_until_mined
from pmm.venues.aave import AaveShortRoute
from pmm.venues.book_reader import BookReader
from pmm.venues.hedge_market import HedgeMarketReader
from pmm.venues.operator_transactions import OperatorTransactions
from pmm.venues.paper import PaperPerp
from pmm.venues.uniswap import UniswapRoute


@dataclass
class ForkDesk:
    """Everything that hedges, on one stage and one ledger."""

    stage: HedgeStage
    ledger: Ledger
    hedger: Hedger
    sender: TransactionSender
    follower: Follower
    book: InventoryBook
    reader: BookReader
    markets: HedgeMarketReader
    targets: dict[Address, int] = field(default_factory=dict)
    notices: list[HedgeNotice] = field(default_factory=list)
    now_ms: int = 0

    @classmethod
    def open(
        cls,
        stage: HedgeStage,
        ledger: Ledger,
        *,
        routes: tuple[HedgeRoute, ...] | None = None,
        strategy: HedgeStrategy | None = None,
    ) -> ForkDesk:
        hedged = HedgedAsset(
            asset=WETH,
            quote=USDC,
            strategy=strategy or Immediate(),
            limits=HedgeLimits(max_slippage_bps=50, max_cost_bps=100),
        )
        sender = stage.sender(ledger, policy=SenderPolicy(confirmations=3))
        hedger = Hedger(
            ledger=HedgeLedger(ledger),
            routes=routes or (UniswapRoute(stage.settlement), AaveShortRoute(stage.lending)),
            desk=LegDesk(OperatorTransactions(sender), (PaperPerp(ledger),)),
            policy=HedgerPolicy(accounts=frozenset(stage.accounts), assets=(hedged,)),
        )
        reader = stage.book_reader()
        desk = cls(
            stage=stage,
            ledger=ledger,
            hedger=hedger,
            sender=sender,
            follower=stage.follower(ledger),
            book=InventoryBook(scope=stage.scope),
            reader=reader,
            markets=stage.market_reader(),
        )
        desk.turn()
        desk.targets = {
            token: one.net for token, one in exposures(desk.book, now_s=desk.stage.now_s()).items()
        }
        return desk

    def market(self) -> HedgeMarket:
        return self.markets.read(self.reader.read(), reserved={}, gas_price_wei=self.sender.gas_price_wei)

    def turn(self) -> Reconciliation:
        """Follow the chain, hedge, and hold the book against the chain."""
        self.now_ms += 12_000
        wait_until_mined(self.stage.rpc)
        self.sender.step()
        market = self.market()
        self.take_in(market)
        self.notices += self.hedger.step(now_ms=self.now_ms, market=market)
        wait_until_mined(self.stage.rpc)
        self.take_in(market)
        # What came in may have sent the next leg: its block is the next turn's.
        wait_until_mined(self.stage.rpc)
        assert self.book.head is not None
        return reconcile(self.book, self.reader.read(self.book.head.number))

    def clean_turns(self, count: int) -> None:
        """Turn, and fail with what differs as soon as the book is not the chain."""
        for _ in range(count):
            found = self.turn()
            assert found.clean, found.differences

    def take_in(self, market: HedgeMarket) -> None:
        """Let book and hedger see what is new on the chain."""
        for delivery in self.follower.deliveries():
            self.book.apply(delivery.change)
            self.notices += self.hedger.on_change(
                delivery.change,
                now_ms=self.now_ms,
                market=market,
                acknowledge=self.follower.acknowledge(delivery),
            )

    def exposure(self, token: Address) -> Exposure:
        return exposures(self.book, now_s=self.stage.now_s(), targets=self.targets)[token]
