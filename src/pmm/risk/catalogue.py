"""The metrics of the risk book, sections 1 to 5.

Three formulas say more than the book does, because the desk could not run on the words alone. Delta is relative
to the whole inventory: relative to its own, ten dollars of dust would stop the desk. Concentration counts a position
net of its hedge and leaves the numeraire out: a desk of two assets is always "concentrated" otherwise. Uptime counts
a stop of the desk's own making as answering: a critical uptime would otherwise keep itself critical.
"""

from __future__ import annotations

from typing import Final

from pmm.risk.lines import Better
from pmm.risk.metric import Metric, Section

_S: Final = 1_000
_M: Final = 60 * _S
_H: Final = 60 * _M
DAY_MS: Final = 24 * _H
_HIGH, _LOW, _NEAR = Better.HIGHER, Better.LOWER, Better.NEAR


def _metric(
    section: Section,
    name: str,
    formula: str,
    unit: str,
    window_ms: int,
    stale_ms: int,
    better: Better,
    source: str,
    each: str = "",
) -> Metric:
    return Metric(
        name=name,
        section=section,
        formula=formula,
        unit=unit,
        window_ms=window_ms,
        stale_ms=stale_ms,
        better=better,
        source=source,
        each=each,
    )


_X, _P, _I, _R, _F = (
    Section.EXECUTION,
    Section.POSITIONS,
    Section.INVENTORY,
    Section.RISK,
    Section.PERFORMANCE,
)
# fmt: off
METRICS: Final[tuple[Metric, ...]] = (
    _metric(_X, "quote_response_ms", "mean of answer time minus receipt of the request",
            "ms", 5 * _M, 5 * _M, _LOW, "quote server"),
    _metric(_X, "node_health_pct", "0.7 x sync score + 0.3 x response-time score",
            "%", 0, 30 * _S, _HIGH, "node pool", "node"),
    _metric(_X, "serving_node_health_pct", "the same, of the node in use",
            "%", 0, 30 * _S, _HIGH, "node pool"),
    _metric(_X, "settlement_success_pct", "settled / attempted x 100",
            "%", DAY_MS, 0, _HIGH, "chain, through the indexer"),
    _metric(_X, "gas_price_impact_pct", "standard deviation of the gas price / its mean x 100",
            "%", DAY_MS, 60 * _S, _LOW, "block headers"),
    _metric(_X, "quote_acceptance_pct", "executed / given x 100",
            "%", DAY_MS, 0, _HIGH, "journal and chain", "relayer, pair, taker"),
    _metric(_X, "network_latency_ms", "mean round trip",
            "ms", 5 * _M, _M, _LOW, "the connections themselves", "node, venue, feed"),
    _metric(_X, "trade_latency_ms", "mean from order to completion",
            "ms", _H, 0, _LOW, "venues"),
    _metric(_X, "submission_latency_ms", "mean from decision to submission",
            "ms", _H, 0, _LOW, "transaction sender"),
    _metric(_X, "inclusion_blocks", "mean number of blocks from submission to inclusion",
            "blocks", _H, 0, _LOW, "chain"),
    _metric(_X, "uptime_pct", "time a request would have been answered / all time x 100; unwatched is down",
            "%", _H, 15 * _S, _HIGH, "health checks"),
    _metric(_X, "source_health_pct", "good answers / all answers x 100",
            "%", 5 * _M, 2 * _H, _HIGH, "adapters", "source"),
    _metric(_P, "net_delta_pct", "(longs - shorts - wanted) / inventory of all assets x 100",
            "%", 0, 30 * _S, _NEAR, "book, reconciled with the chain", "asset"),
    _metric(_P, "concentration_pct", "largest |longs - shorts| but of the numeraire / portfolio value x 100",
            "%", 0, 30 * _S, _LOW, "book"),
    _metric(_P, "hedging_coverage_pct", "hedged value / value to be hedged x 100; 100 when nothing is to be",
            "%", 0, 30 * _S, _HIGH, "book"),
    _metric(_P, "max_drawdown_pct", "largest (peak - trough) / peak x 100 of portfolio value",
            "%", DAY_MS, 30 * _S, _LOW, "book"),
    _metric(_I, "on_chain_inventory_pct", "value on own contracts and wallets / inventory x 100",
            "%", 0, 30 * _S, _HIGH, "chain"),
    _metric(_I, "hedged_inventory_pct", "value used as hedge / inventory x 100",
            "%", 0, 30 * _S, _HIGH, "book"),
    _metric(_I, "inventory_turnover_per_day", "traded volume / (time mean of inventory x days watched)",
            "x", DAY_MS, 30 * _S, _HIGH, "fills and book"),
    _metric(_I, "rebalances_per_day", "rebalancing events of the last 24 h",
            "events", DAY_MS, 0, _NEAR, "hedger"),
    _metric(_I, "inventory_level_pct", "value held / target x 100",
            "%", 0, 30 * _S, _NEAR, "chain", "asset"),
    _metric(_R, "value_at_risk_pct", "99 % quantile of the one-day loss / capital x 100",
            "%", 0, 60 * _S, _LOW, "book and covariance"),
    _metric(_R, "expected_shortfall_pct", "mean of the one-day losses beyond that quantile / capital x 100",
            "%", 0, 60 * _S, _LOW, "book and covariance"),
    _metric(_R, "stress_loss_pct", "loss of the worst stress scenario / capital x 100",
            "%", 0, 60 * _S, _LOW, "book and scenarios"),
    _metric(_R, "liquidation_buffer_pct", "(collateral - required) / required x 100; without debt infinite",
            "%", 0, 30 * _S, _HIGH, "lending contracts, venues", "account"),
    _metric(_R, "health_factor", "debt that the collateral carries / debt; without debt infinite",
            "x", 0, 30 * _S, _HIGH, "lending contracts, venues", "account"),
    _metric(_R, "flash_loan_exposure_pct", "flash-loan volume / trading volume x 100",
            "%", DAY_MS, 0, _LOW, "chain"),
    _metric(_R, "gas_ratio_pct", "gas cost / revenue x 100",
            "%", DAY_MS, 0, _LOW, "books"),
    _metric(_F, "pnl_usd", "revenue minus expenses",
            "USD", DAY_MS, 0, _HIGH, "books"),
    _metric(_F, "token_pnl_usd", "revenue minus expenses",
            "USD", DAY_MS, 0, _HIGH, "books", "token"),
    _metric(_F, "pnl_trend_usd_per_h", "revenue minus expenses of the last 6 h / 6",
            "USD/h", 6 * _H, 0, _HIGH, "books"),
    _metric(_F, "revenue_efficiency_pct", "revenue / trading cost x 100",
            "%", DAY_MS, 0, _HIGH, "books"),
    _metric(_F, "markout_bps", "mean markout of fills",
            "bps", DAY_MS, 0, _HIGH, "fills and feeds", "horizon"),
    _metric(_F, "quote_to_fill_pct", "value filled / value quoted x 100",
            "%", DAY_MS, 0, _HIGH, "journal and chain"),
    _metric(_F, "realised_edge_pct", "realised edge / expected edge of filled quotes x 100",
            "%", DAY_MS, 0, _HIGH, "books"),
)
# fmt: on
BY_NAME: Final = {metric.name: metric for metric in METRICS}
