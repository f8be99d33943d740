"""The Prometheus metrics of a server; docs/operations.md explains each."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from pmm.execution import Stage

_BUCKETS_S = (
    0.00002,
    0.00005,
    0.0001,
    0.0002,
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.025,
    0.1,
    0.5,
    2.0,
)


class Metrics:
    """Counters and histograms in a registry of their own; implements ``StageWatch``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        histogram = Histogram(
            "pmm_stage_seconds",
            "Time of one stage of a firm quote.",
            ("stage",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        # Looked up once: a label costs more than the observation.
        self._observe = {stage: histogram.labels(stage.value).observe for stage in Stage}
        self._signer_lag = Gauge(
            "pmm_signer_lag_seconds", "Time of the last signature.", registry=self.registry
        )
        self.quotes = Counter(
            "pmm_quotes_total",
            "Firm quotes by what became of them.",
            ("relayer", "outcome", "reason"),
            registry=self.registry,
        )
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
        self.reloads = Counter(
            "pmm_reloads_total", "Reloads of the settings.", ("outcome",), registry=self.registry
        )

    def now_ns(self) -> int:
        """Return the start of a stage."""
        return time.perf_counter_ns()

    def took(self, stage: Stage, started_ns: int) -> int:
        """Observe a stage that ends now; return the start of the next one."""
        now_ns = time.perf_counter_ns()
        seconds = (now_ns - started_ns) / 1e9
        self._observe[stage](seconds)
        if stage is Stage.SIGN:
            self._signer_lag.set(seconds)
        return now_ns

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
