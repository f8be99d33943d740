"""What each metric asks for when it warns or is critical: the actions of the risk book, as data.

Two kinds of actions. *Standing* ones (stop, resume, widen, cut sizes, skew) hold while their reason holds; what holds
is worked out anew from all phases, so that one metric's end never lifts what another still asks for. *Single* ones
(hedge, repay, rebalance, unwind, cancel, switch) are given once per episode and again while it lasts. What trades
needs a known value: an unknown delta is no reason to trade blindly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ActionKind(StrEnum):
    """The actions of the risk book, most urgent first."""

    STOP_QUOTING = "stop_quoting"
    CANCEL_ALL = "cancel_all"
    REPAY = "repay"
    UNWIND_ALL = "unwind_all"
    HEDGE_NOW = "hedge_now"
    SWITCH_NODE = "switch_node"
    SWITCH_SOURCE = "switch_source"
    CUT_SIZES = "cut_sizes"
    WIDEN = "widen"
    SKEW = "skew"
    REBALANCE = "rebalance"
    RESUME_STEP = "resume_step"


STANDING: Final = frozenset(
    {
        ActionKind.STOP_QUOTING,
        ActionKind.RESUME_STEP,
        ActionKind.WIDEN,
        ActionKind.CUT_SIZES,
        ActionKind.SKEW,
    }
)
"""Hold while their reason does; each sets an absolute value."""
SINGLE: Final = frozenset(ActionKind) - STANDING
"""Done once per request."""
NEEDS_VALUE: Final = frozenset(
    {
        ActionKind.REPAY,
        ActionKind.UNWIND_ALL,
        ActionKind.HEDGE_NOW,
        ActionKind.REBALANCE,
        ActionKind.CANCEL_ALL,
        ActionKind.SKEW,
    }
)
"""Not done because something is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a metric asks for. Stopping is not listed: every critical metric stops quoting.

    ``in_danger`` is done in a critical state only while the drawdown warns, too: the loss limit is in danger.
    """

    warning: tuple[ActionKind, ...] = ()
    critical: tuple[ActionKind, ...] = ()
    in_danger: tuple[ActionKind, ...] = ()


_A = ActionKind
_NONE: Final = Plan()
_PLANS: Final[dict[str, Plan]] = {
    "uptime_pct": Plan(
        warning=(_A.WIDEN, _A.CUT_SIZES, _A.SWITCH_SOURCE),
        critical=(_A.SWITCH_NODE,),
        in_danger=(_A.UNWIND_ALL,),
    ),
    "quote_response_ms": Plan(warning=(_A.CUT_SIZES,)),
    "serving_node_health_pct": Plan(warning=(_A.SWITCH_NODE,), critical=(_A.SWITCH_NODE,)),
    "network_latency_ms": Plan(warning=(_A.SWITCH_SOURCE,)),
    "source_health_pct": Plan(warning=(_A.SWITCH_SOURCE,)),
    "settlement_success_pct": Plan(critical=(_A.SWITCH_NODE,)),
    "gas_price_impact_pct": Plan(warning=(_A.WIDEN,)),
    "inclusion_blocks": Plan(critical=(_A.CANCEL_ALL,)),
    "net_delta_pct": Plan(
        warning=(_A.SKEW, _A.REPAY, _A.HEDGE_NOW), critical=(_A.HEDGE_NOW, _A.SKEW, _A.WIDEN, _A.REPAY)
    ),
    "concentration_pct": Plan(warning=(_A.CUT_SIZES,), critical=(_A.HEDGE_NOW, _A.REBALANCE, _A.CUT_SIZES)),
    "hedging_coverage_pct": Plan(warning=(_A.HEDGE_NOW,), critical=(_A.HEDGE_NOW, _A.CUT_SIZES)),
    "max_drawdown_pct": Plan(warning=(_A.CUT_SIZES, _A.WIDEN), critical=(_A.CANCEL_ALL, _A.UNWIND_ALL)),
    "on_chain_inventory_pct": Plan(warning=(_A.REBALANCE,)),
    "inventory_level_pct": Plan(warning=(_A.REBALANCE, _A.SKEW)),
    "value_at_risk_pct": Plan(warning=(_A.CUT_SIZES,), critical=(_A.HEDGE_NOW, _A.CUT_SIZES)),
    "expected_shortfall_pct": Plan(warning=(_A.CUT_SIZES,), critical=(_A.HEDGE_NOW, _A.CUT_SIZES)),
    "liquidation_buffer_pct": Plan(warning=(_A.REPAY, _A.CUT_SIZES), critical=(_A.REPAY, _A.CUT_SIZES)),
    "flash_loan_exposure_pct": Plan(warning=(_A.CUT_SIZES,)),
    "gas_ratio_pct": Plan(warning=(_A.WIDEN,)),
    "revenue_efficiency_pct": Plan(warning=(_A.WIDEN,)),
    "markout_bps": Plan(warning=(_A.WIDEN,)),
}
WIDENS_IF_UNKNOWN: Final = frozenset(
    {
        "uptime_pct",
        "net_delta_pct",
        "concentration_pct",
        "max_drawdown_pct",
        "value_at_risk_pct",
        "expected_shortfall_pct",
        "liquidation_buffer_pct",
        "gas_price_impact_pct",
        "hedging_coverage_pct",
    }
)
"""Metrics of the present state: unknown, they widen and cut as their warning does. One of past business (markouts,
gas over revenue, flash-loan share) is unknown whenever there was none; it warns, but quotes as ever: business
would never begin otherwise."""


def plan_of(metric: str) -> Plan:
    """Return a metric's plan; an empty one for a metric that is only shown."""
    return _PLANS.get(metric, _NONE)
