"""E-mail against a real SMTP server: plain, encrypted, with a password, and each of its refusals."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pmm.alerts import Alert, DeliveryFailed, DeliveryRefused, Severity
from pmm.alerts.channels.mail import MailChannel, MailServer
from pmm.errors import InvalidInput
from pmm.localnet.anvil import free_port

ALERT = Alert(key="uptime_pct", severity=Severity.WARNING, title="uptime 99.2 %", text="widened\nwatching")
PASSWORD = "correct horse battery"


class _Inbox:
    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.says: dict[str, str] = {}
        self.data = "250 taken"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        said = self.says.get(address, "250 ok")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.data.startswith("250"):
            self.envelopes.append(envelope)
        return self.data

    def auth(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@contextmanager
def _serving(inbox: _Inbox, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def _channel(port: int, *receivers: str, **server: Any) -> MailChannel:
    return MailChannel(
        MailServer(host="127.0.0.1", port=port, **({"starttls": False} | server)),
        sender="pmm@example.org",
        receivers=receivers or ("a@example.org", "b@example.org"),
        timeout_s=2,
    )


def test_mail__alert__reaches_every_receiver_with_the_deliverys_message_id() -> None:
    inbox = _Inbox()
    with _serving(inbox) as port:
        _channel(port).deliver(ALERT, delivery_id="d1")
    (envelope,) = inbox.envelopes
    assert envelope.rcpt_tos == ["a@example.org", "b@example.org"]
    message = message_from_bytes(envelope.content, policy=default)
    assert message["Subject"] == "[warning] uptime 99.2 %"
    assert message["Message-ID"] == "<d1@pmm>"
    assert "widened\nwatching" in message.get_content().replace("\r\n", "\n")


def test_mail__title_with_a_header_in_it__stays_one_subject() -> None:
    inbox = _Inbox()
    sly = Alert(key="k", severity=Severity.WARNING, title="x\r\nBcc: thief@example.org")
    with _serving(inbox) as port:
        _channel(port).deliver(sly, delivery_id="d1")
    message = message_from_bytes(inbox.envelopes[0].content, policy=default)
    assert message["Bcc"] is None
    assert inbox.envelopes[0].rcpt_tos == ["a@example.org", "b@example.org"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [("451 later", DeliveryFailed), ("552 too big", DeliveryRefused), ("421 bye", DeliveryFailed)],
)
def test_mail__server_says_no__is_tried_again_or_not_by_its_code(said: str, kind: type[Exception]) -> None:
    inbox = _Inbox()
    inbox.data = said
    with _serving(inbox) as port, pytest.raises(kind):
        _channel(port).deliver(ALERT, delivery_id="d1")


@pytest.mark.parametrize(("said", "kind"), [("450 later", DeliveryFailed), ("550 nobody", DeliveryRefused)])
def test_mail__every_receiver_refused__is_judged_by_the_code(said: str, kind: type[Exception]) -> None:
    inbox = _Inbox()
    inbox.says = {"a@example.org": said}
    with _serving(inbox) as port, pytest.raises(kind):
        _channel(port, "a@example.org").deliver(ALERT, delivery_id="d1")


def test_mail__one_receiver_refused__is_told_after_the_other_got_it() -> None:
    inbox = _Inbox()
    inbox.says = {"b@example.org": "550 nobody"}
    with _serving(inbox) as port, pytest.raises(DeliveryRefused, match="1 of 2"):
        _channel(port).deliver(ALERT, delivery_id="d1")
    assert inbox.envelopes[0].rcpt_tos == ["a@example.org"]


def test_mail__no_server__is_tried_again() -> None:
    with pytest.raises(DeliveryFailed):
        _channel(free_port()).deliver(ALERT, delivery_id="d1")


def test_mail__encrypted_with_a_password__is_taken_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    server_tls, client_tls = _certificates(tmp_path)
    inbox = _Inbox()
    options = {"tls_context": server_tls, "authenticator": inbox.auth, "auth_required": True}
    with _serving(inbox, **options) as port:
        login = {"user": "pmm", "password": PASSWORD, "starttls": True, "tls": client_tls}
        _channel(port, **login).deliver(ALERT, delivery_id="d1")
        with pytest.raises(DeliveryRefused) as caught:
            _channel(port, **(login | {"password": "guess-of-mine"})).deliver(ALERT, delivery_id="d2")
        assert "guess-of-mine" not in str(caught.value)
        # A certificate that nobody vouches for: not even the password is sent.
        with pytest.raises(DeliveryFailed, match="SSL"):
            _channel(port, **(login | {"tls": ssl.create_default_context()})).deliver(ALERT, delivery_id="d3")
    assert len(inbox.envelopes) == 1


def test_mail__server_without_starttls__gets_nothing() -> None:
    inbox = _Inbox()
    with _serving(inbox) as port, pytest.raises(DeliveryFailed):
        _channel(port, starttls=True, user="pmm", password=PASSWORD).deliver(ALERT, delivery_id="d1")
    assert inbox.envelopes == []


def test_mail__plain_to_a_server_elsewhere__is_refused() -> None:
    with pytest.raises(InvalidInput, match="STARTTLS"):
        MailChannel(
            MailServer(host="mail.example.org", port=25, starttls=False),
            sender="a@example.org",
            receivers=("b@example.org",),
            timeout_s=1,
        )
    assert PASSWORD not in repr(MailServer(host="h", port=25, user="u", password=PASSWORD))


def _certificates(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
