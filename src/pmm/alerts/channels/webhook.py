"""A webhook of one's own, signed: HMAC-SHA256 over ``timestamp.body`` under a shared secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

from pmm.alerts.alert import Alert
from pmm.alerts.channels.posting import Poster
from pmm.errors import InvalidInput

TIMESTAMP, SIGNATURE, DELIVERY = "X-PMM-Timestamp", "X-PMM-Signature", "X-PMM-Delivery"
_SHORTEST_SECRET = 16


class WebhookChannel:
    """Posts the alert as JSON. ``clock_s`` gives unix time; the receiver refuses what is old."""

    name = "webhook"

    def __init__(self, url: str, *, secret: str, timeout_s: float, clock_s: Callable[[], float]) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise InvalidInput(
                f"webhook secret: expected at least {_SHORTEST_SECRET} characters, found fewer"
            )
        self._secret = secret.encode()
        self._clock_s = clock_s
        self._poster = Poster(self.name, url, timeout_s=timeout_s)

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Post; see ``Channel``. A receiver that keeps ``X-PMM-Delivery`` sees each once."""
        body = json.dumps(json.loads(alert.to_json()) | {"delivery": delivery_id}, sort_keys=True).encode()
        timestamp = str(int(self._clock_s()))
        self._poster.post(
            content=body,
            headers={
                "content-type": "application/json",
                TIMESTAMP: timestamp,
                DELIVERY: delivery_id,
                SIGNATURE: _signature(self._secret, timestamp, body),
            },
        )


def _signature(secret: bytes, timestamp: str, body: bytes) -> str:
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify_webhook(
    secret: str, *, timestamp: str, body: bytes, signature: str, now_s: float, max_age_s: float = 300
) -> bool:
    """Tell whether a request is ours and young: what a receiver must do before it believes a word."""
    if not timestamp.isdigit() or abs(now_s - int(timestamp)) > max_age_s:
        return False
    return hmac.compare_digest(_signature(secret.encode(), timestamp, body), signature)
