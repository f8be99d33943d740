"""The alert settings as a section of the settings tree (PMM_ALERTS_SLACK_URL and so on)."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

PAGERDUTY_URL: Final = "https://events.pagerduty.com/v2/enqueue"
TWILIO_URL: Final = "https://api.twilio.com"

_LOCAL: Final = ("127.0.0.1", "::1", "localhost")
_MAILBOX: Final = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"/]+")
# ITU-T E.164: at most fifteen digits.
_NUMBER: Final = re.compile(r"\+[0-9]{4,15}")


def check_address(url: str) -> str:
    """Return an address that alerts may go to; raise ValueError, without repeating it, for any other."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("expected an https address, found something else") from None
    allowed = parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)
    if not host or not allowed or re.search(r"\s", url):
        raise ValueError("expected an https address, or one of http on this machine")
    return url


def _secret_address(url: SecretStr) -> SecretStr:
    check_address(url.get_secret_value())
    return url


def _mailbox(address: str) -> str:
    if not _MAILBOX.fullmatch(parseaddr(address)[1]):
        raise ValueError("expected an e-mail address, name@host")
    return address


def _mailboxes(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_mailbox(one) for one in addresses)


def _numbers(numbers: tuple[str, ...]) -> tuple[str, ...]:
    for one in numbers:
        if not _NUMBER.fullmatch(one):
            raise ValueError("expected telephone numbers as +15550100")
    return numbers


_SecretUrl = Annotated[SecretStr, AfterValidator(_secret_address)]
_Url = Annotated[str, AfterValidator(check_address)]
_Severity = Annotated[str, Field(pattern="^(info|warning|critical)$")]


class AlertSettings(BaseModel):
    """Where alerts go. A channel is on when its secret is set; none is needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    slack_url: _SecretUrl | None = Field(
        None, description="Slack's incoming webhook; the address is the key."
    )
    slack_from: _Severity = Field("warning", description="Least severity told by Slack.")
    pagerduty_key: SecretStr | None = Field(None, description="Routing key of PagerDuty's Events API v2.")
    pagerduty_from: _Severity = Field("critical", description="Least severity told by PagerDuty.")
    pagerduty_endpoint: _Url = Field(PAGERDUTY_URL, description="Its address.")
    sms_account: str | None = Field(None, description="Twilio's account SID.")
    sms_token: SecretStr | None = Field(None, description="Its auth token.")
    sms_sender: str | None = Field(None, description="Number that sends, +15550100.")
    sms_receivers: Annotated[tuple[str, ...], NoDecode, AfterValidator(_numbers)] = Field(
        (), description="Numbers, by comma."
    )
    sms_from: _Severity = Field("critical", description="Least severity told by SMS.")
    sms_endpoint: _Url = Field(TWILIO_URL, description="Twilio's address.")
    email_host: str | None = Field(None, pattern=r"^[^\s/@]+$", description="Mail server.")
    email_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    email_user: str = Field("", description="User at it, empty for none.")
    email_password: SecretStr | None = Field(None, description="Password of that user.")
    email_starttls: bool = Field(True, description="Encrypt; off only for a server on this machine.")
    email_sender: Annotated[str, AfterValidator(_mailbox)] | None = Field(
        None, description="Address that sends."
    )
    email_receivers: Annotated[tuple[str, ...], NoDecode, AfterValidator(_mailboxes)] = Field(
        (), description="Addresses, by comma."
    )
    email_from: _Severity = Field("warning", description="Least severity told by e-mail.")
    webhook_url: _SecretUrl | None = Field(None, description="Address of a webhook of one's own.")
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
