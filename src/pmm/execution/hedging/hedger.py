"""Turns fills into hedges: each fill once, whatever crashes, is undone, or never answers.

One turn is: take in what happened, decide, write both in one transaction, then hand legs over. A leg is written as
"sending" before it is handed over; one that a crash left there is asked about under its key, and handed over again
only when whoever takes legs says that it never had it.
"""

from __future__ import annotations

from pmm.domain import Address, ChainChange, keccak256
from pmm.errors import InvalidInput
from pmm.execution.hedging.books import HedgeBooks
from pmm.execution.hedging.commanded import CommandedHedge, command_entry, commanded_hedge
from pmm.execution.hedging.fill_entries import edge_usd_wad, seen_transaction
from pmm.execution.hedging.hedge_ledger import Acknowledge, HedgeLedger
from pmm.execution.hedging.intent_work import IntentWork
from pmm.execution.hedging.notices import HedgeNotice, NoticeKind
from pmm.execution.hedging.policy import HedgedAsset, HedgerPolicy
from pmm.execution.hedging.ports import LegDesk
from pmm.execution.hedging.records import (
    IN_FLIGHT,
    Entry,
    EntryKind,
    HedgeBatch,
    Intent,
    IntentState,
    Leg,
)
from pmm.execution.hedging.routes import (
    HedgeMarket,
    HedgeOrder,
    HedgeRoute,
    RoutePlan,
    RouteRefused,
    rank,
)
from pmm.execution.hedging.strategies import HedgeDecision, Immediate, OpenDelta
from pmm.execution.hedging.transaction_deltas import transaction_deltas

_FORCED = Immediate()


class Hedger:
    """The hedger of one desk; one thread. Raises SetupError while the ledger is down: nothing is sent then."""

    def __init__(
        self, *, ledger: HedgeLedger, routes: tuple[HedgeRoute, ...], desk: LegDesk, policy: HedgerPolicy
    ) -> None:
        self._books = HedgeBooks(ledger)
        self._ledger = ledger
        self._routes = routes
        self._desk = desk
        self._policy = policy
        self._work = IntentWork(self._books, max_attempts=policy.max_attempts)
        self._of = {one.asset.address: one for one in policy.assets}
        self._rests_until_ms: dict[Address, int] = {}
        self._no_route: dict[Address, str] = {}
        self._notices: list[HedgeNotice] = []

    # ------------------------------------------------------------------------------------------------ reading

    @property
    def cursor(self) -> tuple[int, bytes] | None:
        """Number and hash of the newest block whose events are in the books."""
        return self._books.accounts.cursor

    def open_delta(self, asset: Address) -> int:
        """Return delta that no intent has claimed, base units."""
        return self._books.accounts.open_delta(asset)

    def in_flight(self, asset: Address) -> int:
        """Return what hedges under way will still change our position by, base units."""
        return self._books.accounts.in_flight(asset)

    def waiting(self, asset: Address, *, now_ms: int, usd_per_unit_e36: int) -> OpenDelta:
        """Return what no intent has claimed, as strategies see it."""
        entries = self._books.accounts.open_entries(asset)
        return OpenDelta.of(entries, now_ms=now_ms, usd_per_unit_e36=usd_per_unit_e36)

    def live_intents(self) -> tuple[Intent, ...]:
        """Return the intents that are not over."""
        return self._books.accounts.live_intents()

    def legs_in_flight(self) -> tuple[Leg, ...]:
        """Return the legs whose end is not known."""
        return self._books.accounts.legs(IN_FLIGHT)

    # ------------------------------------------------------------------------------------------------- turns

    def on_change(
        self,
        change: ChainChange,
        *,
        now_ms: int,
        market: HedgeMarket | None = None,
        acknowledge: Acknowledge | None = None,
    ) -> tuple[HedgeNotice, ...]:
        """Take in a step of the chain; with a market, hedge what it brought in the same turn.

        For a caller to whom no other step waits; ``acknowledge`` as of :meth:`take_in`.
        """
        try:
            self._take_in(change, now_ms, market)
            return self._turn(now_ms, market, acknowledge)
        except BaseException:
            # Whatever was not committed comes again with the same change.
            self._books.drop()
            raise

    def take_in(
        self,
        change: ChainChange,
        *,
        now_ms: int,
        market: HedgeMarket | None = None,
        acknowledge: Acknowledge | None = None,
    ) -> None:
        """Take in a step of the chain and decide nothing: more of it may wait. ``market`` says what fills earned.

        ``acknowledge`` moves the indexer's place on in the same transaction. Done apart, a crash in between and a
        reorganisation after it would leave a fill in the books that the indexer never says is gone.
        """
        try:
            self._take_in(change, now_ms, market)
            self._books.commit(acknowledge)
        except BaseException:
            # Whatever was not committed comes again with the same change.
            self._books.drop()
            raise

    def step(self, *, now_ms: int, market: HedgeMarket | None) -> tuple[HedgeNotice, ...]:
        """Ask about what is under way, then decide and send; call it at least once a block."""
        try:
            self._ask()
            return self._turn(now_ms, market)
        except BaseException:
            # What was decided half way is decided again, by the market of then.
            self._books.drop()
            raise

    def _ask(self) -> None:
        for leg in self._books.accounts.legs(IN_FLIGHT):
            try:
                report = self._desk.report(leg)
            except Exception as error:  # noqa: BLE001 - whoever takes legs may fail in any way; nothing is known then
                self._tell(
                    NoticeKind.NO_ANSWER, leg.intent_id, f"leg {leg.key}: {type(error).__name__}: {error}"
                )
                continue
            self._notices += self._work.take(leg, report)
        self._work.settle()

    def hedge_now(self, asset: Address, delta: int, *, key: str, now_ms: int) -> bool:
        """Enter ``delta`` base units, that we are longer by, to be hedged whatever the strategy says.

        Return False where this key was entered before or the asset is not hedged here.
        """
        name = command_entry(key)
        if asset not in self._of or self._ledger.knows_entry(name):
            return False
        entry = Entry(key=name, kind=EntryKind.COMMAND, asset=asset, amount=delta, at_ms=now_ms)
        self._books.note(HedgeBatch(entries=(entry,)))
        self._books.commit()
        self._rests_until_ms.pop(asset, None)
        self._no_route.pop(asset, None)
        return True

    def commanded(self, key: str) -> CommandedHedge | None:
        """Return what became of what ``hedge_now`` entered under a key; None where it was not."""
        return commanded_hedge(self._ledger, key)

    def no_route(self, asset: Address) -> str:
        """Return why the last decision about an asset found no way; empty where it did."""
        return self._no_route.get(asset, "")

    # ---------------------------------------------------------------------------------------------- internal

    def _take_in(self, change: ChainChange, now_ms: int, market: HedgeMarket | None) -> None:
        removed = transaction_deltas(change.removed, self._policy.accounts)
        added = transaction_deltas(change.added, self._policy.accounts)
        books = self._books
        for leg in books.accounts.undone_legs(removed):
            books.note(books.accounts.reopened(leg, at_ms=now_ms))
            self._tell(NoticeKind.UNDONE, leg.intent_id, f"leg {leg.key}: its block was undone")
        fills = [one for one in (*removed, *added) if one.fills]
        known = books.ledger.keys_of_blocks({one.place.block.hash for one in fills}) if fills else frozenset()
        entries = books.accounts.entries_of(
            removed,
            added,
            assets=self._of.keys(),
            at_ms=now_ms,
            known=known,
            edges_usd_wad={one.key: edge_usd_wad(one, market) for one in fills} if market else {},
        )
        books.note(
            HedgeBatch(
                entries=entries,
                unseen=tuple(one.key for one in removed),
                seen=tuple(seen_transaction(one) for one in added),
                cursor=(change.head.number, change.head.hash),
            )
        )
        self._work.settle()
        books.note(books.accounts.final(change.finalised))

    def _turn(
        self, now_ms: int, market: HedgeMarket | None, acknowledge: Acknowledge | None = None
    ) -> tuple[HedgeNotice, ...]:
        for intent in self._books.accounts.live_intents():
            self._work_on(intent, now_ms, market)
        if market is not None:
            for hedged in self._policy.assets:
                self._decide(hedged, now_ms, market)
        ready = self._work.take_ready()
        self._books.commit(acknowledge)
        for leg in ready:
            self._hand_over(leg)
        if ready:
            self._books.commit()
        notices, self._notices = tuple(self._notices), []
        return notices

    def _hand_over(self, leg: Leg) -> None:
        try:
            report = self._desk.submit(leg)
        except Exception as error:  # noqa: BLE001 - a lost answer is any failure at all
            self._work.lost(leg, f"{type(error).__name__}: {error}")
            self._tell(NoticeKind.NO_ANSWER, leg.intent_id, f"leg {leg.key}: {type(error).__name__}: {error}")
            return
        self._notices += self._work.take(leg, report)

    def _work_on(self, intent: Intent, now_ms: int, market: HedgeMarket | None) -> None:
        hedged = self._of.get(intent.asset)

        def replan(trade: int) -> tuple[RoutePlan, ...]:
            if market is None or hedged is None:
                return ()
            # The decision stands: what it costs now is judged, not whether it still earns.
            return self._rank(hedged, trade, market, edge_usd_wad=intent.edge_usd_wad, forced=True)[0]

        notices = self._work.advance(intent, now_ms=now_ms, replan=None if market is None else replan)
        self._notices += notices
        if any(one.kind in (NoticeKind.FAILED, NoticeKind.STUCK) for one in notices):
            self._rest(intent.asset, now_ms)

    def _decide(self, hedged: HedgedAsset, now_ms: int, market: HedgeMarket) -> None:
        asset = hedged.asset.address
        entries = self._books.accounts.open_entries(asset)
        if not entries:
            return
        if sum(one.amount for one in entries) == 0:
            self._open(hedged, entries, HedgeDecision(trade=0, reason="nothing is left of it"), None, now_ms)
            return
        delta = OpenDelta.of(entries, now_ms=now_ms, usd_per_unit_e36=market.usd_per_unit_e36.get(asset, 0))
        forced = delta.commanded
        # A command ends the rest when it comes; where it fails it rests like any other.
        if now_ms < self._rests_until_ms.get(asset, 0):
            return
        decision = (_FORCED if forced else hedged.strategy).decide(delta)
        if decision is None:
            return
        if decision.trade == 0:
            self._open(hedged, entries, decision, None, now_ms)
            return
        edge = sum(one.edge_usd_wad for one in entries)
        plans, refused = self._rank(hedged, decision.trade, market, edge_usd_wad=edge, forced=forced)
        if not plans:
            why = "; ".join(f"{one.route}: {one.why}" for one in refused) or "there is no route"
            self._no_route[asset] = why
            self._tell(NoticeKind.NO_ROUTE, "", f"{hedged.asset.symbol} {decision.trade}: {why}")
            self._rest(asset, now_ms)
            return
        self._no_route.pop(asset, None)
        self._open(hedged, entries, decision, plans[0], now_ms)

    def _open(
        self,
        hedged: HedgedAsset,
        entries: tuple[Entry, ...],
        decision: HedgeDecision,
        plan: RoutePlan | None,
        now_ms: int,
    ) -> None:
        intent_id = keccak256("\n".join(sorted(one.key for one in entries)).encode())[:16].hex()
        asset = hedged.asset.address
        intent = Intent(
            intent_id=intent_id,
            asset=asset,
            trade=decision.trade,
            waived=decision.waived,
            route=plan.route if plan else "none",
            strategy=hedged.strategy.name,
            reason=decision.reason,
            created_ms=now_ms,
            cost_usd_wad=plan.cost.total_usd_wad if plan else 0,
            edge_usd_wad=sum(one.edge_usd_wad for one in entries),
            state=IntentState.OPEN if plan else IntentState.DONE,
        )
        carried: tuple[Entry, ...] = ()
        if decision.carry:
            # What waits on keeps the age of the oldest part of it.
            key = f"{EntryKind.CARRY}:{intent_id}"
            oldest = min(one.at_ms for one in entries)
            carry = Entry(key=key, kind=EntryKind.CARRY, asset=asset, amount=decision.carry, at_ms=oldest)
            carried = (carry,)
        self._books.note(
            HedgeBatch(
                entries=carried,
                claims=tuple((one.key, intent_id) for one in entries),
                intents=(intent,),
                legs=self._work.planned(intent, plan.legs, first=0, attempt=0) if plan else (),
            )
        )

    def _rank(
        self, hedged: HedgedAsset, trade: int, market: HedgeMarket, *, edge_usd_wad: int, forced: bool
    ) -> tuple[tuple[RoutePlan, ...], tuple[RouteRefused, ...]]:
        limits = hedged.limits
        order = HedgeOrder(
            asset=hedged.asset,
            quote=hedged.quote,
            trade=trade,
            max_slippage_bps=limits.max_slippage_bps,
            max_cost_bps=limits.max_cost_bps,
            holding_s=hedged.holding_s,
        )
        try:
            ranked = rank(self._routes, order, market, limits, edge_usd_wad=edge_usd_wad, forced=forced)
        except InvalidInput as error:
            # No price, no hedge; the books must not wait for it.
            return (), (RouteRefused(route="market", why=str(error)),)
        last_block = market.block_number + self._policy.leg_blocks
        # What it costs is judged again when it is sent, by the gas price of then.
        return tuple(plan.bounded(order, market, last_block=last_block) for plan in ranked[0]), ranked[1]

    def _rest(self, asset: Address, now_ms: int) -> None:
        self._rests_until_ms[asset] = now_ms + self._policy.retry_after_ms

    def _tell(self, kind: NoticeKind, intent_id: str, detail: str) -> None:
        self._notices.append(HedgeNotice(kind=kind, intent_id=intent_id, detail=detail))
