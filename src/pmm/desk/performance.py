"""Profit of the day by component and markouts of fills, from the ledger's events and the prices of each turn.

It reads the chain's events as a consumer of its own: rows and place move in one transaction, so that no fill is
booked twice or forgotten, whenever the process dies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from pmm.chain.indexer import ChainFeed, Delivery
from pmm.chain.sender import TransactionRecord
from pmm.desk.interest import AccruedInterest
from pmm.desk.performance_ledger import (
    LONGEST_MS,
    PerformanceLedger,
    put_fill,
    put_markouts,
    put_profit,
    take_back,
)
from pmm.desk.perp_charges import BookedCharges
from pmm.desk.profit import Earned, ProfitOf, event_key
from pmm.domain import Address, OrderFilled, Token
from pmm.execution.book import InventoryBook
from pmm.execution.hedging import HedgeMarket, PerpCharges
from pmm.execution.ledger import LedgerTransaction
from pmm.ledger import Ledger
from pmm.monitoring.desk.book_events import BookEvents
from pmm.risk.events import MarkoutTaken, PnlBooked, PnlComponent, RiskEvent
from pmm.risk.markouts import FilledTrade, PendingMarkouts

CONSUMER: Final = "performance"
"""Name under which its place on the chain stands in the ledger."""
_DAY_MS: Final = 86_400_000
_INTEREST_MS: Final = 60_000
_E6_OF_E36: Final = 10**30


class PerformanceDesk:
    """One thread. What an earlier process of the last day booked is told to risk again by the first look.

    Args:
        accounts: ours, by which a transaction's profit is judged.
        numeraires: profit is counted in them.
        lateness_ms: how late prices may be for a markout that is due sooner.
        perps: venues whose fees and funding are booked.
    """

    def __init__(
        self,
        ledger: Ledger,
        events: BookEvents,
        *,
        tokens: Iterable[Token],
        accounts: frozenset[Address],
        numeraires: frozenset[Address],
        lateness_ms: int,
        now_ms: int,
        perps: Sequence[PerpCharges] = (),
    ) -> None:
        self._ledger, self._events = ledger, events
        self._symbols = {token.address: token.symbol for token in tokens}
        self._profit = ProfitOf(accounts, self._symbols, numeraires)
        self._interest = AccruedInterest(self._symbols)
        self._interest_ms = 0
        self._charges = BookedCharges(perps, self._symbols, PerformanceLedger(ledger).keys_of("perp:"))
        self._feed = ChainFeed()
        self._pending = PendingMarkouts(lateness_ms=lateness_ms)
        rows = PerformanceLedger(ledger)
        day_ms = now_ms - _DAY_MS
        restored: list[RiskEvent] = [*rows.profit_since(day_ms), *rows.markouts_since(day_ms)]
        # What was booked and not told yet: a ledger that fails half way through a look loses none of it.
        self._untold = restored
        self._day = deque(one for one in restored if isinstance(one, PnlBooked))
        for fill, done in rows.waiting_since(now_ms - LONGEST_MS):
            self._pending.add(fill, done)

    def look(
        self,
        sent: Sequence[TransactionRecord],
        book: InventoryBook,
        market: HedgeMarket,
        now_ms: int,
    ) -> list[RiskEvent]:
        """Book what happened since the last look; return it for risk. Raises SetupError while the ledger is down."""
        more = True
        while more:
            with self._ledger.transaction() as transaction:
                delivery = self._pull(transaction)
                booked, fills, gone = self._take_in(transaction, delivery, market, now_ms)
                booked += self._gas(transaction, sent, market, now_ms)
            # In memory behind the commit: what was not written comes again.
            sent = ()
            self._untold += self._tell(booked)
            for key in gone:
                self._pending.drop(key)
            for fill in fills:
                self._pending.add(fill)
            if delivery is not None:
                self._interest.moved([delivery.change])
            more = delivery is not None and delivery.more
        self._untold += self._accrue(book, market, now_ms)
        self._untold += self._perps(now_ms)
        self._untold += self._markouts(market, now_ms)
        told, self._untold = self._untold, []
        return told

    def day_usd(self, now_ms: int) -> tuple[float, float]:
        """Return what was earned as spread and what was spent on gas in the last 24 hours, US dollars."""
        while self._day and self._day[0].at_ms < now_ms - _DAY_MS:
            self._day.popleft()
        earned = sum(one.amount_usd_e6 for one in self._day if one.component is PnlComponent.SPREAD)
        gas = sum(one.amount_usd_e6 for one in self._day if one.component is PnlComponent.GAS)
        return max(earned, 0) / 1e6, max(-gas, 0) / 1e6

    # ---------------------------------------------------------------------------------------------- internal

    def _pull(self, transaction: LedgerTransaction) -> Delivery | None:
        known = transaction.query("SELECT 1 FROM chain_consumers WHERE name = ?", (CONSUMER,))
        if not known:
            self._feed.skip_to_now(transaction, CONSUMER)
            return None
        delivery = self._feed.pending(transaction, CONSUMER)
        if delivery is None or not (delivery.change.added or delivery.change.removed or delivery.more):
            return None
        self._feed.acknowledge(transaction, CONSUMER, delivery)
        return delivery

    def _take_in(
        self, transaction: LedgerTransaction, delivery: Delivery | None, market: HedgeMarket, now_ms: int
    ) -> tuple[list[PnlBooked], list[FilledTrade], list[str]]:
        if delivery is None:
            return [], [], []
        left = dict.fromkeys(
            event_key((one.place.block.hash, one.place.transaction_hash)) for one in delivery.change.removed
        )
        booked, gone = take_back(transaction, left, now_ms)
        fills: list[FilledTrade] = []
        for one in self._profit.transactions(delivery.change.added, market.usd_per_unit_e36, now_ms):
            for number, row in enumerate(one.booked):
                put_profit(transaction, f"{one.event_key}:{number}", one.event_key, row)
            booked += one.booked
            for fill in self._filled(one, market, now_ms):
                put_fill(transaction, one.event_key, fill)
                fills.append(fill)
        return booked, fills, gone

    def _filled(self, one: Earned, market: HedgeMarket, now_ms: int) -> Iterable[FilledTrade]:
        # By the chain's own clock: that of a node of ours may be another one.
        age_ms = max(market.at_s - one.block_time_s, 0) * 1_000
        return (_trade(fill, now_ms - age_ms) for fill in one.fills)

    def _gas(
        self,
        transaction: LedgerTransaction,
        sent: Sequence[TransactionRecord],
        market: HedgeMarket,
        now_ms: int,
    ) -> list[PnlBooked]:
        found: list[PnlBooked] = []
        price = market.usd_per_unit_e36.get(market.native, 0)
        for record in sent:
            if not record.final or record.inclusion is None or price <= 0:
                continue
            key = f"gas:{record.intent.key}"
            if transaction.query("SELECT 1 FROM performance_profit WHERE profit_key = ?", (key,)):
                continue
            # Rounded up: a cost.
            cost = -(-record.inclusion.cost_wei * price // _E6_OF_E36)
            symbol = self._symbols.get(market.native, market.native)
            one = PnlBooked(now_ms, symbol, PnlComponent.GAS, -cost)
            put_profit(transaction, key, key, one)
            found.append(one)
        return found

    def _accrue(self, book: InventoryBook, market: HedgeMarket, now_ms: int) -> list[RiskEvent]:
        if now_ms - self._interest_ms < _INTEREST_MS:
            return []
        found = self._interest.accrued(book, market.usd_per_unit_e36, market.at_s, now_ms)
        if found:
            with self._ledger.transaction() as transaction:
                for number, one in enumerate(found):
                    key = f"interest:{now_ms}:{number}"
                    put_profit(transaction, key, key, one)
        # Behind the commit: what was not written comes again.
        self._interest.booked()
        self._interest_ms = now_ms
        return self._tell(found)

    def _perps(self, now_ms: int) -> list[RiskEvent]:
        found = self._charges.found(now_ms)
        if found:
            with self._ledger.transaction() as transaction:
                for key, one in found.items():
                    put_profit(transaction, key, key, one)
            self._charges.booked(found)
        return self._tell(found.values())

    def _markouts(self, market: HedgeMarket, now_ms: int) -> list[RiskEvent]:
        found = self._pending.due(now_ms, market.usd_per_unit_e36)
        if found:
            with self._ledger.transaction() as transaction:
                put_markouts(transaction, now_ms, found)
        self._pending.judged()
        for one in found:
            self._events.markout_measured(horizon_s=one.horizon_s, bps=one.markout_bps_e3 / 1_000)
        return [MarkoutTaken(now_ms, one.horizon_s, one.markout_bps_e3) for one in found]

    def _tell(self, booked: Iterable[PnlBooked]) -> list[RiskEvent]:
        told: list[RiskEvent] = []
        for one in booked:
            self._events.pnl_booked(
                token=one.token, component=one.component.value, usd=one.amount_usd_e6 / 1e6
            )
            self._day.append(one)
            told.append(one)
        return told


def _trade(fill: OrderFilled, at_ms: int) -> FilledTrade:
    place = fill.place
    return FilledTrade(
        key=f"{event_key((place.block.hash, place.transaction_hash))}:{place.log_index}",
        at_ms=at_ms,
        maker_asset=fill.maker_asset,
        taker_asset=fill.taker_asset,
        making_amount=fill.making_amount,
        taking_amount=fill.taking_amount,
    )
