"""The metrics of the risk book, brought up to date by every event.

Pure: events with their times in, readings out. ``apply`` touches only what an event changes; ``tick`` reads
everything, because data also grow old while nothing happens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from pmm.risk import events as seen
from pmm.risk.catalogue import BY_NAME, METRICS
from pmm.risk.gauge import Gauge, measure_of
from pmm.risk.measures import Deviation, Drawdown, Latest, Measure, Presence, Ratio, Total, Turnover
from pmm.risk.metric import Reading
from pmm.risk.positions import BookView, Positions
from pmm.risk.settings import RiskSettings
from pmm.risk.windows import RollingHistogram

_PERCENT: Final = 100.0
_TAKER: Final = "taker:"
_MAX_TAKERS: Final = 1_000
_Kind = TypeVar("_Kind", bound=Measure)

_OF_WHOLE_BOOK: Final = (
    "concentration_pct",
    "hedging_coverage_pct",
    "on_chain_inventory_pct",
    "hedged_inventory_pct",
)


class RiskEngine:
    """All metrics.

    ``expect`` names keys that must be there: they are unknown until something is heard of them. A metric of the whole
    desk is expected unless it has no key here.
    """

    def __init__(self, settings: RiskSettings, expect: Mapping[str, Iterable[str]] | None = None) -> None:
        self._settings = settings
        self._gauges: dict[tuple[str, str], Gauge] = {}
        self._takers: OrderedDict[str, None] = OrderedDict()
        self._positions = Positions()
        book = self._positions
        self._of_book: dict[str, Callable[[str], float | None]] = {
            "net_delta_pct": book.delta_pct,
            "inventory_level_pct": book.level_pct,
            "concentration_pct": lambda _: book.concentration_pct(),
            "hedging_coverage_pct": lambda _: book.coverage_pct(),
            "on_chain_inventory_pct": lambda _: book.on_chain_pct(),
            "hedged_inventory_pct": lambda _: book.hedge_pct(),
        }
        self._responses = RollingHistogram(BY_NAME["quote_response_ms"].window_ms)
        for metric in METRICS:
            for key in (expect or {}).get(metric.name, () if metric.each else ("",)):
                self._gauge(metric.name, key)
        self._handlers: dict[type, Callable[[Any], list[Gauge]]] = {
            seen.RequestAnswered: self._request_answered,
            seen.QuoteGiven: self._quote_given,
            seen.QuoteExecuted: self._quote_executed,
            seen.EdgeRealised: self._edge_realised,
            seen.SettlementEnded: self._settlement_ended,
            seen.NodeProbed: self._node_probed,
            seen.RoundTripSeen: self._round_trip,
            seen.SourceProbed: self._source_probed,
            seen.GasPriceSeen: self._gas_price,
            seen.VenueTradeDone: self._venue_trade,
            seen.TransactionIncluded: self._included,
            seen.AvailabilitySeen: self._availability,
            seen.PositionValued: self._position,
            seen.PortfolioValued: self._portfolio,
            seen.InventoryHeld: self._inventory_held,
            seen.Rebalanced: self._rebalanced,
            seen.VarMeasured: self._var,
            seen.VarUnknown: self._var_unknown,
            seen.StressMeasured: self._stress,
            seen.CollateralValued: self._collateral,
            seen.FlashLoanTaken: self._flash_loan,
            seen.PnlBooked: self._pnl,
            seen.MarkoutTaken: self._markout,
        }

    def apply(self, event: seen.RiskEvent) -> list[Reading]:
        """Take an event; return the metrics it changed, read at its time."""
        at_ms = event.at_ms
        return [gauge.read(at_ms) for gauge in self._handlers[type(event)](event)]

    def tick(self, now_ms: int) -> list[Reading]:
        """Return every metric now."""
        return [gauge.read(now_ms) for gauge in self._gauges.values()]

    def response_percentile_ms(self, share: float, now_ms: int) -> float | None:
        """Return a percentile of the response time (p50: 0.5, p99: 0.99), 5 % exact; None without requests."""
        found = self._responses.percentile(share, now_ms)
        return None if found is None else found / 1_000

    def _gauge(self, name: str, key: str = "") -> Gauge:
        gauge = self._gauges.get((name, key))
        if gauge is None:
            gauge = self._gauges[name, key] = Gauge(
                BY_NAME[name], key, self._settings, self._measure(name, key)
            )
        return gauge

    def _measure(self, name: str, key: str) -> Measure:
        of_book = self._of_book.get(name)
        return measure_of(BY_NAME[name]) if of_book is None else BookView(self._positions, of_book, key)

    def _on(self, kind: type[_Kind], name: str, key: str = "") -> tuple[Gauge, _Kind]:
        gauge = self._gauge(name, key)
        assert isinstance(gauge.measure, kind)
        return gauge, gauge.measure

    def _ratio(self, name: str, at_ms: int, above: int, below: int, key: str = "") -> Gauge:
        gauge, ratio = self._on(Ratio, name, key)
        ratio.add(at_ms, above, below)
        return gauge

    def _latest(self, name: str, at_ms: int, value: float | None, key: str = "", why: str = "") -> Gauge:
        gauge, latest = self._on(Latest, name, key)
        latest.put(at_ms, value, why)
        return gauge

    def _total(self, name: str, at_ms: int, amount: int, key: str = "") -> Gauge:
        gauge, total = self._on(Total, name, key)
        total.add(at_ms, amount)
        return gauge

    def _request_answered(self, event: seen.RequestAnswered) -> list[Gauge]:
        self._responses.add(event.at_ms, event.response_us, event.count)
        whole_us = event.response_us * event.count
        return [self._ratio("quote_response_ms", event.at_ms, whole_us, event.count)]

    def _quote_given(self, event: seen.QuoteGiven) -> list[Gauge]:
        return [
            *self._acceptance(event, 0, 1),
            self._ratio("quote_to_fill_pct", event.at_ms, 0, event.value_usd_e6),
        ]

    def _quote_executed(self, event: seen.QuoteExecuted) -> list[Gauge]:
        return [
            *self._acceptance(event, event.count, 0),
            self._ratio("quote_to_fill_pct", event.at_ms, event.value_usd_e6, 0),
        ]

    def _edge_realised(self, event: seen.EdgeRealised) -> list[Gauge]:
        return [self._ratio("realised_edge_pct", event.at_ms, event.realised_usd_e6, event.expected_usd_e6)]

    def _acceptance(
        self, event: seen.QuoteGiven | seen.QuoteExecuted, executed: int, given: int
    ) -> list[Gauge]:
        name, taker = "quote_acceptance_pct", _TAKER + event.taker
        if taker in self._takers:
            self._takers.move_to_end(taker)
        else:
            self._takers[taker] = None
            if len(self._takers) > _MAX_TAKERS:
                self._gauges.pop((name, self._takers.popitem(last=False)[0]), None)
        keys = ("relayer:" + event.relayer, "pair:" + event.pair, taker)
        return [self._ratio(name, event.at_ms, executed, given, key) for key in keys]

    def _settlement_ended(self, event: seen.SettlementEnded) -> list[Gauge]:
        at_ms, value, count = event.at_ms, event.value_usd_e6, event.count
        turnover, memory = self._on(Turnover, "inventory_turnover_per_day")
        memory.traded(at_ms, value)
        return [
            self._ratio("settlement_success_pct", at_ms, count if event.settled else 0, count),
            self._ratio("flash_loan_exposure_pct", at_ms, 0, value),
            turnover,
        ]

    def _node_probed(self, event: seen.NodeProbed) -> list[Gauge]:
        score = 0.7 * event.sync_score + 0.3 * event.response_score
        touched = [self._latest("node_health_pct", event.at_ms, score, event.node)]
        if event.serving:
            touched.append(self._latest("serving_node_health_pct", event.at_ms, score))
        return touched

    def _round_trip(self, event: seen.RoundTripSeen) -> list[Gauge]:
        return [self._ratio("network_latency_ms", event.at_ms, event.round_trip_us, 1, event.peer)]

    def _source_probed(self, event: seen.SourceProbed) -> list[Gauge]:
        return [self._ratio("source_health_pct", event.at_ms, int(event.healthy), 1, event.source)]

    def _gas_price(self, event: seen.GasPriceSeen) -> list[Gauge]:
        gauge, deviation = self._on(Deviation, "gas_price_impact_pct")
        deviation.add(event.at_ms, event.gas_price_wei)
        return [gauge]

    def _venue_trade(self, event: seen.VenueTradeDone) -> list[Gauge]:
        return [self._ratio("trade_latency_ms", event.at_ms, event.latency_us, 1)]

    def _included(self, event: seen.TransactionIncluded) -> list[Gauge]:
        touched = [self._ratio("inclusion_blocks", event.at_ms, event.blocks, 1)]
        if event.submission_us is not None:
            touched.append(self._ratio("submission_latency_ms", event.at_ms, event.submission_us, 1))
        return touched

    def _availability(self, event: seen.AvailabilitySeen) -> list[Gauge]:
        gauge, presence = self._on(Presence, "uptime_pct")
        presence.add(event.at_ms, event.answering)
        return [gauge]

    def _position(self, event: seen.PositionValued) -> list[Gauge]:
        book = self._positions
        if not book.put(event):
            return []
        turnover, memory = self._on(Turnover, "inventory_turnover_per_day")
        memory.held(event.at_ms, book.inventory_usd_e6)
        # Deltas of other assets move a little with the inventory: the next tick reads them.
        has_delta = not event.numeraire and event.wanted_usd_e6 is not None
        touched = [self._gauge("net_delta_pct", event.asset)] if has_delta else []
        if event.target_usd_e6 > 0:
            touched.append(self._gauge("inventory_level_pct", event.asset))
        touched += [self._gauge(name) for name in _OF_WHOLE_BOOK]
        touched.append(turnover)
        return touched

    def _portfolio(self, event: seen.PortfolioValued) -> list[Gauge]:
        self._positions.portfolio_usd_e6 = event.value_usd_e6
        gauge, drawdown = self._on(Drawdown, "max_drawdown_pct")
        drawdown.add(event.at_ms, event.value_usd_e6)
        return [gauge, self._gauge("concentration_pct")]

    def _inventory_held(self, event: seen.InventoryHeld) -> list[Gauge]:
        turnover, memory = self._on(Turnover, "inventory_turnover_per_day")
        memory.held(event.at_ms, event.value_usd_e6)
        return [turnover]

    def _rebalanced(self, event: seen.Rebalanced) -> list[Gauge]:
        return [self._total("rebalances_per_day", event.at_ms, event.count)]

    def _var(self, event: seen.VarMeasured) -> list[Gauge]:
        capital = event.capital_usd_e6
        shares = [
            one / capital * _PERCENT if capital > 0 else None
            for one in (event.var_usd_e6, event.shortfall_usd_e6)
        ]
        return [
            self._latest("value_at_risk_pct", event.at_ms, shares[0]),
            self._latest("expected_shortfall_pct", event.at_ms, shares[1]),
        ]

    def _var_unknown(self, event: seen.VarUnknown) -> list[Gauge]:
        return [
            self._latest("value_at_risk_pct", event.at_ms, None, why=event.why),
            self._latest("expected_shortfall_pct", event.at_ms, None, why=event.why),
        ]

    def _stress(self, event: seen.StressMeasured) -> list[Gauge]:
        capital = event.capital_usd_e6
        share = event.worst_loss_usd_e6 / capital * _PERCENT if capital > 0 else None
        return [self._latest("stress_loss_pct", event.at_ms, share)]

    def _collateral(self, event: seen.CollateralValued) -> list[Gauge]:
        required = event.required_usd_e6
        buffer = (event.collateral_usd_e6 - required) / required * _PERCENT if required > 0 else float("inf")
        return [
            self._latest("liquidation_buffer_pct", event.at_ms, buffer, event.account),
            self._latest("health_factor", event.at_ms, 1 + buffer / _PERCENT, event.account),
        ]

    def _flash_loan(self, event: seen.FlashLoanTaken) -> list[Gauge]:
        return [self._ratio("flash_loan_exposure_pct", event.at_ms, event.value_usd_e6, 0)]

    def _pnl(self, event: seen.PnlBooked) -> list[Gauge]:
        at_ms, amount, component = event.at_ms, event.amount_usd_e6, event.component
        is_revenue = component is seen.PnlComponent.SPREAD or (
            component is seen.PnlComponent.FUNDING and amount > 0
        )
        revenue, cost = (amount, 0) if is_revenue else (0, -amount)
        gas = cost if component is seen.PnlComponent.GAS else 0
        return [
            self._total("pnl_usd", at_ms, amount),
            self._total("token_pnl_usd", at_ms, amount, event.token),
            self._total("pnl_trend_usd_per_h", at_ms, amount),
            self._ratio("revenue_efficiency_pct", at_ms, revenue, cost),
            self._ratio("gas_ratio_pct", at_ms, gas, revenue),
        ]

    def _markout(self, event: seen.MarkoutTaken) -> list[Gauge]:
        return [self._ratio("markout_bps", event.at_ms, event.markout_bps_e3, 1, f"{event.horizon_s}s")]
