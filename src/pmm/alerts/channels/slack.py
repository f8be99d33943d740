"""Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

from __future__ import annotations

import json

from pmm.alerts.alert import Alert, Severity
from pmm.alerts.channel import DeliveryFailed
from pmm.alerts.channels.posting import Poster

_COLOURS = {Severity.INFO: "#439fe0", Severity.WARNING: "#e8a33d", Severity.CRITICAL: "#d0342c"}
_RESOLVED = "#2eb67d"
# Of a text in an attachment; Slack cuts longer ones.
_LONGEST = 3_000


class SlackChannel:
    """Posts into the channel that the webhook belongs to; the address is the secret."""

    name = "slack"

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._poster = Poster(self.name, url, timeout_s=timeout_s)

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Post; see ``Channel``. Slack knows no idempotency: a lost answer may mean a second message."""
        text = _escaped(alert.headline)
        body = {
            "text": text,
            "attachments": [
                {
                    "color": _RESOLVED if alert.resolved else _COLOURS[alert.severity],
                    "text": _escaped(alert.text)[:_LONGEST],
                    "footer": _escaped(f"{alert.key} · {delivery_id}"),
                    "fallback": text,
                }
            ],
        }
        answer = self._poster.post(
            content=json.dumps(body).encode(), headers={"content-type": "application/json"}
        )
        if answer.text.strip() != "ok":
            raise DeliveryFailed("slack: expected ok, found something else")


def _escaped(text: str) -> str:
    # The three characters that Slack's markup takes for its own.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
