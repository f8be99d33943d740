"""The clock of value at risk and stress: prices are collected turn by turn, the book is valued in a thread aside.

A turn hands over a frozen snapshot and goes on; what came out is told by a later turn. No fill's hedge waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import structlog

from pmm.desk.past_prices import PastPrices
from pmm.desk.performance_ledger import PerformanceLedger
from pmm.desk.var_days import Held, VarDays
from pmm.domain import Address, Token
from pmm.execution.book import InventoryBook
from pmm.execution.hedging import HedgeMarket
from pmm.ledger import Ledger
from pmm.monitoring.desk import RiskEvents
from pmm.pricing import LendingReading
from pmm.risk.events import PositionValued, RiskEvent, StressMeasured, VarMeasured, VarUnknown
from pmm.risk.price_record import HOUR_MS, MOST_HOURS, MOST_PRICES, PriceRecord
from pmm.risk.returns import ReturnModel
from pmm.risk.settings import RiskSettings
from pmm.risk.stress import StressedAccount, StressedBook
from pmm.risk.tail import TailRisk
from pmm.risk.valuation import Snapshot, Valuation, no_price_of, value

_E36 = 10**36
_WAD = 10**18
_DUST_USD = 10.0
_BONUS = 0.05
"""Aave's liquidation bonus of WETH and most of what we hold; the keeper works so that none is ever paid."""
_PEG = 0.02
"""A token within it of a dollar may stand still: its feed moves once a day."""
_NO_FEED = "it has no feed: give it one in pmm.chain.feeds, or leave it out of PMM_PAIRS and PMM_DESK_HEDGED"
VALUE_AT_RISK = ("value_at_risk_pct", "expected_shortfall_pct")
"""Metrics that need a price of every token of the desk."""
_LOG = structlog.get_logger()


class RiskClock:
    """Values the book every ``every_ms``; close it at the end.

    Args:
        price_every_ms: pause between the prices that are kept, in the ledger too: a restart goes on with them.
        least: prices before value at risk is known.
        past: prices of before the desk's own.
    """

    def __init__(
        self,
        ledger: Ledger,
        events: RiskEvents,
        *,
        settings: RiskSettings,
        tokens: Iterable[Token],
        every_ms: int,
        price_every_ms: int,
        least: int,
        past: PastPrices,
        now_ms: int,
    ) -> None:
        self._rows, self._events, self._settings = PerformanceLedger(ledger), events, settings
        self._tokens = tuple(tokens)
        self._every_ms = every_ms
        self.record = PriceRecord(
            sorted(one.symbol for one in self._tokens), every_ms=price_every_ms, least=least
        )
        self._thin_ms = price_every_ms * MOST_PRICES * 2
        own = self._rows.prices(most=MOST_PRICES * 2 + MOST_HOURS)
        for at_ms, row in past.around([(at_ms, self._whole(seen)) for at_ms, seen in own], now_ms):
            self.record.see(at_ms, row)
        self._lacking: set[str] = set()
        self._unwritten: dict[int, Mapping[Address, int]] = {}
        self._prices: Mapping[Address, int] = {}
        self._found: list[tuple[Valuation, Held]] = []
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="risk-clock")
        self._days = VarDays(ledger, events, tokens=self._tokens)
        self._running: tuple[Future[Valuation], Held] | None = None
        self._past = past
        self._asked_ms: int | None = None
        self._seed = 0
        self.model: ReturnModel | None = None
        """A day's returns as the last valuation saw them; None while nobody knows."""
        self.tails: Mapping[str, TailRisk] = {}
        """What may be lost in a day, by method; empty while nobody knows."""

    def look(
        self,
        positions: Sequence[PositionValued] | None,
        book: InventoryBook,
        market: HedgeMarket,
        day_usd: tuple[float, float],
        now_ms: int,
    ) -> list[RiskEvent]:
        """Take the prices in, tell what the thread has found, and ask it again when it is time. Writes nothing.

        ``positions`` None: one of them has no price. ``day_usd``: revenue and gas of the day.
        """
        lacking = self._see(market, now_ms)
        self._prices = market.usd_per_unit_e36
        found = self._collect(now_ms)
        if self._running is None and (self._asked_ms is None or now_ms - self._asked_ms >= self._every_ms):
            self._asked_ms = now_ms
            if positions is None:
                found.append(
                    VarUnknown(now_ms, 0, no_price_of(lacking) if lacking else "a position has no price")
                )
            elif market.lending_unknown:
                # An account that is left out would be stressed as if nothing could be lost by it.
                found.append(VarUnknown(now_ms, 0, "; ".join(market.lending_unknown.values())))
            else:
                snapshot = replace(
                    self._snapshot(positions, book, market, day_usd, now_ms), lacking=tuple(lacking)
                )
                # Without a price there is no value at risk, and so no forecast to hold anything against.
                held = {} if lacking else self._days.held(positions, market.usd_per_unit_e36)
                self._running = self._aside.submit(value, snapshot, self._settings), held
                if self._days.wants_history:
                    self._past.judge(snapshot, self._aside)
        return found

    def keep(self, now_ms: int) -> None:
        """Write what was taken in and found; raises SetupError while the ledger is down, and writes it later."""
        for at_ms, seen in list(self._unwritten.items()):
            self._rows.put_prices(
                at_ms,
                seen,
                thin_before_ms=now_ms - self._thin_ms,
                forget_before_ms=now_ms - self._thin_ms - HOUR_MS * MOST_HOURS,
            )
            del self._unwritten[at_ms]
        self._past.keep(self._days)
        self._days.end(self._prices, now_ms)
        while self._found:
            self._days.forecast(*self._found[0])
            del self._found[0]

    def close(self) -> None:
        """End the thread after what it is at."""
        self._aside.shutdown(wait=True, cancel_futures=True)

    # ---------------------------------------------------------------------------------------------- internal

    def _see(self, market: HedgeMarket, now_ms: int) -> dict[str, str]:
        """Take the prices in; return why tokens have none, by symbol: until they have, nothing is taken in."""
        seen = {
            one.address: market.usd_per_unit_e36[one.address]
            for one in self._tokens
            if one.address in market.usd_per_unit_e36
        }
        if self.record.see(now_ms, self._whole(seen)):
            self._unwritten[now_ms] = seen
        lacking = {
            one.symbol: market.unpriced.get(one.address, _NO_FEED)
            for one in self._tokens
            if market.usd_per_unit_e36.get(one.address, 0) <= 0
        }
        if set(lacking) != self._lacking:
            # Once, not per turn. It counts as a warning as long as it lasts.
            self._lacking = set(lacking)
            if lacking:
                _LOG.warning("value_at_risk_lacks_prices", of=lacking)
            else:
                _LOG.info("value_at_risk_has_prices")
        return lacking

    def _whole(self, usd_e36: Mapping[Address, int]) -> dict[str, float]:
        """Return US dollars per whole token, by symbol."""
        return {one.symbol: usd_e36.get(one.address, 0) * 10**one.decimals / _E36 for one in self._tokens}

    def _collect(self, now_ms: int) -> list[RiskEvent]:
        if self._running is None or not self._running[0].done():
            return []
        (done, held), self._running = self._running, None
        self.model, self.tails = None, {}
        error = done.exception()
        if error is not None:
            # Whatever it was: unknown is a warning, and the desk goes on hedging.
            _LOG.error("risk_not_valued", error=f"{type(error).__name__}: {error}")
            return [VarUnknown(now_ms, 0, "the valuation failed")]
        self._found.append((done.result(), held))
        return self._told(done.result())

    def _told(self, one: Valuation) -> list[RiskEvent]:
        capital = round(one.capital_usd * 1e6)
        self.model, self.tails = one.model, one.tails
        for metric in VALUE_AT_RISK:
            self._events.metric_needs(metric=metric, subject="", prices=one.needs)
        for method, way in one.tails.items():
            self._events.loss_estimated(
                method=method, var_usd=way.value_at_risk_usd, shortfall_usd=way.expected_shortfall_usd
            )
        for result in one.stressed:
            self._events.scenario_valued(scenario=result.scenario, pnl_usd=result.worst_usd)
        found: list[RiskEvent] = [StressMeasured(one.at_ms, round(one.worst_loss_usd * 1e6), capital)]
        tail = one.tails.get("monte_carlo")
        if tail is None:
            self._events.loss_unknown()
            return [*found, VarUnknown(one.at_ms, one.needs, one.why)]
        var, shortfall = tail.value_at_risk_usd, tail.expected_shortfall_usd
        return [*found, VarMeasured(one.at_ms, round(var * 1e6), round(shortfall * 1e6), capital)]

    def _snapshot(
        self,
        positions: Sequence[PositionValued],
        book: InventoryBook,
        market: HedgeMarket,
        day_usd: tuple[float, float],
        now_ms: int,
    ) -> Snapshot:
        dollars = {one.asset: one.lasting_usd_e6 / 1e6 for one in positions}
        prices = self._whole(market.usd_per_unit_e36)
        exposed = [
            asset for asset, usd in dollars.items() if abs(usd) >= _DUST_USD and abs(prices[asset] - 1) > _PEG
        ]
        self._seed += 1
        return Snapshot(
            at_ms=now_ms,
            book=StressedBook(
                capital_usd=sum(one.worth_usd_e6 for one in positions) / 1e6,
                positions=dollars,
                accounts=self._accounts(book, market),
                revenue_usd_per_day=day_usd[0],
                gas_usd_per_day=day_usd[1],
            ),
            assets=self.record.assets,
            returns=None if self.record.missing else self.record.day_returns(),
            hours=self.record.hour_returns(),
            needs=self.record.missing,
            still=self.record.still(exposed),
            seed=self._seed,
        )

    def _accounts(self, book: InventoryBook, market: HedgeMarket) -> tuple[StressedAccount, ...]:
        """Return each market's account with debt: its whole collateral as its largest, its debt as its largest."""
        found: list[StressedAccount] = []
        for name in sorted({one.market for one in market.lending}):
            supplied, owed = self._held(book, market, name)
            debt, reading = sum(owed.values()), _first(market.lending, name)
            if debt <= 0 or not supplied:
                continue
            collateral = sum(supplied.values())
            found.append(
                StressedAccount(
                    name=name,
                    collateral=max(supplied, key=lambda asset: supplied[asset]),
                    debt=max(owed, key=lambda asset: owed[asset]),
                    collateral_usd=collateral,
                    debt_usd=debt,
                    threshold=reading.collateral_usd_wad / _WAD / collateral,
                    bonus=_BONUS,
                )
            )
        return tuple(found)

    def _held(
        self, book: InventoryBook, market: HedgeMarket, name: str
    ) -> tuple[dict[str, float], dict[str, float]]:
        symbols = {one.address: one.symbol for one in self._tokens}
        supplied: dict[str, float] = {}
        owed: dict[str, float] = {}
        for key, position in book.lending.items():
            if key.market.value != name:
                continue
            price = market.usd_per_unit_e36.get(key.token, 0) / _E36
            for amounts, amount in (
                (supplied, position.supplied_at(market.at_s)),
                (owed, position.owed_at(market.at_s)),
            ):
                if amount * price > 0:
                    amounts[symbols[key.token]] = amount * price
        return supplied, owed


def _first(readings: Sequence[LendingReading], market: str) -> LendingReading:
    return next(one for one in readings if one.market == market)
