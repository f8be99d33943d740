"""E-mail over SMTP (RFC 5321), by STARTTLS (RFC 3207) unless the server is this machine."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from pmm.alerts.alert import Alert
from pmm.alerts.channel import DeliveryFailed, DeliveryRefused
from pmm.errors import InvalidInput

_PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is given up for delivery; ``password`` never appears in a repr."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    starttls: bool = True
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


class MailChannel:
    """One message to all receivers."""

    name = "email"

    def __init__(
        self, server: MailServer, *, sender: str, receivers: tuple[str, ...], timeout_s: float
    ) -> None:
        if not server.starttls and server.host not in ("127.0.0.1", "::1", "localhost"):
            raise InvalidInput("email: expected STARTTLS for a server elsewhere; leave it on")
        self._server = server
        self._sender = sender
        self._receivers = receivers
        self._timeout_s = timeout_s

    def deliver(self, alert: Alert, *, delivery_id: str) -> None:
        """Hand it to the server; see ``Channel``. The message id is the delivery's: a second copy can be told."""
        message = EmailMessage()
        message["Subject"] = alert.headline
        message["From"], message["To"] = self._sender, ", ".join(self._receivers)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{delivery_id}@pmm>"
        message.set_content(f"{alert.headline}\n\n{alert.text}\n\n{alert.key}\n")
        try:
            refused = self._send(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _judged(max(code for code, _ in error.recipients.values())) from None
        except smtplib.SMTPResponseException as error:
            raise _judged(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"email: expected a server, found {type(error).__name__}") from None
        if refused:
            raise DeliveryRefused(f"email: {len(refused)} of {len(self._receivers)} receivers were refused")

    def _send(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        server = self._server
        with smtplib.SMTP(server.host, server.port, timeout=self._timeout_s) as connection:
            if server.starttls:
                connection.starttls(context=server.tls or ssl.create_default_context())
            if server.user:
                connection.login(server.user, server.password)
            return connection.send_message(message)


def _judged(code: int) -> DeliveryFailed | DeliveryRefused:
    said = f"email: expected the server to take it, found status {code}"
    return DeliveryRefused(said) if code >= _PERMANENT else DeliveryFailed(said)
