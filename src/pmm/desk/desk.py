"""One turn of the desk, and turns without end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from pmm.chain.indexer import Indexer, IndexStore, Place
from pmm.chain.node_pool import HeadWatch, NodePool
from pmm.chain.sender import TransactionRecord, TransactionSender
from pmm.desk.acting import DeskActions
from pmm.desk.alerting import DeskAlerts
from pmm.desk.audited import DeskAudit
from pmm.desk.availability import QuoteServerWatch
from pmm.desk.backlog import Backlog
from pmm.desk.business import BusinessDesk
from pmm.desk.closing import OpenedParts
from pmm.desk.gauges import DeskGauges
from pmm.desk.joined_journal import KnownOrders
from pmm.desk.lending_desk import LendingDesk
from pmm.desk.paper_perps import PaperPerpDesk
from pmm.desk.pending import PendingDesk
from pmm.desk.performance import PerformanceDesk
from pmm.desk.pre_trade import PreTradeDesk
from pmm.desk.risk_desk import RiskDesk
from pmm.desk.scene import Scene
from pmm.desk.sources import DeskSources
from pmm.desk.stock import Stock
from pmm.domain import ChainChange
from pmm.errors import ChainError, PmmError, SetupError
from pmm.execution.book import ChainReading, InventoryBook, Reconciliation, reconcile
from pmm.execution.hedging import HedgeMarket, HedgeNotice, Hedger
from pmm.execution.lending import KeeperStep
from pmm.ledger import Ledger
from pmm.monitoring.desk import MetricsPort
from pmm.monitoring.history import GaugeHistory
from pmm.risk.events import RiskEvent
from pmm.venues.book_reader import BookReader
from pmm.venues.hedge_market import HedgeMarketReader

_PROBE_S = 10.0
_SAMPLE_MS = 10_000
_LOG = structlog.get_logger()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTurn:
    """What a turn did.

    Attributes:
        head: where the chain stands in the books.
        changes: what happened on the chain.
        notices: what the hedger said.
        kept: what the lending keeper did, None where it did not look.
        reconciliation: the book against the chain at ``head``.
        quiet: nothing happened, and no hedge and no command of the keeper is under way.
    """

    head: Place
    changes: tuple[ChainChange, ...]
    notices: tuple[HedgeNotice, ...]
    kept: KeeperStep | None
    reconciliation: Reconciliation
    quiet: bool


@dataclass(kw_only=True)
class Desk:
    """Everything joined; one thread. Made by ``open_desk``."""

    opened: OpenedParts
    scene: Scene
    ledger: Ledger
    pool: NodePool
    heads: HeadWatch
    indexer: Indexer
    orders: KnownOrders
    store: IndexStore
    reader: BookReader
    markets: HedgeMarketReader
    book: InventoryBook
    hedger: Hedger
    backlog: Backlog
    sender: TransactionSender
    stock: Stock
    lending: LendingDesk | None
    risk: RiskDesk
    paper: PaperPerpDesk
    pending: PendingDesk
    performance: PerformanceDesk
    business: BusinessDesk
    sources: DeskSources
    gauges: DeskGauges
    history: GaugeHistory
    metrics: MetricsPort
    alerts: DeskAlerts
    actions: DeskActions
    audit: DeskAudit
    availability: QuoteServerWatch | None = None
    pre_trade: PreTradeDesk | None = None
    clock_ms: Callable[[], int] = _now_ms
    trouble: str = ""
    """Why the last turn of :meth:`run` failed, or spent nothing; empty after one that did not."""
    _no_market: str = ""
    _unbooked: list[TransactionRecord] = field(default_factory=list)
    _sampled_ms: int = 0

    def __post_init__(self) -> None:
        self.alerts.start()
        self.actions.start()
        self.sources.start()
        if self.availability is not None:
            self.availability.start()
        if self.pre_trade is not None:
            self.pre_trade.start()

    def step(self) -> DeskTurn:
        """Follow the chain to its head, hedge, hold the book against the chain, measure. Never sleeps.

        Raises:
            ChainError, SetupError: no node, or no ledger; the next step goes on where the last one ended.
            UnsafeToSign, ReorgBelowFinality, InvalidInput: a person must act.
        """
        before = self.store.place()
        self.gauges.began()
        followed = self._follow()
        place = self._begin()
        self.heads.seen(place.head.hash)
        # All that is judged in a turn is judged at one block: the newest in the books.
        reading = self.reader.read(place.head.number)
        changed = self.sender.step()
        # First: whatever fails below, its gas is booked by a later turn.
        self._unbooked += changed
        self.business.sent(changed)
        self.stock.look(reading, self.sender.open_records)
        market = self.paper.quoted(self._market(reading))
        now_ms = self.clock_ms()
        self.gauges.market = market
        if self.book.head is None:
            reconcile(self.book, reading)
        changes = self.backlog.take_in(market, now_ms, followed=followed or before is None)
        self.business.transactions.deciding()
        notices = self.hedger.step(now_ms=now_ms, market=market)
        kept: KeeperStep | None = None
        if self.lending is not None:
            # Behind the hedger: it repays with what hedges leave.
            self.lending.transactions(changed, market)
            kept = self.lending.look(place.head.number, market, self.hedger.live_intents())
        found = reconcile(self.book, reading)
        found = replace(found, differences=(*found.differences, *self.paper.differences(reading.block)))
        acted = self._measure(place, market, changes, notices, found, now_ms)
        happened = followed or acted or notices or any(one.added or one.removed for one in changes)
        keeping = self.lending is not None and self.lending.busy
        return DeskTurn(
            head=place,
            changes=tuple(changes),
            notices=tuple(notices),
            kept=kept,
            reconciliation=found,
            quiet=not (happened or keeping or self.hedger.live_intents()),
        )

    def run(self, stop: threading.Event) -> None:
        """Step until ``stop`` is set; failures that pass by themselves are noted and tried again."""
        probe_at_s = 0.0
        with self.heads:
            while not stop.is_set():
                if self.pool.count > 1 and time.monotonic() >= probe_at_s:
                    self.pool.probe()
                    probe_at_s = time.monotonic() + _PROBE_S
                try:
                    self.turn()
                except PmmError as error:
                    self.alerts.ended(str(error), self.clock_ms())
                    raise
                self.heads.wait(stop)

    def turn(self) -> DeskTurn | None:
        """Step, and note a failure that passes by itself in ``trouble``; raises the others."""
        done: DeskTurn | None = None
        try:
            done = self.step()
            kept = self.lending.trouble if self.lending else ""
            trouble = "; ".join(one for one in (self._no_market, self.stock.trouble, kept) if one)
        except (ChainError, SetupError) as error:
            trouble = str(error)
        if trouble:
            if trouble != self.trouble:
                _LOG.warning("desk_waits", why=trouble)
            self.alerts.waits(trouble, self.clock_ms())
        else:
            if self.trouble:
                _LOG.info("desk_goes_on")
            self.alerts.goes_on(self.clock_ms())
        self.trouble = trouble
        return done

    def close(self) -> None:
        """Write the last gauges and close everything, whatever a part does; raises the first failure."""
        try:
            self.history.sample(self.clock_ms())
        except SetupError as error:
            _LOG.warning("history_not_written", why=str(error))
        finally:
            self.opened.close()

    # ---------------------------------------------------------------------------------------------- internal

    def _follow(self) -> bool:
        moved = False
        while self.indexer.step() is not None:
            moved = True
        return moved

    def _begin(self) -> Place:
        """Return where the chain stands; on a ledger without a hedger, begin behind what happened until now."""
        place = self.store.place()
        # The indexer has stepped: it has a place.
        assert place is not None
        self.backlog.begin()
        return place

    def _market(self, reading: ChainReading) -> HedgeMarket | None:
        """Return what to hedge by, None where it cannot be read: what happened goes to the books all the same."""
        market: HedgeMarket | None = None
        try:
            market = self.markets.read(
                reading, reserved=self.stock.taken, gas_price_wei=self.sender.gas_price_wei
            )
            why = "; ".join((*market.unpriced.values(), *market.lending_unknown.values()))
        except ChainError as error:
            why = str(error)
        self._no_market = f"hedges wait for a market: {why}" if why else ""
        return market

    def _measure(
        self,
        place: Place,
        market: HedgeMarket | None,
        changes: list[ChainChange],
        notices: tuple[HedgeNotice, ...],
        found: Reconciliation,
        now_ms: int,
    ) -> bool:
        # First: a ledger that fails below would lose them.
        self.alerts.differences(found, now_ms)
        self.alerts.notices(notices, now_ms)
        self.gauges.chain(place.head, self.pool.states(), now_ms)
        self.gauges.heads(self.heads.state)
        self.gauges.fills(changes)
        self.gauges.hedges(self.hedger, notices)
        self.gauges.waiting(self.hedger, now_ms)
        self.gauges.book(self.book, self.hedger, found, now_s=place.head.time_s)
        told: list[RiskEvent] = [*self.sources.drain()]
        if self.availability is not None:
            told += self.availability.drain(stopped_by_us=self.risk.monitor.posture().stopped)
        # Rows that cannot be written hide nothing from risk; a phase that cannot be stops quotes and is told as well.
        try:
            told += self._performed(market, now_ms)
            # Behind the profit: what a hedge cost stands there.
            told += self.business.look(
                self.book, market, now_ms, hedged=bool(notices), head=place.head.number
            )
        finally:
            try:
                self._judge(told, market, place, now_ms)
            finally:
                self.business.transactions.deciding()
                acted = self.actions.act(now_ms)
                self.alerts.risk(self.risk.monitor.states, self.risk.monitor.readings, now_ms)
        if now_ms - self._sampled_ms >= _SAMPLE_MS:
            self.history.sample(now_ms)
            self._sampled_ms = now_ms
        self.alerts.audited(self.audit.look(now_ms), now_ms)
        return acted

    def _judge(self, told: list[RiskEvent], market: HedgeMarket | None, place: Place, now_ms: int) -> None:
        prices = market.usd_per_unit_e36 if market else {}
        perps = self.paper.positions()
        self.paper.told(perps, prices)
        self.risk.look(
            self.book,
            self.hedger,
            market,
            self.pool.states(),
            now_ms,
            told=told,
            day_usd=self.performance.day_usd(now_ms),
            perps=perps,
            perps_usd_e6=self.paper.won_usd_e6(prices),
            quotes=self.pending.look(self.book),
        )
        self._tell_quotes(place, market, now_ms)

    def _tell_quotes(self, place: Place, market: HedgeMarket | None, now_ms: int) -> None:
        if self.pre_trade is not None:
            self.pre_trade.look(
                self.risk.positions,
                market,
                block_number=place.head.number,
                posture=self.risk.monitor.posture(),
                model=self.risk.clock.model,
                now_ms=now_ms,
            )

    def _performed(self, market: HedgeMarket | None, now_ms: int) -> list[RiskEvent]:
        """Book profit and markouts; without a market, or a price of gas, what happened waits for a later turn."""
        if market is None or market.usd_per_unit_e36.get(market.native, 0) <= 0:
            return []
        told = self.performance.look(self._unbooked, self.book, market, now_ms)
        self._unbooked = []
        return told
