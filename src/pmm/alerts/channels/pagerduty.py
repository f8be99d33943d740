"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/send-alert-event."""

from __future__ import annotations

import json
from typing import Any

from pmm.alerts.alert import Alert
from pmm.alerts.channels.posting import Poster

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
_LONGEST_SUMMARY = 1_024


class PagerDutyChannel:
    """Triggers and resolves incidents; the alert's key is the ``dedup_key``, so that a second try changes nothing."""

    name = "pagerduty"

    def __init__(self, routing_key: str, *, source: str, timeout_s: float, url: str = EVENTS_URL) -> None:
        self._routing_key = routing_key
        self._source = source
        self._poster = Poster(self.name, url, timeout_s=timeout_s)

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Enqueue an event; see ``Channel``."""
        body: dict[str, Any] = {
            "routing_key": self._routing_key,
            "event_action": "resolve" if alert.resolved else "trigger",
            "dedup_key": alert.key,
        }
        if not alert.resolved:
            body["payload"] = {
                "summary": alert.headline[:_LONGEST_SUMMARY],
                "source": self._source,
                "severity": alert.severity.shown,
                "custom_details": {"text": alert.text, "delivery": delivery_id},
            }
        self._poster.post(content=json.dumps(body).encode(), headers={"content-type": "application/json"})
