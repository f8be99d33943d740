"""The Prometheus metrics of a server; docs/operations.md explains each."""

from __future__ import annotations

from time import perf_counter_ns

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from pmm.execution import Stage
from pmm.monitoring.hot_metrics import QuoteCounter, StageHistograms


class Metrics:
    """Counters and histograms in a registry of their own; implements ``StageWatch``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._stages = StageHistograms()
        # ``StageWatch``, asked eight times a quote: without a frame of this class in between.
        self.now_ns = perf_counter_ns
        self.took = self._stages.took
        self.quotes = QuoteCounter()
        self.registry.register(self._stages)
        self.registry.register(self.quotes)
        lag = Gauge("pmm_signer_lag_seconds", "Time of the last signature.", registry=self.registry)
        lag.set_function(lambda: self._stages.last_ns(Stage.SIGN) / 1e9)
        self.ladders = Counter(
            "pmm_ladders_total",
            "Ladders by what became of them.",
            ("outcome", "reason"),
            registry=self.registry,
        )
        self.access_refused = Counter(
            "pmm_access_refused_total", "Requests refused at the door.", ("code",), registry=self.registry
        )
        self.switch_changes = Counter(
            "pmm_switch_changes_total",
            "Changes of kill switches.",
            ("level", "action"),
            registry=self.registry,
        )
        self.shape_changes = Counter(
            "pmm_shape_changes_total",
            "Changes of what operators and the desk ask of quotes.",
            ("what", "setter"),
            registry=self.registry,
        )
        self.reloads = Counter(
            "pmm_reloads_total", "Reloads of the settings.", ("outcome",), registry=self.registry
        )

        # From zero: Prometheus sees no increase in a series that begins with its first event.
        self.ladders.labels("published", "")
        for outcome in ("applied", "refused"):
            self.reloads.labels(outcome)

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
