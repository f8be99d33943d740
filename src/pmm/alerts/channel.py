"""A way to people, and how it fails."""

from __future__ import annotations

from typing import Protocol

from pmm.alerts.alert import Alert
from pmm.errors import PmmError


class DeliveryFailed(PmmError):
    """Not now: no answer, overload. ``retry_after_s`` is what the other side asked for."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeliveryRefused(PmmError):
    """Never: a wrong key, address or form. Trying again would not help."""


class Channel(Protocol):
    """Delivers one alert. Knows its secrets and shows them to nobody."""

    @property
    def name(self) -> str:
        """Name in settings, metrics and logs."""
        ...

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Return when the other side took it; ``delivery_id`` is the same for every try.

        Raises DeliveryFailed or DeliveryRefused; returns within its timeout.
        """
        ...
