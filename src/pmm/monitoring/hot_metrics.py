"""Metrics of the quoting path, kept in plain lists and dictionaries: an observation costs well under a microsecond.

prometheus_client takes a lock and a label lookup each time, several microseconds eight times a quote. These belong to
the event loop alone; a scrape in another thread reads numbers that may be one observation apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from pmm.execution import Stage

_BOUNDS_NS: Final = (
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    100_000_000,
    500_000_000,
    2_000_000_000,
)


class StageHistograms(Collector):
    """``pmm_stage_seconds``: one histogram per stage."""

    def __init__(self) -> None:
        # Per stage a count for each bucket, and at the end the last passage and the sum in nanoseconds.
        self._rows = {stage: [0] * (len(_BOUNDS_NS) + 3) for stage in Stage}

    def took(self, stage: Stage, started_ns: int) -> int:
        """Count one passage that ends now; return the start of the next one."""
        now_ns = perf_counter_ns()
        took_ns = now_ns - started_ns
        row = self._rows[stage]
        # A bucket holds what is at most its bound, as Prometheus has it.
        row[bisect_left(_BOUNDS_NS, took_ns)] += 1
        row[-2] = took_ns
        row[-1] += took_ns
        return now_ns

    def last_ns(self, stage: Stage) -> int:
        """Return how long the last passage took, 0 before the first."""
        return self._rows[stage][-2]

    def collect(self) -> Iterator[Metric]:
        """Return the histograms."""
        family = HistogramMetricFamily(
            "pmm_stage_seconds", "Time of one stage of a firm quote.", labels=("stage",)
        )
        bounds = [*(f"{bound / 1e9:g}" for bound in _BOUNDS_NS), "+Inf"]
        for stage, (*counts, _, sum_ns) in self._rows.items():
            below, buckets = 0, []
            for bound, count in zip(bounds, counts, strict=True):
                below += count
                buckets.append((bound, float(below)))
            family.add_metric((stage.value,), buckets, sum_ns / 1e9)
        yield family


class QuoteCounter(Collector):
    """``pmm_quotes_total``: firm quotes by relayer, outcome and reason."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def count(self, relayer: str, outcome: str, reason: str) -> None:
        """Count one answer. Relayers come from the key file and the codecs, reasons from the code: few of each."""
        key = (relayer, outcome, reason)
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Return the counters."""
        family = CounterMetricFamily(
            "pmm_quotes", "Firm quotes by what became of them.", labels=("relayer", "outcome", "reason")
        )
        for key, count in tuple(self._counts.items()):
            family.add_metric(key, float(count))
        yield family
