"""One metric of one key: which memory it has, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pmm.risk.lines import UNKNOWN, Line
from pmm.risk.measures import Deviation, Drawdown, Latest, Measure, Presence, Ratio, Total, Turnover
from pmm.risk.metric import Metric, Reading
from pmm.risk.settings import RiskSettings

_PERCENT: Final = 100.0
_USD: Final = 1e-6
_MS: Final = 1e-3
_BPS: Final = 1e-3

_MAKE: Final[dict[str, Callable[[Metric], Measure]]] = {
    "quote_response_ms": lambda m: Ratio(m.window_ms, _MS),
    "settlement_success_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "gas_price_impact_pct": lambda m: Deviation(m.window_ms),
    "quote_acceptance_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "network_latency_ms": lambda m: Ratio(m.window_ms, _MS),
    "trade_latency_ms": lambda m: Ratio(m.window_ms, _MS),
    "submission_latency_ms": lambda m: Ratio(m.window_ms, _MS),
    "inclusion_blocks": lambda m: Ratio(m.window_ms, 1.0),
    "uptime_pct": lambda m: Presence(m.window_ms, m.stale_ms),
    "source_health_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "max_drawdown_pct": lambda m: Drawdown(m.window_ms),
    "inventory_turnover_per_day": lambda m: Turnover(m.window_ms),
    "rebalances_per_day": lambda m: Total(m.window_ms, 1.0),
    "flash_loan_exposure_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "gas_ratio_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "pnl_usd": lambda m: Total(m.window_ms, _USD),
    "token_pnl_usd": lambda m: Total(m.window_ms, _USD),
    "pnl_trend_usd_per_h": lambda m: Total(m.window_ms, _USD * 3_600_000 / m.window_ms),
    "revenue_efficiency_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "markout_bps": lambda m: Ratio(m.window_ms, _BPS),
    "quote_to_fill_pct": lambda m: Ratio(m.window_ms, _PERCENT),
    "realised_edge_pct": lambda m: Ratio(m.window_ms, _PERCENT),
}
"""Metrics with a memory of their own kind; the others look at the book or are their latest value."""


def measure_of(metric: Metric) -> Measure:
    """Return an empty memory for a metric."""
    make = _MAKE.get(metric.name)
    return Latest() if make is None else make(metric)


class Gauge:
    """One metric of one key: its memory and its line."""

    __slots__ = ("key", "line", "margin", "measure", "metric")

    def __init__(self, metric: Metric, key: str, settings: RiskSettings, measure: Measure) -> None:
        self.metric = metric
        self.key = key
        self.line = Line(metric.better, *getattr(settings, metric.name))
        self.margin = settings.clear_margin_pct / _PERCENT
        self.measure = measure

    def read(self, now_ms: int) -> Reading:
        """Return the metric now; unknown without data or with data that are too old."""
        last_ms, stale_ms = self.measure.last_ms, self.metric.stale_ms
        if last_ms is None or (stale_ms and now_ms - last_ms > stale_ms):
            return Reading(self.metric, self.key, now_ms, None, UNKNOWN)
        value = self.measure.value(now_ms)
        why = self.measure.why if value is None and isinstance(self.measure, Latest) else ""
        return Reading(self.metric, self.key, now_ms, value, self.line.judge(value, self.margin), why)
