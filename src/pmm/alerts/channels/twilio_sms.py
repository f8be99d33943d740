"""SMS in Twilio's form: https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from pmm.alerts.alert import Alert
from pmm.alerts.channel import DeliveryFailed, DeliveryRefused
from pmm.alerts.channels.posting import Poster

API_URL = "https://api.twilio.com"
_LONGEST = 480
"""Three segments: who reads a phone at night wants one line."""


class TwilioChannel:
    """Sends one SMS to each number."""

    name = "sms"

    def __init__(
        self,
        *,
        account: str,
        token: str,
        sender: str,
        receivers: tuple[str, ...],
        timeout_s: float,
        url: str = API_URL,
    ) -> None:
        self._auth = (account, token)
        self._sender = sender
        self._receivers = receivers
        path = f"/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
        self._poster = Poster(self.name, url.rstrip("/") + path, timeout_s=timeout_s)
        self._done: dict[str, set[str]] = {}

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Send to everybody who did not get it at an earlier try; see ``Channel``."""
        done = self._done.setdefault(delivery_id, set())
        failed: DeliveryFailed | None = None
        refused: DeliveryRefused | None = None
        text = f"{alert.headline} {alert.text}".strip()[:_LONGEST]
        for receiver in self._receivers:
            if receiver in done:
                continue
            form = urlencode({"To": receiver, "From": self._sender, "Body": text})
            try:
                self._poster.post(
                    content=form.encode(),
                    headers={"content-type": "application/x-www-form-urlencoded"},
                    auth=self._auth,
                )
            except DeliveryFailed as error:
                # The others get theirs all the same.
                failed = error
            except DeliveryRefused as error:
                refused = error
            else:
                done.add(receiver)
        if failed is not None:
            raise failed
        del self._done[delivery_id]
        if refused is not None:
            raise refused
