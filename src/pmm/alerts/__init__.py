"""Alerts: raised once, kept until they were delivered, never twice for the same trouble unless it gets worse.

How to join it::

    channels = channels_of(settings.alerts)              # Slack, e-mail, SMS, PagerDuty, webhook: those that are set
    alerts = AlertDesk(ledger, channels, routes_of(settings.alerts), watch=events.alerts)
    alerts.raise_alert(Alert(key="net_delta:WETH", severity=Severity.CRITICAL, title="...", text="..."), now_ms)
    alerts.resolve("net_delta:WETH", now_ms)
    AlertPump(alerts, clock_ms).start()                  # delivers from a thread of its own

A test drives ``AlertDesk.deliver_due(now_ms)`` instead of the pump. ``key`` names the trouble, not the moment.
"""

from pmm.alerts.alert import Alert, Severity
from pmm.alerts.alert_desk import AlertDesk, AlertWatch
from pmm.alerts.channel import Channel, DeliveryFailed, DeliveryRefused
from pmm.alerts.pump import AlertPump
from pmm.alerts.routing import Routes
from pmm.alerts.settings import AlertSettings, channels_of, routes_of

__all__ = [
    "Alert",
    "AlertDesk",
    "AlertPump",
    "AlertSettings",
    "AlertWatch",
    "Channel",
    "DeliveryFailed",
    "DeliveryRefused",
    "Routes",
    "Severity",
    "channels_of",
    "routes_of",
]
