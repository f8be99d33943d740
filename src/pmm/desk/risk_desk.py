"""Tells the risk monitor what the desk knows, writes down how the phases move. What nobody says stays unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pmm.chain.node_pool import NodeState
from pmm.desk.gauges import unhedged
from pmm.desk.risk_clock import RiskClock
from pmm.desk.strategy import DUST_USD_WAD
from pmm.domain import Address, Token
from pmm.execution.actions import ActionRecord, AuditTrail, Money
from pmm.execution.book import Exposure, InventoryBook, Origin, PendingQuote, PerpHolding, exposures
from pmm.execution.hedging import HedgedAsset, HedgeMarket, Hedger
from pmm.ledger import Ledger
from pmm.monitoring.desk import DeskEvents
from pmm.risk.events import (
    CollateralValued,
    GasPriceSeen,
    NodeProbed,
    PortfolioValued,
    PositionValued,
    RiskEvent,
    RoundTripSeen,
)
from pmm.risk.monitor import DESK, RiskMonitor, Transition
from pmm.risk.settings import RiskSettings

_E6_OF_E36 = 10**30
_E6_OF_WAD = 10**12
_LONG = (Origin.WALLET, Origin.CONTRACT, Origin.LENDING_SUPPLY)
_OURS = (Origin.WALLET, Origin.CONTRACT)


class RiskDesk:
    """Measures and writes down; ``DeskActions`` does what the monitor asks for."""

    def __init__(
        self,
        ledger: Ledger,
        events: DeskEvents,
        *,
        settings: RiskSettings,
        tokens: Iterable[Token],
        hedged: Sequence[HedgedAsset],
        expect: dict[str, tuple[str, ...]],
        lending_account: str,
        clock: RiskClock,
        now_ms: int,
        trail: AuditTrail | None = None,
    ) -> None:
        self.clock, self._lending_account = clock, lending_account
        self.record = ActionRecord(ledger, trail)
        self._events = events
        self.positions: list[PositionValued] | None = None
        """What the last look valued; None where a price was missing."""
        self._tokens = {token.address: token for token in tokens}
        self._hedged = {one.asset.address: one for one in hedged}
        # What the others are traded for: profit is counted in it.
        self._numeraires = {one.quote.address for one in hedged} - set(self._hedged)
        self._unwritten: list[Transition] = []
        states, desk = self.record.phases()
        self.monitor = RiskMonitor(settings, expect, now_ms=now_ms, restored=states, desk=desk)

    def look(
        self,
        book: InventoryBook,
        hedger: Hedger,
        market: HedgeMarket | None,
        nodes: Sequence[NodeState],
        now_ms: int,
        *,
        told: Iterable[RiskEvent] = (),
        day_usd: tuple[float, float] = (0.0, 0.0),
        perps: Sequence[PerpHolding] = (),
        perps_usd_e6: int = 0,
        quotes: Sequence[PendingQuote] = (),
    ) -> tuple[Transition, ...]:
        """Tell what is known now, and write the transitions; raises SetupError while the ledger is down.

        What was told counts, and the posture with it, also where it cannot be written: that is made up for later.

        ``told`` is what other parts of the desk measured, ``day_usd`` the day's revenue and gas for the stress,
        ``perps`` the positions on perp venues and ``perps_usd_e6`` what they won or lost, ``quotes``
        those that count by their fill probability.
        Without a market nothing of it is valued: its metrics grow old and count as unknown.
        """
        found: list[PositionValued] | None = None
        if market is not None:
            exposed = exposures(book, now_s=market.at_s, perps=perps, quotes=quotes)
            found = self._positions(exposed, hedger, market, now_ms)
        self.positions = found
        events: list[RiskEvent] = [*told, *_of_nodes(nodes, now_ms)]
        if market is not None:
            events += [
                GasPriceSeen(now_ms, market.gas_price_wei),
                *_of_lending(market, self._lending_account, now_ms),
                *self.clock.look(found, book, market, day_usd, now_ms),
            ]
        portfolio: int | None = None
        if found is not None:
            portfolio = sum(one.worth_usd_e6 for one in found) + perps_usd_e6
            events += [*found, PortfolioValued(now_ms, portfolio)]
            self._events.book.portfolio_valued(usd=portfolio / 1e6)
        # Judged once all is told: a book of which half is in looks like another one.
        for event in events:
            self.monitor.engine.apply(event)
        moved = self.monitor.tick(now_ms)
        self._tell(moved)
        self._write(moved, Money(portfolio_usd_e6=portfolio), now_ms)
        return tuple(moved)

    def _write(self, moved: Iterable[Transition], money: Money, now_ms: int) -> None:
        self._unwritten += moved
        self.record.observe(self._unwritten, self.monitor.states, self.monitor.desk, money, now_ms)
        self._unwritten = []
        self.clock.keep(now_ms)

    def _tell(self, moved: Iterable[Transition]) -> None:
        risk = self._events.risk
        for one in moved:
            risk.state_changed(
                metric=one.name,
                subject=one.key,
                before=one.before.value,
                after=one.after.value,
                why=one.detail,
            )
            if one.name != DESK and (one.name, one.key) not in self.monitor.states:
                risk.metric_forgotten(metric=one.name, subject=one.key)
        for (name, key), state in self.monitor.states.items():
            reading = self.monitor.readings.get((name, key))
            value = None if reading is None else reading.value
            risk.metric_measured(metric=name, subject=key, value=value, state=state.phase.value)
        risk.desk_state(self.monitor.desk.phase.value)

    def _positions(
        self, exposed: dict[Address, Exposure], hedger: Hedger, market: HedgeMarket, now_ms: int
    ) -> list[PositionValued] | None:
        """Return every token's position, None where one that we have has no price: the whole is unknown then."""
        found: list[PositionValued] = []
        for token, exposure in exposed.items():
            price = market.usd_per_unit_e36.get(token, 0)
            if price <= 0 and exposure.by_origin:
                return None
            found.append(self._position(token, exposure, hedger, price, now_ms))
        return found

    def _position(
        self, token: Address, exposure: Exposure, hedger: Hedger, price_e36: int, now_ms: int
    ) -> PositionValued:
        def usd(amount: int) -> int:
            return amount * price_e36 // _E6_OF_E36

        parts = exposure.by_origin
        perp, pending = parts.get(Origin.PERP, 0), parts.get(Origin.PENDING_QUOTES, 0)
        flying = abs(hedger.in_flight(token))
        long, short = (
            usd(sum(parts.get(one, 0) for one in _LONG) + max(perp, 0) + max(pending, 0)),
            usd(-parts.get(Origin.LENDING_DEBT, 0) + max(-perp, 0) + max(-pending, 0)),
        )
        # What the hedger follows is wanted but for what fills brought; of anything else nobody says.
        beyond = usd(unhedged(hedger, token)) + usd(pending)
        wanted = long - short - beyond if token in self._hedged else None
        return PositionValued(
            at_ms=now_ms,
            asset=self._tokens[token].symbol,
            numeraire=token in self._numeraires,
            long_usd_e6=long,
            short_usd_e6=short,
            held_usd_e6=usd(exposure.inventory),
            on_chain_usd_e6=usd(sum(parts.get(one, 0) for one in _OURS)),
            hedge_usd_e6=usd(parts.get(Origin.LENDING_SUPPLY, 0)),
            # A hedge under way covers what it is for.
            to_hedge_usd_e6=usd(flying + self._due(token, hedger, price_e36, now_ms)),
            hedged_usd_e6=usd(flying),
            target_usd_e6=0,
            wanted_usd_e6=wanted,
            perp_usd_e6=usd(perp),
            pending_usd_e6=usd(pending),
        )

    def _due(self, token: Address, hedger: Hedger, price_e36: int, now_ms: int) -> int:
        """Return what the strategy would trade now, base units."""
        hedged = self._hedged.get(token)
        if hedged is None:
            return 0
        waiting = hedger.waiting(token, now_ms=now_ms, usd_per_unit_e36=price_e36)
        if waiting.usd_wad < DUST_USD_WAD:
            return 0
        decision = hedged.strategy.decide(waiting)
        return abs(decision.trade) if decision else 0


def _of_nodes(nodes: Sequence[NodeState], now_ms: int) -> list[RiskEvent]:
    found: list[RiskEvent] = []
    for one in nodes:
        sync, response = (0.0, 0.0) if one.distrusted else (one.sync, one.response)
        found.append(NodeProbed(now_ms, one.name, sync, response, one.chosen))
        if one.mean_ms is not None:
            found.append(RoundTripSeen(now_ms, f"node:{one.name}", round(one.mean_ms * 1_000)))
    return found


def _of_lending(market: HedgeMarket, account: str, now_ms: int) -> list[RiskEvent]:
    """Return the account as the worst of its markets sees it: each market liquidates by itself.

    Nothing while one of them is unknown, for it may be the worst: what nobody tells of grows old and is unknown.
    """
    if market.lending_unknown:
        return []
    found = [
        CollateralValued(
            now_ms, account, one.collateral_usd_wad // _E6_OF_WAD, -(-one.debt_usd_wad // _E6_OF_WAD)
        )
        for one in market.lending
    ]
    worst = min(found, key=_health, default=None)
    return [] if worst is None else [worst]


def _health(one: CollateralValued) -> float:
    return one.collateral_usd_e6 / one.required_usd_e6 if one.required_usd_e6 else float("inf")
