"""Events of the watch for new heads."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge


class HeadEvents:
    """What wakes the desk, and how often that changed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._source = Gauge("pmm_heads_source", "1 for what wakes the desk.", ("source",), registry=registry)
        self._falls = Counter(
            "pmm_heads_falls", "Times that a WebSocket lost its place to HTTP.", ("why",), registry=registry
        )
        self._reconnects = Counter(
            "pmm_heads_reconnects", "Attempts to reach a WebSocket after the first.", registry=registry
        )
        self._fallen: dict[str, int] = {}
        self._tried = 0
        self._now = ""
        self._said = ""

    def heads_from(self, *, source: str, why: str, falls: Mapping[str, int], reconnects: int) -> None:
        """Tell where heads come from; ``falls`` and ``reconnects`` are totals, ``why`` shows no address's key."""
        for how, count in falls.items():
            self._falls.labels(how).inc(count - self._fallen.get(how, 0))
        self._fallen = dict(falls)
        self._reconnects.inc(reconnects - self._tried)
        self._tried = reconnects
        if self._now and source != self._now:
            self._source.labels(self._now).set(0)
        self._source.labels(source).set(1)
        # Once per change, and once at the start: a socket that is tried again says the same for hours.
        if source != self._now or (why and not self._said):
            log = self._log.warning if why else self._log.info
            log("heads_source", source=source, why=why)
            self._said = why
        self._now = source
