"""Every line of the risk book as a setting: one frozen dataclass.

A line is ``target, warning, critical`` in the unit of its name. ``inf`` (or ``-inf`` where higher is better) as the
critical line means that the metric never stops quoting: where a stop would keep the metric bad for ever (no quotes,
no turnover), and where the book names no danger. Each field's ``metadata["description"]`` is its row in the settings
table.
"""

# ruff: noqa: RUF009 - each call makes a field of the dataclass
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from pmm.errors import InvalidInput
from pmm.risk.catalogue import METRICS
from pmm.risk.lines import Line

Lines = tuple[float, float, float]
_NEVER = math.inf


def _line(target: float, warning: float, critical: float, description: str) -> Any:
    return field(default=(target, warning, critical), metadata={"description": description})


def _value(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSettings:
    """Lines, times and sizes of risk; the defaults are those of the risk book."""

    quote_response_ms: Lines = _line(200, 500, 2_000, "Mean time from a request's receipt to its answer, ms.")
    node_health_pct: Lines = _line(100, 95, -_NEVER, "Score of each RPC node, 0 to 100.")
    serving_node_health_pct: Lines = _line(100, 95, 50, "Score of the node in use, 0 to 100.")
    settlement_success_pct: Lines = _line(
        100,
        99.5,
        0,
        "Share of attempted settlements that succeeded. Takers make them fail: it stops nothing by itself.",
    )
    gas_price_impact_pct: Lines = _line(10, 20, _NEVER, "Standard deviation of the gas price over its mean.")
    quote_acceptance_pct: Lines = _line(50, 30, -_NEVER, "Share of firm quotes that were filled.")
    network_latency_ms: Lines = _line(100, 200, _NEVER, "Mean round trip to each node, venue and feed, ms.")
    trade_latency_ms: Lines = _line(150, 300, _NEVER, "Mean time from order to completion on venues, ms.")
    submission_latency_ms: Lines = _line(
        20, 300, _NEVER, "Mean time from decision to submission on chain, ms."
    )
    inclusion_blocks: Lines = _line(1, 2, 25, "Mean number of blocks from submission to inclusion.")
    uptime_pct: Lines = _line(100, 99.5, 98, "Share of seconds in which a request would have been answered.")
    source_health_pct: Lines = _line(100, 80, -_NEVER, "Share of good answers of each external source.")

    net_delta_pct: Lines = _line(
        0,
        2,
        5,
        "Longs minus shorts of each asset beyond what is wanted of it, over the inventory; distances.",
    )
    concentration_pct: Lines = _line(10, 25, 50, "Largest position net of its hedge over the portfolio.")
    hedging_coverage_pct: Lines = _line(100, 95, 50, "Hedged value over the value to be hedged.")
    max_drawdown_pct: Lines = _line(0, 10, 20, "Largest fall of the portfolio from its peak.")

    on_chain_inventory_pct: Lines = _line(70, 50, -_NEVER, "Value on our own contracts and wallets.")
    hedged_inventory_pct: Lines = _line(40, 25, -_NEVER, "Value used as a hedge over the whole inventory.")
    inventory_turnover_per_day: Lines = _line(4, 2, -_NEVER, "Traded volume over mean inventory, per day.")
    rebalances_per_day: Lines = _line(6, 10, _NEVER, "Rebalancing events a day; distances from the target.")
    inventory_level_pct: Lines = _line(
        100, 50, _NEVER, "Inventory of each asset over its target; distances from the target."
    )

    value_at_risk_pct: Lines = _line(1, 3, 6, "Value at risk, 99 %, one day, over capital.")
    expected_shortfall_pct: Lines = _line(1.5, 4, 8, "Expected shortfall, 99 %, one day, over capital.")
    stress_loss_pct: Lines = _line(10, 25, _NEVER, "Loss of the worst stress scenario over capital.")
    liquidation_buffer_pct: Lines = _line(60, 50, 10, "Collateral above what each account requires.")
    health_factor: Lines = _line(
        1.6, -_NEVER, -_NEVER, "Health of each account; shown, the lines are those of its buffer."
    )
    flash_loan_exposure_pct: Lines = _line(5, 20, _NEVER, "Flash-loan volume over trading volume.")
    gas_ratio_pct: Lines = _line(2, 5, _NEVER, "Gas cost over trading revenue.")

    pnl_usd: Lines = _line(1_000, 0, -_NEVER, "Profit and loss of the window, US dollars.")
    token_pnl_usd: Lines = _line(100, -_NEVER, -_NEVER, "The same, of each token; shown, without a line.")
    pnl_trend_usd_per_h: Lines = _line(10, 0, -_NEVER, "Profit and loss of the last six hours, per hour.")
    revenue_efficiency_pct: Lines = _line(300, 150, -_NEVER, "Revenue over trading cost.")
    markout_bps: Lines = _line(1, -2, -_NEVER, "Mean markout of fills at each horizon, basis points.")
    quote_to_fill_pct: Lines = _line(40, 10, -_NEVER, "Value filled over value quoted.")
    realised_edge_pct: Lines = _line(100, 50, -_NEVER, "Realised over expected edge of filled quotes.")

    clear_margin_pct: float = _value(
        20.0, "How far towards the next better line a value must be to count as clear of one."
    )
    hold_s: float = _value(60.0, "How long a warning or critical state must be clear before it ends.")
    recovery_step_s: float = _value(60.0, "Length of one step of the recovery.")
    desk_hold_s: float = _value(10.0, "How long all metrics must be clear before the desk as a whole is.")
    recovery_size_pct: tuple[float, ...] = _value(
        (10.0, 25.0, 50.0), "Sizes quoted at each step of the recovery, of the normal ones."
    )
    recovery_spread_bps: tuple[float, ...] = _value(
        (30.0, 20.0, 10.0), "Spread added at each step of the recovery."
    )
    warning_size_pct: float = _value(50.0, "Sizes quoted while a warning cuts them.")
    warning_spread_bps: float = _value(5.0, "Spread added while a warning widens.")
    skew_bps: float = _value(5.0, "Shift of both prices that attracts the side which balances an asset.")
    repeat_s: float = _value(120.0, "A command whose reason stands is given again after so long.")
    forget_s: float = _value(
        300.0, "A state of before a restart that nothing measures any more is forgotten after so long."
    )
    ask_expires_s: float = _value(
        900.0, "A trade or transaction that nobody approved is dropped after so long; settings wait."
    )
    ask: tuple[str, ...] = _value((), "Actions that wait for a person, by name; all others are automatic.")
    max_delta_pct: float = _value(5.0, "A quote may not leave an asset's delta further from zero than this.")
    max_var_pct: float = _value(3.0, "A quote may not raise value at risk above this share of capital.")
    pre_trade_max_age_s: float = _value(
        5.0, "Quoting pauses when the risk state it is checked against is older."
    )

    def __post_init__(self) -> None:
        for metric in METRICS:
            try:
                Line(metric.better, *getattr(self, metric.name))
            except InvalidInput as error:
                raise InvalidInput(f"risk setting {metric.name}: {error}") from None
        sizes, spreads = self.recovery_size_pct, self.recovery_spread_bps
        parts = (*sizes, self.warning_size_pct)
        times = (
            self.hold_s,
            self.recovery_step_s,
            self.desk_hold_s,
            self.repeat_s,
            self.pre_trade_max_age_s,
            self.forget_s,
            self.ask_expires_s,
        )
        good = sizes and len(sizes) == len(spreads) and all(0 < one <= 100 for one in parts)
        if not good or min(times) <= 0 or not 0 <= self.clear_margin_pct <= 100:
            raise InvalidInput(
                "risk settings: expected as many recovery sizes as spreads, sizes above 0 and up to 100 %, positive "
                f"times and a margin of 0 to 100 %, found {sizes}, {spreads}, {self.warning_size_pct}, {times}, "
                f"{self.clear_margin_pct}"
            )
