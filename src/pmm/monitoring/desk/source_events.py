"""Events of the sources beyond the desk. Implements ``SourceWatch``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BREAKERS: Final = {"closed": 0, "half-open": 1, "open": 2}
_LATENCY_S = (0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class SourceEvents:
    """Counts questions, failures, breakers, fallbacks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._asked = Counter(
            "pmm_source_requests", "Questions by outcome.", ("source", "outcome"), registry=registry
        )
        self._latency = Histogram(
            "pmm_source_seconds", "Time to an answer.", ("source",), buckets=_LATENCY_S, registry=registry
        )
        self._healthy = Gauge("pmm_source_healthy", "1 when it may be used.", ("source",), registry=registry)
        self._breaker = Gauge(
            "pmm_source_breaker", "0 closed, 1 half-open, 2 open.", ("source",), registry=registry
        )
        self._heard = Gauge(
            "pmm_source_last_answer_timestamp_seconds",
            "When it last answered.",
            ("source",),
            registry=registry,
        )
        self._fallbacks = Counter(
            "pmm_source_fallbacks", "Answers that another source gave.", ("role", "source"), registry=registry
        )
        self._skipped = Counter(
            "pmm_source_skips", "Questions that nobody answered.", ("role",), registry=registry
        )
        self._gap = Gauge(
            "pmm_source_disagreement_ratio",
            "Largest difference between two ways to the same number.",
            ("role",),
            registry=registry,
        )

    def role_joined(self, *, role: str, stand_ins: Iterable[str] = ()) -> None:
        """A role is asked from now on: what nobody answers, or a stand-in, counts from zero."""
        self._skipped.labels(role)
        for source in stand_ins:
            self._fallbacks.labels(role, source)
        self._log.debug("role_joined", role=role)

    def source_answered(self, *, source: str, took_s: float, at_s: float) -> None:
        """A source answered."""
        self._asked.labels(source, "answered").inc()
        self._latency.labels(source).observe(took_s)
        self._heard.labels(source).set(at_s)
        self._log.debug("source_answered", source=source, took_s=took_s)

    def source_failed(self, *, source: str, outcome: str, detail: str) -> None:
        """A source did not: ``failed``, ``limited`` by our own rate limit, or ``broken`` by its breaker."""
        self._asked.labels(source, outcome).inc()
        log = self._log.warning if outcome == "failed" else self._log.debug
        log("source_failed", source=source, outcome=outcome, detail=detail)

    def source_state(self, *, source: str, healthy: bool, breaker: str) -> None:
        """How a source stands."""
        self._healthy.labels(source).set(1 if healthy else 0)
        self._breaker.labels(source).set(BREAKERS[breaker])
        self._log.debug("source_state", source=source, healthy=healthy, breaker=breaker)

    def breaker_changed(self, *, source: str, before: str, after: str) -> None:
        """A breaker opened, is tried, or closed."""
        self._breaker.labels(source).set(BREAKERS[after])
        log = self._log.info if after == "closed" else self._log.warning
        log("breaker_changed", source=source, before=before, after=after)

    def fell_back(self, *, role: str, source: str, missing: tuple[str, ...]) -> None:
        """``source`` answered in the place of those before it."""
        self._fallbacks.labels(role, source).inc()
        self._log.warning("fell_back", role=role, source=source, missing=missing)

    def skipped(self, *, role: str, missing: tuple[str, ...]) -> None:
        """No source of a role answered; the desk goes on without."""
        self._skipped.labels(role).inc()
        self._log.warning("source_skipped", role=role, missing=missing)

    def cross_checked(self, *, role: str, ratio: float) -> None:
        """Two ways to the same numbers differ by this much at most; 0.01 is 1 %."""
        self._gap.labels(role).set(ratio)
        self._log.debug("cross_checked", role=role, ratio=ratio)
