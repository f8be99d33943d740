"""Gauges that are read from the desk when somebody scrapes, and cost nothing in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pmm.execution import AdmissionDesk, ChainView, Clock, Settlement


class DeskGauges(Collector):
    """Open reservations, free inventory, ages, paused switches, the shape of quotes."""

    def __init__(
        self, admission: AdmissionDesk, *, view: Callable[[], ChainView | None], clock: Clock
    ) -> None:
        self._admission = admission
        self._view = view
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Return the gauges as they are now."""
        yield _gauge("pmm_open_reservations", "Live quotes.", len(self._admission.book))
        paused = len(self._admission.switches.paused)
        yield _gauge("pmm_paused_switches", "Kill switches that stop something.", paused)
        yield self._shape()
        yield from self._pre_trade()
        view = self._view()
        if view is None:
            return
        now_s = self._clock.monotonic_s()
        yield _gauge("pmm_view_age_seconds", "Age of the last chain view.", now_s - view.read_at_s)
        feeds = GaugeMetricFamily("pmm_feed_age_seconds", "Age of a feed's answer.", labels=("feed",))
        for feed in view.market.feeds.values():
            feeds.add_metric((feed.name,), view.chain_now_s(now_s) - feed.updated_at_s)
        yield feeds
        free = GaugeMetricFamily(
            "pmm_free_inventory", "Inventory that no live quote holds, whole tokens.", labels=("token",)
        )
        directions = self._admission.policy.pairs.directions()
        for token in {
            token.address: token for taker, maker, _ in directions for token in (taker, maker)
        }.values():
            held = self._admission.inventory(view, token, Settlement.PMM)
            free.add_metric((token.symbol,), held.free / 10**token.decimals)
        yield free

    def _pre_trade(self) -> Iterator[GaugeMetricFamily]:
        gate = self._admission.pre_trade
        if gate is None:
            return
        yield _gauge(
            "pmm_pre_trade_open",
            "1 while the risk desk's state lets quotes through.",
            int(gate.look().accepted),
        )
        age_ms = gate.age_ms()
        if age_ms is not None:
            yield _gauge("pmm_pre_trade_age_seconds", "Age of the risk desk's newest state.", age_ms / 1_000)

    def _shape(self) -> GaugeMetricFamily:
        found = GaugeMetricFamily(
            "pmm_quote_shape",
            "What a person or the desk asks of quotes now, basis points; 1 for a source left out.",
            labels=("what", "name", "setter"),
        )
        for key, state in self._admission.shaping.active.items():
            found.add_metric((key.kind.value, key.name, key.setter.value), float(state.value))
        return found


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
