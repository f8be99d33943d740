"""Settings of the channels: a section ``alerts`` for the settings tree (PMM_ALERTS_SLACK_URL and so on)."""

from __future__ import annotations

import time
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

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
from pmm.alerts.channels.pagerduty import EVENTS_URL
from pmm.alerts.channels.twilio_sms import API_URL
from pmm.alerts.routing import Routes

_Severity = Annotated[str, Field(pattern="^(info|warning|critical)$")]


class AlertSettings(BaseModel):
    """Where alerts go. A channel is on when its secret is set; none is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    slack_url: SecretStr | None = Field(None, description="Slack's incoming webhook; the address is the key.")
    slack_from: _Severity = Field("warning", description="Least severity told by Slack.")
    pagerduty_key: SecretStr | None = Field(None, description="Routing key of PagerDuty's Events API v2.")
    pagerduty_from: _Severity = Field("critical", description="Least severity told by PagerDuty.")
    pagerduty_endpoint: str = Field(EVENTS_URL, description="Its address.")
    sms_account: str | None = Field(None, description="Twilio's account SID.")
    sms_token: SecretStr | None = Field(None, description="Its auth token.")
    sms_sender: str | None = Field(None, description="Number that sends, +15550100.")
    sms_receivers: Annotated[tuple[str, ...], NoDecode] = Field((), description="Numbers, by comma.")
    sms_from: _Severity = Field("critical", description="Least severity told by SMS.")
    sms_endpoint: str = Field(API_URL, description="Twilio's address.")
    email_host: str | None = Field(None, description="Mail server.")
    email_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    email_user: str = Field("", description="User at it, empty for none.")
    email_password: SecretStr | None = Field(None, description="Password of that user.")
    email_starttls: bool = Field(True, description="Encrypt; off only for a server on this machine.")
    email_sender: str | None = Field(None, description="Address that sends.")
    email_receivers: Annotated[tuple[str, ...], NoDecode] = Field((), description="Addresses, by comma.")
    email_from: _Severity = Field("warning", description="Least severity told by e-mail.")
    webhook_url: SecretStr | None = Field(None, description="Address of a webhook of one's own.")
    webhook_secret: SecretStr | None = Field(None, description="Secret of its HMAC, 16 characters or more.")
    webhook_from: _Severity = Field("info", description="Least severity told by it.")
    timeout_ms: int = Field(5_000, ge=100, le=60_000, description="Longest wait for a channel.")
    repeat_s: int = Field(3_600, ge=60, description="A trouble that stands is told again after so long.")
    keep_trying_s: int = Field(86_400, ge=60, description="Age at which a delivery is given up.")

    @field_validator("sms_receivers", "email_receivers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, first, others in (
            ("sms", self.sms_account, (self.sms_token, self.sms_sender, self.sms_receivers)),
            ("email", self.email_host, (self.email_sender, self.email_receivers)),
            ("webhook", self.webhook_url, (self.webhook_secret,)),
        ):
            if bool(first) != all(bool(other) for other in others):
                raise ValueError(
                    f"{name}: expected all of its settings or none, found some; see docs/alerts.md"
                )
        return self


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
