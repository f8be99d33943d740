"""What happened in a turn, told to the desk's metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from pmm.chain.node_pool import HeadState, NodeState
from pmm.chain.sender import TransactionRecord, TransactionState
from pmm.desk.strategy import ratio_of
from pmm.domain import Address, BlockRef, ChainChange, OrderFilled, Token
from pmm.execution.book import InventoryBook, LendingKey, PerpKey, Reconciliation, Side
from pmm.execution.hedging import (
    HedgedAsset,
    HedgeLedger,
    HedgeMarket,
    HedgeNotice,
    Hedger,
    Intent,
    NoticeKind,
)
from pmm.monitoring.desk import DeskEvents

_E36 = 10**36
_WAD = 10**18
_GWEI = 10**9
_OUTCOMES = {
    NoticeKind.DONE: "filled",
    NoticeKind.FAILED: "failed",
    NoticeKind.STUCK: "stuck",
    NoticeKind.REPAIRED: "repaired",
    NoticeKind.UNWINDING: "unwound",
}
_LATEST_INTENTS = 50
_HEDGE = "hedge"


class DeskGauges:
    """Looks at the parts after each turn; decides nothing. ``market`` is that of the newest turn."""

    def __init__(
        self,
        events: DeskEvents,
        tokens: Iterable[Token],
        names: dict[Address, str],
        intents: HedgeLedger,
        *,
        hedged: Sequence[HedgedAsset] = (),
        clock_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._hedged = hedged
        self._events = events
        self._tokens = {token.address: token for token in tokens}
        self._names = names
        self._intents = intents
        self._intended: set[str] = {one.intent_id for one in intents.intents(most=_LATEST_INTENTS)}
        self._head: BlockRef | None = None
        self._node = ""
        self._sent: dict[str, tuple[TransactionState, int]] = {}
        self._off: set[tuple[str, str]] = set()
        self._clock_s, self._began_s = clock_s, clock_s()
        self.market: HedgeMarket | None = None

    def expect_fills(self, pairs: Iterable[tuple[Token, Token]], venues: Iterable[Address]) -> None:
        """Count from zero what may be filled: each pair both ways, at each contract that settles."""
        ways = [way for one, other in pairs for way in ((one, other), (other, one))]
        for venue in venues:
            for maker, taker in ways:
                self._events.book.fills_expected(
                    venue=self._name(venue), pair=f"{maker.symbol}/{taker.symbol}"
                )

    def expect_hedges(self, routes: Iterable[str]) -> None:
        """Count from zero what may be hedged by."""
        for route in routes:
            self._events.hedges.route_offered(route=route)

    def began(self) -> None:
        """Say that the desk looks at the chain now: what it submits next is measured from here."""
        self._began_s = self._clock_s()

    def chain(self, head: BlockRef, nodes: Sequence[NodeState], now_ms: int) -> None:
        """Tell where the books are and how the nodes do."""
        watch = self._events.chain
        best = max((one.head for one in nodes if one.head is not None), default=head.number)
        watch.block_followed(
            number=head.number,
            lag_blocks=max(best - head.number, 0),
            lag_s=max(now_ms / 1000 - head.time_s, 0.0),
        )
        for one in nodes:
            watch.node_scored(
                node=one.name, sync=one.sync / 100, response=one.response / 100, score=one.health / 100
            )
            if one.chosen and one.name != self._node:
                watch.node_switched(
                    before=self._node, after=one.name, why="health" if self._node else "start"
                )
                self._node = one.name
        if self.market is not None:
            watch.gas_price_read(gwei=self.market.gas_price_wei / _GWEI)
        self._head = head

    def heads(self, state: HeadState) -> None:
        """Tell what wakes the desk."""
        self._events.heads.heads_from(
            source=state.source.value,
            why=state.why,
            falls={how.value: count for how, count in state.falls.items()},
            reconnects=state.reconnects,
        )

    def fills(self, changes: Iterable[ChainChange]) -> None:
        """Tell fills and what a reorganisation took."""
        for change in changes:
            if change.removed:
                top = self._head.number if self._head else change.head.number
                lowest = min(one.place.block.number for one in change.removed)
                self._events.chain.reorg_healed(
                    depth=max(top - lowest + 1, 1), events_removed=len(change.removed)
                )
            for one in change.removed:
                if isinstance(one, OrderFilled):
                    usd = self._usd(one.maker_asset, one.making_amount)
                    self._events.book.fill_removed(
                        venue=self._name(one.settled_by), pair=self._pair(one), usd=usd or 0.0
                    )
            for one in change.added:
                if isinstance(one, OrderFilled):
                    usd = self._usd(one.maker_asset, one.making_amount)
                    self._events.book.fill_recorded(
                        venue=self._name(one.settled_by), pair=self._pair(one), usd=usd or 0.0
                    )

    def hedges(self, hedger: Hedger, notices: Iterable[HedgeNotice]) -> None:
        """Tell intents that are new and what became of others."""
        latest = {one.intent_id: one for one in self._intents.intents(most=_LATEST_INTENTS)}
        for intent_id, intent in latest.items():
            if intent_id not in self._intended:
                self._intended.add(intent_id)
                usd = self._usd(intent.asset, abs(intent.trade)) or 0.0
                self._events.hedges.hedge_intended(
                    intent_id=intent_id, asset=self._symbol(intent.asset), strategy=intent.strategy, usd=usd
                )
        for notice in notices:
            found = latest.get(notice.intent_id)
            if notice.kind in _OUTCOMES and found is not None:
                self._events.hedges.hedge_finished(
                    intent_id=notice.intent_id,
                    route=found.route,
                    outcome=_OUTCOMES[notice.kind],
                    cost_bps=self._cost_bps(found),
                )
            elif notice.kind in (NoticeKind.NO_ANSWER, NoticeKind.CONTRADICTION):
                route = found.route if found else "none"
                self._events.hedges.hedge_unknown(intent_id=notice.intent_id, route=route, why=notice.detail)
        live = [one.state.value for one in hedger.live_intents()]
        for state in ("open", "unwinding"):
            self._events.hedges.open_intents(state=state, count=live.count(state))

    def waiting(self, hedger: Hedger, now_ms: int) -> None:
        """Tell by which strategy each asset is hedged, its ratio, and how long its delta has waited."""
        for one in self._hedged:
            waiting = hedger.waiting(one.asset.address, now_ms=now_ms, usd_per_unit_e36=0)
            ratio = ratio_of(one.strategy)
            self._events.hedges.followed(
                asset=one.asset.symbol,
                strategy=one.strategy.name,
                ratio=ratio.wad / _WAD if ratio else 1.0,
                ratio_known=not (ratio and ratio.unknown),
                waiting_s=max(now_ms - waiting.oldest_ms, 0) / 1_000,
            )

    def book(self, book: InventoryBook, hedger: Hedger, found: Reconciliation, *, now_s: int) -> None:
        """Tell balances, lending positions, what fills left unhedged, and where book and chain differ."""
        held: dict[Address, int] = {}
        for key, amount in book.balances.items():
            held[key.token] = held.get(key.token, 0) + amount
            self._events.book.inventory_changed(
                token=self._symbol(key.token),
                place=self._name(key.account),
                amount=self._whole(key.token, amount),
                usd=self._usd(key.token, amount) or 0.0,
            )
        for lending, position in book.lending.items():
            supplied, owed = position.supplied_at(now_s), position.owed_at(now_s)
            self._events.lending.position_changed(
                market=lending.market.value,
                token=self._symbol(lending.token),
                supply_usd=self._usd(lending.token, supplied) or 0.0,
                debt_usd=self._usd(lending.token, owed) or 0.0,
            )
        self._buffers(book)
        for token, whole in held.items():
            priced = self.market is not None and token in self.market.usd_per_unit_e36
            self._events.hedges.priced(token=self._symbol(token), known=priced)
            delta = unhedged(hedger, token)
            self._events.book.exposure_changed(
                asset=self._symbol(token),
                delta_ratio=delta / whole if whole else 0.0,
                delta_usd=self._usd(token, delta) or 0.0,
            )
        self._reconciled(book, found)

    def transaction(self, record: TransactionRecord) -> None:
        """Tell what became of a transaction; the sender's ``watch``."""
        key, watch = record.intent.key, self._events.chain
        now = (record.state, len(record.attempts))
        if not record.attempts or self._sent.get(key) == now:
            return
        purpose, transaction_hash = key.partition(":")[0], record.last.transaction_hash
        known, self._sent[key] = self._sent.get(key), now
        if record.state is TransactionState.PENDING and known is None:
            watch.transaction_sent(purpose=purpose, transaction_hash=transaction_hash)
            if purpose == _HEDGE:
                self._events.hedges.hedge_submitted(
                    intent_id=key.split(":")[1],
                    route=record.intent.purpose,
                    after_s=self._clock_s() - self._began_s,
                )
        elif record.state is TransactionState.PENDING and known is not None and known[1] < now[1]:
            watch.transaction_replaced(purpose=purpose, transaction_hash=transaction_hash)
        if record.final:
            del self._sent[key]
        if record.final and record.inclusion is not None:
            gas = self._usd(self.market.native, record.inclusion.cost_wei) if self.market else None
            watch.transaction_included(
                purpose=purpose,
                transaction_hash=record.inclusion.transaction_hash,
                succeeded=record.inclusion.succeeded,
                blocks=record.inclusion.block_number - record.attempts[0].block,
                gas_usd=gas or 0.0,
            )

    # ---------------------------------------------------------------------------------------------- internal

    def _buffers(self, book: InventoryBook) -> None:
        """Tell the buffers as the markets say them: also without a keeper, who tells the same."""
        accounts = {key.market.value: key.account for key in book.lending}
        for one in self.market.lending if self.market else ():
            if one.debt_usd_wad > 0 and one.market in accounts:
                buffer = one.collateral_usd_wad / one.debt_usd_wad - 1
                account = accounts[one.market]
                self._events.lending.account_checked(account=account, market=one.market, buffer=buffer)

    def _reconciled(self, book: InventoryBook, found: Reconciliation) -> None:
        wrong = {(one.key, one.side): one for one in found.differences}
        healed, self._off = self._off, set()
        for key in book.balances:
            one = wrong.pop((key, Side.BALANCE), None)
            self._events.book.reconciled(
                token=self._symbol(key.token),
                place=self._name(key.account),
                off_by=-one.difference if one else 0,
                cause=one.cause.value if one else "",
            )
        for (other, side), one in wrong.items():
            market = other.market.value if isinstance(other, LendingKey) else ""
            market = other.venue if isinstance(other, PerpKey) else market
            where = self._symbol(other.token), f"{market} {side.value}".strip()
            self._off.add(where)
            self._events.book.reconciled(
                token=where[0], place=where[1], off_by=-one.difference, cause=one.cause.value
            )
        # Nothing else says that these are equal again.
        for token, place in sorted(healed - self._off):
            self._events.book.reconciled(token=token, place=place, off_by=0)

    def _cost_bps(self, intent: Intent) -> float:
        usd = self._usd(intent.asset, abs(intent.trade))
        return intent.cost_usd_wad / _WAD / usd * 10_000 if usd else 0.0

    def _usd(self, token: Address, amount: int) -> float | None:
        price = self.market.usd_per_unit_e36.get(token) if self.market else None
        return None if price is None else amount * price / _E36

    def _whole(self, token: Address, amount: int) -> float:
        return float(amount / 10 ** self._tokens[token].decimals)

    def _symbol(self, token: Address) -> str:
        known = self._tokens.get(token)
        return known.symbol if known else token

    def _name(self, account: Address) -> str:
        return self._names.get(account, account)

    def _pair(self, fill: OrderFilled) -> str:
        return f"{self._symbol(fill.maker_asset)}/{self._symbol(fill.taker_asset)}"


def unhedged(hedger: Hedger, asset: Address) -> int:
    """Return what fills brought and no hedge has taken back yet, base units; hedges under way have not."""
    return hedger.open_delta(asset) - hedger.in_flight(asset)
