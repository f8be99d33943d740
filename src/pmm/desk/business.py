"""What became of quotes, fills, hedges and transactions, told to risk: each once, again after a restart.

Quotes stand in the quote server's journal and are read from there. Everything else is a row of the ledger, written
in one transaction with the place on the chain that it was read up to, and told behind the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pmm.chain.indexer import ChainFeed
from pmm.chain.sender import TransactionRecord
from pmm.desk.business_ledger import (
    BusinessLedger,
    WaitingFill,
    drop_fill,
    forget,
    put_event,
    put_fill,
    put_looked,
    put_settled,
    take_back,
    waiting_of,
)
from pmm.desk.edges import RealisedEdges, expected_edge_usd_e6
from pmm.desk.failed_settlements import FailedSettlements
from pmm.desk.own_transactions import OwnTransactions
from pmm.desk.profit import event_key
from pmm.desk.quote_book import QuoteBook
from pmm.desk.settled_fills import settled_fills
from pmm.desk.venue_times import VenueTimes
from pmm.domain import Address
from pmm.execution.book import InventoryBook, exposures
from pmm.execution.hedging import HedgeLedger, HedgeMarket, IntentState
from pmm.ledger import Ledger
from pmm.risk.events import (
    EdgeRealised,
    InventoryHeld,
    Rebalanced,
    RiskEvent,
    SettlementEnded,
)

CONSUMER: Final = "business"
"""Name under which its place on the chain stands in the ledger."""
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_HELD_MS: Final = 600_000
_PATIENCE_MS: Final = 10_000
"""Fills that wait are looked at again after so long, where no hedge ended meanwhile."""
_MOST_INTENTS: Final = 200
_E6_OF_E36: Final = 10**30


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessParts:
    """What business is read from.

    Attributes:
        accounts: ours, by which fills are judged.
        hedges: whether the strategy hedges at all.
        failures: who finds fills that reverted; None without a journal.
        venues: exchange venues whose orders are timed.
    """

    quotes: QuoteBook
    transactions: OwnTransactions
    accounts: frozenset[Address]
    hedges: bool
    failures: FailedSettlements | None = None
    venues: tuple[VenueTimes, ...] = ()


class BusinessDesk:
    """One thread. What an earlier process of the last day told is told again by the first look."""

    def __init__(self, ledger: Ledger, parts: BusinessParts, *, now_ms: int) -> None:
        self._ledger, self._parts = ledger, parts
        self.transactions = parts.transactions
        rows = BusinessLedger(ledger)
        # What was written and not told yet: a ledger that fails half way through a look loses none of it.
        self._untold: list[RiskEvent] = rows.events_since(now_ms - _DAY_MS)
        self._waiting = {one.fill_key: one for one in rows.waiting()}
        self._edges = RealisedEdges(ledger, hedges=parts.hedges)
        self._intents = HedgeLedger(ledger)
        self._feed = ChainFeed()
        self._counted: set[str] = set()
        self._sent: list[TransactionRecord] = []
        self._began = False
        self._judged_ms = self._alive_ms = self._held_ms = 0

    def sent(self, changed: Sequence[TransactionRecord]) -> None:
        """Hear of transactions that moved; written by the next look."""
        self._sent += changed

    def look(
        self, book: InventoryBook, market: HedgeMarket | None, now_ms: int, *, hedged: bool, head: int = 0
    ) -> list[RiskEvent]:
        """Return what is new for risk; raises SetupError while the ledger is down.

        ``hedged``: a hedge ended or was refused since the last look. Without a market, fills wait for one.
        ``head``: the chain's newest block.
        """
        self._untold += self._parts.quotes.given(now_ms)
        self._failed(head, now_ms)
        self._transactions(now_ms)
        if hedged or not self._began:
            self._rebalanced(now_ms)
        if now_ms - self._alive_ms >= _HOUR_MS:
            # That nothing was rebalanced is known, too.
            self._alive_ms = now_ms
            self._untold.append(Rebalanced(now_ms, 0))
        self._began = True
        if market is not None and market.usd_per_unit_e36.get(market.native, 0) > 0:
            filled = self._follow(market, now_ms)
            if filled or hedged or now_ms - self._judged_ms >= _PATIENCE_MS:
                self._judged_ms = now_ms
                self._judge(market, now_ms)
            self._hold(book, market, now_ms)
        # By their times: what was held counts only for the time behind it.
        told, self._untold = sorted(self._untold, key=lambda one: one.at_ms), []
        return told

    # ---------------------------------------------------------------------------------------------- internal

    def _transactions(self, now_ms: int) -> None:
        sent, venues = tuple(self._sent), self._parts.venues
        done = {key: one for venue in venues for key, one in venue.done().items()}
        if self._began and not (sent or done or self.transactions.waits):
            return
        found: list[RiskEvent] = []
        with self._ledger.transaction() as transaction:
            found += self.transactions.write(transaction, sent, now_ms)
            if not self._began:
                found += self.transactions.untold(transaction, now_ms, since_ms=now_ms - _DAY_MS)
            found += [one for key, one in done.items() if put_event(transaction, f"venue:{key}", one)]
        self.transactions.written(sent)
        for venue in venues:
            venue.forget(done)
        self._sent = []
        self._untold += found

    def _failed(self, head: int, now_ms: int) -> None:
        """Look for fills that reverted, once all quotes are known that they may name."""
        failures, quotes = self._parts.failures, self._parts.quotes
        if failures is None or failures.place == head or not quotes.caught_up:
            return
        before = failures.place
        failed = failures.look(head, quotes.fillable(now_ms))
        found: list[RiskEvent] = []
        try:
            with self._ledger.transaction() as transaction:
                for salt in failed:
                    event = SettlementEnded(now_ms, False)
                    if put_event(transaction, f"failed:{salt}", event):
                        found.append(event)
                if failures.place is not None:
                    put_looked(transaction, failures.place)
        except BaseException:
            # What was not written is looked for again.
            failures.place = before
            raise
        self._untold += found

    def _rebalanced(self, now_ms: int) -> None:
        """Count each hedge that was done, at the time of its decision."""
        latest = self._intents.intents(most=_MOST_INTENTS)
        fresh = [
            one
            for one in latest
            if one.state is IntentState.DONE
            and one.trade
            and one.created_ms >= now_ms - _DAY_MS
            and one.intent_id not in self._counted
        ]
        if not fresh:
            return
        found: list[RiskEvent] = []
        with self._ledger.transaction() as transaction:
            for one in fresh:
                event = Rebalanced(one.created_ms)
                if put_event(transaction, f"rebalanced:{one.intent_id}", event):
                    found.append(event)
        self._counted = self._counted.intersection(one.intent_id for one in latest)
        self._counted.update(one.intent_id for one in fresh)
        self._untold += found

    def _follow(self, market: HedgeMarket, now_ms: int) -> bool:
        """Take in what the chain brought and took; return whether there was anything."""
        happened, more = False, True
        while more:
            told: list[RiskEvent] = []
            gone: dict[str, None] = {}
            fills: list[WaitingFill] = []
            with self._ledger.transaction() as transaction:
                if not transaction.query("SELECT 1 FROM chain_consumers WHERE name = ?", (CONSUMER,)):
                    self._feed.skip_to_now(transaction, CONSUMER)
                    return happened
                delivery = self._feed.pending(transaction, CONSUMER)
                if delivery is None:
                    return happened
                change, more = delivery.change, delivery.more
                if not (change.added or change.removed or more):
                    return happened
                self._feed.acknowledge(transaction, CONSUMER, delivery)
                gone = dict.fromkeys(
                    event_key((one.place.block.hash, one.place.transaction_hash)) for one in change.removed
                )
                told += take_back(transaction, gone)
                for one in settled_fills(change.added, self._parts.accounts, market.usd_per_unit_e36):
                    # By the chain's own clock: that of a node of ours may be another one.
                    at_ms = now_ms - max(market.at_s - one.fill.place.block.time_s, 0) * 1_000
                    told += put_settled(transaction, one, at_ms)
                    fills.append(waiting_of(one, at_ms))
                    put_fill(transaction, fills[-1])
            # In memory behind the commit: what was not written comes again.
            self._untold += told
            self._waiting = {key: one for key, one in self._waiting.items() if one.event_key not in gone} | {
                one.fill_key: one for one in fills
            }
            happened = True
        return happened

    def _judge(self, market: HedgeMarket, now_ms: int) -> None:
        """Look for the quotes of fills that wait, and for what is left of them."""
        for one in tuple(self._waiting.values()):
            if one.at_ms < now_ms - _DAY_MS:
                del self._waiting[one.fill_key]
                continue
            if one.expected_usd_e6 is None:
                found = self._matched(one)
                if found is None:
                    continue
                one = found
            left = self._edges.of(one, market.usd_per_unit_e36[market.native], now_ms)
            if left is None or one.expected_usd_e6 is None:
                continue
            event = EdgeRealised(one.at_ms, one.expected_usd_e6, left)
            with self._ledger.transaction() as transaction:
                fresh = put_event(transaction, f"edge:{one.fill_key}", event, one.event_key)
                drop_fill(transaction, one.fill_key)
            self._untold += [event] if fresh else []
            del self._waiting[one.fill_key]

    def _matched(self, one: WaitingFill) -> WaitingFill | None:
        """Return a fill with what its quote expected; None where it has none, or none can be looked for now."""
        asked, quote = self._parts.quotes.find(one.order_hash)
        if not asked:
            return None
        with self._ledger.transaction() as transaction:
            if quote is None:
                # A row of the journal is older than its signature: this is no quote of the server's.
                drop_fill(transaction, one.fill_key)
                del self._waiting[one.fill_key]
                return None
            event = self._parts.quotes.executed(quote, one.at_ms)
            fresh = put_event(transaction, f"executed:{one.fill_key}", event, one.event_key)
            matched = replace(one, expected_usd_e6=expected_edge_usd_e6(quote))
            put_fill(transaction, matched)
        self._waiting[one.fill_key] = matched
        self._untold += [event] if fresh else []
        return matched

    def _hold(self, book: InventoryBook, market: HedgeMarket, now_ms: int) -> None:
        """Write what the inventory is worth now and then, so that turnover goes on over a restart."""
        if now_ms - self._held_ms < _HELD_MS:
            return
        self._held_ms = now_ms
        worth = 0
        for token, exposure in exposures(book, now_s=market.at_s).items():
            price = market.usd_per_unit_e36.get(token, 0)
            if price <= 0 and exposure.inventory:
                return
            worth += exposure.inventory * price // _E6_OF_E36
        with self._ledger.transaction() as transaction:
            put_event(transaction, f"held:{now_ms // _HELD_MS}", InventoryHeld(now_ms, worth))
            forget(transaction, now_ms - 2 * _DAY_MS)
