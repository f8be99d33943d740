"""The channels."""

from pmm.alerts.channels.mail import MailChannel
from pmm.alerts.channels.pagerduty import PagerDutyChannel
from pmm.alerts.channels.slack import SlackChannel
from pmm.alerts.channels.twilio_sms import TwilioChannel
from pmm.alerts.channels.webhook import WebhookChannel, verify_webhook

__all__ = [
    "MailChannel",
    "PagerDutyChannel",
    "SlackChannel",
    "TwilioChannel",
    "WebhookChannel",
    "verify_webhook",
]
