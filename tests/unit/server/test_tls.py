"""TLS by configuration, with a certificate made here, over a real socket."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pmm.errors import SetupError
from pmm.server.lifecycle import _Server, bind, http_config, tls_options
from pmm.settings import ServeSettings, load_settings


def certificate(folder: Path, name: str, password: bytes | None = None) -> tuple[Path, Path]:
    """Write a self-signed certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption: Any = (
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return paths


async def _app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def _ask(settings: ServeSettings, scheme: str, verify: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        listener = bind("127.0.0.1", 0)
        port = listener.getsockname()[1]
        server = _Server(http_config(_app, settings))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        try:
            async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=5) as client:
                return await client.get(f"{scheme}://localhost:{port}/levels")
        finally:
            server.should_exit = True
            await serving
            listener.close()

    return asyncio.run(run())


def _settings(**tls: Any) -> ServeSettings:
    return load_settings({"tls": tls})


@pytest.mark.parametrize("password", [None, "hunter2"])
def test_tls__own_certificate__serves_who_trusts_it_and_nobody_in_the_clear(
    tmp_path: Path, password: str | None
) -> None:
    pem, key = certificate(tmp_path, "server", password.encode() if password else None)
    settings = _settings(certificate=pem, key=key, key_password=password)
    assert _ask(settings, "https", ssl.create_default_context(cafile=str(pem))).text == "ok"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        _ask(settings, "https", True)
    with pytest.raises(httpx.HTTPError):
        _ask(settings, "http", True)


def test_tls__client_certificate_wanted__refuses_who_has_none(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path, "server")
    client_pem, client_key = certificate(tmp_path, "client")
    settings = _settings(certificate=pem, key=key, client_ca=client_pem)
    context = ssl.create_default_context(cafile=str(pem))
    with pytest.raises(httpx.HTTPError):
        _ask(settings, "https", context)
    context.load_cert_chain(client_pem, client_key)
    assert _ask(settings, "https", context).text == "ok"


@pytest.mark.parametrize("fault", ["missing", "other key", "no pem", "wrong password"])
def test_tls__files_that_do_not_fit__are_refused_at_the_start(tmp_path: Path, fault: str) -> None:
    pem, key = certificate(tmp_path, "server", b"right" if fault == "wrong password" else None)
    if fault == "missing":
        pem.unlink()
    elif fault == "other key":
        _, key = certificate(tmp_path, "other")
    elif fault == "no pem":
        pem.write_text("nothing")
    with pytest.raises(SetupError, match="PMM_TLS_CERTIFICATE") as caught:
        tls_options(_settings(certificate=pem, key=key, key_password="wrong").tls)
    assert "wrong" not in str(caught.value)


def test_tls__not_configured__is_off() -> None:
    assert tls_options(load_settings().tls) == {}
