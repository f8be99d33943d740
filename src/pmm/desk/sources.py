"""The sources beyond the desk as it asks them: each role in a thread of its own, its health told to risk.

No turn waits for any of them. What they say is held against what the desk trades by, and moves nothing by itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pmm.chain.web3_node import Web3Node
from pmm.domain import Address, Token
from pmm.execution.hedging import HedgeMarket
from pmm.monitoring.desk.source_events import SourceEvents
from pmm.pricing import ReferencePrice
from pmm.risk.events import SourceProbed
from pmm.settings import ServeSettings
from pmm.settings_books import open_books
from pmm.sources import (
    EACH_BLOCK,
    EACH_HOUR,
    EACH_MINUTE,
    AaveApi,
    BookPrices,
    CalledSource,
    ChainlinkPrices,
    CoinGeckoMarkets,
    CoinGeckoPrices,
    CompoundApi,
    CrossCheck,
    DuneSql,
    FirstOf,
    Guarded,
    GuardPolicy,
    Patient,
    Polled,
    PoolPrices,
    Source,
    SourcePoller,
    SystemClock,
    largest_gap,
    rates_of_readings,
)
from pmm.sources.fallback import Answered

T = TypeVar("T")
_MOST_PROBES: Final = 10_000
_BLOCK_S, _MINUTE_S, _HOUR_S = 12.0, 60.0, 3_600.0
_DUNE_PATIENCE_S: Final = 330.0
"""Its own patience with an execution, and the questions around it."""
_COINGECKO, _COINGECKO_PRO = "https://api.coingecko.com/api/v3", "https://pro-api.coingecko.com/api/v3"
_PRICE_AGE_S: Final = 300
_E36: Final = 10**36
_UNHEALTHY: Final = ("failed", "broken")
Market = Callable[[], HedgeMarket | None]


class ProbedSources:
    """A ``SourceWatch`` that counts and keeps what risk must hear of; many threads tell it, one drains it."""

    def __init__(self, events: SourceEvents, clock_ms: Callable[[], int]) -> None:
        self._events, self._clock_ms = events, clock_ms
        self._probes: deque[SourceProbed] = deque(maxlen=_MOST_PROBES)

    def drain(self) -> list[SourceProbed]:
        """Return what was heard since the last call."""
        return [self._probes.popleft() for _ in range(len(self._probes))]

    def source_answered(self, *, source: str, took_s: float, at_s: float) -> None:
        """A source answered."""
        self._events.source_answered(source=source, took_s=took_s, at_s=at_s)
        self._probes.append(SourceProbed(self._clock_ms(), source, healthy=True))

    def source_failed(self, *, source: str, outcome: str, detail: str) -> None:
        """A source did not. One that our own limit kept from being asked was not looked at."""
        self._events.source_failed(source=source, outcome=outcome, detail=detail)
        if outcome in _UNHEALTHY:
            self._probes.append(SourceProbed(self._clock_ms(), source, healthy=False))

    def source_state(self, *, source: str, healthy: bool, breaker: str) -> None:
        """How a source stands."""
        self._events.source_state(source=source, healthy=healthy, breaker=breaker)

    def breaker_changed(self, *, source: str, before: str, after: str) -> None:
        """A breaker changed."""
        self._events.breaker_changed(source=source, before=before, after=after)

    def fell_back(self, *, role: str, source: str, missing: tuple[str, ...]) -> None:
        """Another source answered."""
        self._events.fell_back(role=role, source=source, missing=missing)

    def skipped(self, *, role: str, missing: tuple[str, ...]) -> None:
        """Nobody answered."""
        self._events.skipped(role=role, missing=missing)

    def cross_checked(self, *, role: str, ratio: float) -> None:
        """Two ways to the same numbers differ by this much."""
        self._events.cross_checked(role=role, ratio=ratio)


class CheckedRates:
    """A role: an API's rates held against those of the contracts. The answer is the gap."""

    def __init__(self, check: CrossCheck) -> None:
        self.name, self._check = check.name, check

    def ask(self) -> Answered[float] | None:
        """Ask both; None where one is silent or they share nothing."""
        gap = self._check.run()
        return None if gap is None else Answered(gap, self.name)


class CheckedPrices:
    """A role: outside prices held against those the desk trades by. The answer is theirs."""

    def __init__(
        self, role: FirstOf[tuple[ReferencePrice, ...]], market: Market, watch: ProbedSources
    ) -> None:
        self.name, self._role, self._market, self._watch = role.name, role, market, watch

    def ask(self) -> Answered[tuple[ReferencePrice, ...]] | None:
        """Ask, and tell the largest difference from the newest turn's prices."""
        found, market = self._role.ask(), self._market()
        if found is None or market is None:
            return found
        theirs = {one.token: one.rate_e36 / _E36 for one in found.value if one.unit is None}
        gap = largest_gap(theirs, _floats(market.usd_per_unit_e36), floor=0.0)
        if gap is not None:
            self._watch.cross_checked(role=self.name, ratio=gap)
        return found


class DeskSources:
    """What is configured, being asked; the feeds always are. Close it at the end."""

    def __init__(
        self,
        settings: ServeSettings,
        tokens: Sequence[Token],
        events: SourceEvents,
        market: Market,
        clock_ms: Callable[[], int],
    ) -> None:
        self.watch = ProbedSources(events, clock_ms)
        self._settings, self._tokens, self._market = settings, tuple(tokens), market
        self._timeout_s = settings.sources.timeout_ms / 1_000
        self._books = open_books(settings)
        self._stand_ins: dict[str, tuple[str, ...]] = {}
        # Not the desk's own, and one each: a connection serves one thread, and the question to the feeds may hang in
        # its own while the pools are asked.
        self._node, self._pools_node = (
            Web3Node(settings.rpc_url, timeout_s=self._timeout_s) for _ in range(2)
        )
        try:
            polled = tuple(self._polled())
            self.poller = SourcePoller(polled, SystemClock())
        except BaseException:
            self._close_nodes()
            raise
        for one in polled:
            events.role_joined(role=one.role.name, stand_ins=self._stand_ins.get(one.role.name, ()))

    def start(self) -> None:
        """Begin to ask, and to hear the books that stand in where nobody else answers."""
        self._books.current()
        self.poller.start()

    def drain(self) -> list[SourceProbed]:
        """Return what risk must hear of since the last call."""
        return self.watch.drain()

    def close(self) -> None:
        """Stop asking; who answers now is not listened to."""
        try:
            self.poller.close(wait_s=1.0)
        finally:
            self._books.close()
            self._close_nodes()

    # ---------------------------------------------------------------------------------------------- internal

    def _polled(self) -> Iterable[Polled]:
        valuation: list[Source[tuple[ReferencePrice, ...]]] = [
            ChainlinkPrices(self._node, self._tokens, chain_now_s=self._chain_now_s),
            PoolPrices(self._pools_node, self._tokens, chain_now_s=self._chain_now_s),
        ]
        if self._books.books:
            valuation.append(BookPrices(self._books))
        guarded = [self._guard(one, EACH_BLOCK) for one in valuation]
        self._stand_ins["valuation"] = tuple(one.name for one in valuation[1:])
        yield Polled(self._prices("valuation", *guarded), _BLOCK_S)
        sources, timeout_s = self._settings.sources, self._timeout_s
        if sources.aave_api is not None:
            aave = AaveApi(self._tokens, timeout_s=timeout_s, url=sources.aave_api)
            yield self._rates("aave_rates", "aave_v3", self._guard(aave, EACH_MINUTE))
        if sources.compound_api is not None:
            compound = CompoundApi(sources.compound_api, self._tokens, timeout_s=timeout_s)
            yield self._rates("compound_rates", "compound_v2", self._guard(compound, EACH_MINUTE))
        if self._settings.coingecko_url is not None:
            prices = CoinGeckoPrices(
                self._settings.coingecko_url, self._tokens, timeout_s=timeout_s, max_age_s=_PRICE_AGE_S
            )
            yield Polled(self._prices("prices", self._guard(prices, EACH_MINUTE)), _MINUTE_S)
        if sources.coingecko_key is not None:
            pro = sources.coingecko_pro
            values = CoinGeckoMarkets(
                self._settings.coingecko_url or (_COINGECKO_PRO if pro else _COINGECKO),
                self._tokens,
                timeout_s=timeout_s,
                key=sources.coingecko_key.get_secret_value(),
                pro=pro,
            )
            yield Polled(
                FirstOf("market_values", (self._guard(values, EACH_MINUTE),), watch=self.watch), _MINUTE_S
            )
        if sources.dune_key is not None and sources.dune_sql is not None:
            dune = DuneSql(
                "dune",
                sources.dune_sql,
                key=sources.dune_key.get_secret_value(),
                timeout_s=timeout_s,
                clock=SystemClock(),
            )
            flow = self._guard(dune, EACH_HOUR, patience_s=_DUNE_PATIENCE_S)
            yield Polled(FirstOf("flow", (flow,), watch=self.watch), _HOUR_S)

    def _close_nodes(self) -> None:
        for node in (self._node, self._pools_node):
            node.close()

    def _chain_now_s(self) -> int:
        market = self._market()
        return int(time.time()) if market is None else market.at_s

    def _guard(
        self, source: Source[T], policy: GuardPolicy, *, patience_s: float | None = None
    ) -> Guarded[T]:
        # Connection, head and body of an answer may each take the timeout.
        patient = Patient(source, patience_s=patience_s or 3 * self._timeout_s)
        return Guarded(patient, policy=policy, watch=self.watch, clock=SystemClock())

    def _prices(self, role: str, *sources: Source[tuple[ReferencePrice, ...]]) -> CheckedPrices:
        return CheckedPrices(FirstOf(role, sources, watch=self.watch), self._market, self.watch)

    def _rates(self, role: str, market_name: str, api: Source[Any]) -> Polled:
        def contracts() -> tuple[Any, ...]:
            market = self._market()
            readings = () if market is None else market.lending
            return rates_of_readings([one for one in readings if one.market == market_name], self._tokens)

        check = CrossCheck(role, CalledSource(market_name, contracts), api, watch=self.watch)
        return Polled(CheckedRates(check), _MINUTE_S)


def _floats(prices: Mapping[Address, int]) -> dict[Address, float]:
    return {token: price / _E36 for token, price in prices.items()}
