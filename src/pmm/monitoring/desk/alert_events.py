"""Events of alerting and of the audit log. Implements ``AlertWatch``."""

from __future__ import annotations

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge


class AlertEvents:
    """Counts alerts and their deliveries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._log = structlog.get_logger().bind()
        self._raised = Counter(
            "pmm_alerts_raised", "Alerts by what became of them.", ("severity", "fate"), registry=registry
        )
        self._firing = Gauge("pmm_alerts_firing", "Alerts that stand.", ("severity",), registry=registry)
        self._deliveries = Counter(
            "pmm_alert_deliveries", "Deliveries by outcome.", ("channel", "outcome"), registry=registry
        )
        self._waiting = Gauge(
            "pmm_alert_outbox", "Deliveries that wait for another try.", ("channel",), registry=registry
        )
        self._entries = Counter("pmm_audit_entries", "Lines of the audit log.", registry=registry)
        self._intact = Gauge("pmm_audit_intact", "1 while the hash chain holds.", registry=registry)

    def alert_raised(self, *, key: str, severity: str, fate: str) -> None:
        """An alert came: ``sent``, ``duplicate``, ``silenced`` or ``resolved``."""
        self._raised.labels(severity, fate).inc()
        log = self._log.warning if fate == "sent" else self._log.info
        log("alert_raised", key=key, severity=severity, fate=fate)

    def alerts_firing(self, *, severity: str, count: int) -> None:
        """So many alerts stand."""
        self._firing.labels(severity).set(count)
        self._log.debug("alerts_firing", severity=severity, count=count)

    def alert_delivered(self, *, channel: str, key: str, tries: int) -> None:
        """A channel took an alert."""
        self._deliveries.labels(channel, "delivered").inc()
        self._log.info("alert_delivered", channel=channel, key=key, tries=tries)

    def delivery_failed(self, *, channel: str, key: str, outcome: str, detail: str) -> None:
        """A channel did not: ``retried`` later, ``refused`` for good, or ``given_up``."""
        self._deliveries.labels(channel, outcome).inc()
        log = self._log.warning if outcome == "retried" else self._log.error
        log("delivery_failed", channel=channel, key=key, outcome=outcome, detail=detail)

    def outbox(self, *, channel: str, waiting: int) -> None:
        """So many deliveries wait."""
        self._waiting.labels(channel).set(waiting)
        self._log.debug("outbox", channel=channel, waiting=waiting)

    def audit_recorded(self, *, what: str, entry: int) -> None:
        """A line was added to the audit log."""
        self._entries.inc()
        self._log.debug("audit_recorded", what=what, entry=entry)

    def audit_checked(self, *, intact: bool, detail: str) -> None:
        """The hash chain was verified."""
        self._intact.set(1 if intact else 0)
        log = self._log.debug if intact else self._log.error
        log("audit_checked", intact=intact, detail=detail)
