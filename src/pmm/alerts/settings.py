"""From the settings of the section ``alerts`` (``pmm.settings_alerts``) to channels and routes."""

from __future__ import annotations

import time

from pmm.alerts.alert import Severity
from pmm.alerts.channel import Channel
from pmm.alerts.channels import (
    MailChannel,
    PagerDutyChannel,
    SlackChannel,
    TwilioChannel,
    WebhookChannel,
)
from pmm.alerts.channels.mail import MailServer
from pmm.alerts.routing import Routes
from pmm.settings_alerts import AlertSettings

__all__ = ["AlertSettings", "channels_of", "routes_of"]


def channels_of(settings: AlertSettings) -> tuple[Channel, ...]:
    """Return the channels that are set; raises InvalidInput for an address that is not https."""
    timeout_s = settings.timeout_ms / 1_000
    found: list[Channel] = []
    if settings.slack_url is not None:
        found.append(SlackChannel(settings.slack_url.get_secret_value(), timeout_s=timeout_s))
    if settings.pagerduty_key is not None:
        key = settings.pagerduty_key.get_secret_value()
        found.append(
            PagerDutyChannel(key, source="pmm", timeout_s=timeout_s, url=settings.pagerduty_endpoint)
        )
    if settings.sms_account and settings.sms_token and settings.sms_sender:
        found.append(
            TwilioChannel(
                account=settings.sms_account,
                token=settings.sms_token.get_secret_value(),
                sender=settings.sms_sender,
                receivers=settings.sms_receivers,
                timeout_s=timeout_s,
                url=settings.sms_endpoint,
            )
        )
    if settings.email_host and settings.email_sender:
        found.append(_mail(settings, settings.email_host, settings.email_sender))
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        found.append(
            WebhookChannel(
                settings.webhook_url.get_secret_value(),
                secret=settings.webhook_secret.get_secret_value(),
                timeout_s=timeout_s,
                clock_s=time.time,
            )
        )
    return tuple(found)


def routes_of(settings: AlertSettings) -> Routes:
    """Return which severity goes where, for the channels that are set."""
    least = {
        channel.name: Severity[str(getattr(settings, f"{channel.name}_from")).upper()]
        for channel in channels_of(settings)
    }
    return Routes(least=least)


def _mail(settings: AlertSettings, host: str, sender: str) -> MailChannel:
    password = settings.email_password.get_secret_value() if settings.email_password else ""
    server = MailServer(
        host=host,
        port=settings.email_port,
        user=settings.email_user,
        password=password,
        starttls=settings.email_starttls,
    )
    return MailChannel(
        server, sender=sender, receivers=settings.email_receivers, timeout_s=settings.timeout_ms / 1_000
    )
