"""Writes the desk's gauges into its ledger as they change: Prometheus forgets, the day report must not.

How to join it: ``history = GaugeHistory(ledger, events.registry, run=uuid4().hex)`` and ``history.sample(now_ms)``
every few seconds, and once more before the process ends.
"""

from __future__ import annotations

import math
from typing import Final

from prometheus_client import CollectorRegistry

from pmm.ledger import Ledger

SERIES: Final = {
    "pmm_desk_pnl_usd": ("token", "component"),
    "pmm_desk_portfolio_usd": (),
    "pmm_desk_inventory_usd": ("token", "place"),
    "pmm_desk_delta_ratio": ("asset",),
    "pmm_desk_volume_usd_total": ("venue", "pair"),
    "pmm_desk_fills_total": ("venue", "pair"),
    "pmm_desk_fills_removed_total": ("venue", "pair"),
    "pmm_desk_volume_removed_usd_total": ("venue", "pair"),
    "pmm_desk_state": (),
    "pmm_risk_state": ("metric", "subject"),
    "pmm_risk_metric": ("metric", "subject"),
    "pmm_risk_known": ("metric", "subject"),
    "pmm_risk_needs_prices": ("metric", "subject"),
    "pmm_risk_loss_usd": ("method", "measure"),
    "pmm_stress_pnl_usd": ("scenario",),
    "pmm_transaction_gas_usd_total": ("purpose",),
    "pmm_gas_price_gwei": (),
    "pmm_hedge_price_known": ("token",),
    "pmm_hedges_total": ("route", "outcome"),
    "pmm_hedge_strategy": ("asset", "strategy"),
    "pmm_hedge_ratio": ("asset",),
    "pmm_hedge_ratio_known": ("asset",),
    "pmm_paper_perp_position_usd": ("asset",),
    "pmm_pending_delta": ("asset",),
    "pmm_actions_total": ("action", "outcome"),
    "pmm_indexer_reorgs_total": (),
    "pmm_heads_source": ("source",),
    "pmm_lending_buffer_ratio": ("account", "market"),
}
"""What is kept, with the labels that make its subject."""
_INSERT = "INSERT INTO history_points (at_ms, run, series, subject, value) VALUES (?, ?, ?, ?, ?)"


class GaugeHistory:
    """One per process; ``run`` names it."""

    def __init__(self, ledger: Ledger, registry: CollectorRegistry, *, run: str) -> None:
        self._ledger = ledger
        self._registry = registry
        self._run = run
        self._last: dict[tuple[str, str], float] = {}

    def sample(self, now_ms: int) -> int:
        """Write what changed since the last time; return how many. Raises LedgerDown: what was not written is then
        written by the next sample."""
        changed: dict[tuple[str, str], float] = {}
        for family in self._registry.collect():
            for sample in family.samples:
                labels = SERIES.get(sample.name)
                if labels is None or math.isnan(sample.value):
                    continue
                key = (sample.name, "/".join(sample.labels[label] for label in labels))
                if self._last.get(key) != sample.value:
                    changed[key] = sample.value
        if not changed:
            return 0
        with self._ledger.transaction() as transaction:
            transaction.executemany(
                _INSERT,
                [
                    (now_ms, self._run, series, subject, repr(value))
                    for (series, subject), value in changed.items()
                ],
            )
        self._last |= changed
        return len(changed)
