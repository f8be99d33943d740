"""Listening, the ready line, and a clean end."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIServer

import uvicorn
from prometheus_client import start_http_server

from pmm.errors import SetupError
from pmm.server.access.request_body import AsgiApp
from pmm.server.control_plane import reload_by_signal
from pmm.server.hot_path import QuoteRoutes
from pmm.server.patience import impatient_protocol
from pmm.server.runtime import Runtime
from pmm.settings import ServeSettings
from pmm.settings_sections import TlsSettings

_BACKLOG = 1024
_GRACE_S = 1
_FIRST_VIEW_S = 5.0


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise SetupError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because event loops switch Nagle's algorithm off only where it says TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SetupError(
                f"expected port {port} of {host} to be free, found it in use; "
                "stop what listens there or give --port another one"
            ) from error
        raise SetupError(
            f"expected to listen on {host}:{port}, found: {error.strerror or error}; check --host and --port"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to us (it would raise them again when it is done) and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then set ``listening``."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install nothing."""
        yield


async def serve(runtime: Runtime, listener: socket.socket, *, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``say`` gets the ready line once requests are answered."""
    server = _Server(http_config(runtime.app, runtime.settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, server, runtime.routes)
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.ensure_future(reload_by_signal(runtime.side.parts.reloader))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    runtime.start()
    exporter = metrics_exporter(runtime)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(_announce(runtime, server, listener, say))
    try:
        await serving
    finally:
        waiting.cancel()
        if exporter is not None:
            exporter.shutdown()


def metrics_exporter(runtime: Runtime) -> WSGIServer | None:
    """Serve /metrics to this machine on a port of its own, if the settings name one; raises SetupError."""
    port, metrics = runtime.settings.monitoring.port, runtime.plane.metrics
    if port is None or metrics is None:
        return None
    try:
        exporter, _ = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        raise SetupError(
            f"expected port {port} of 127.0.0.1 to be free for /metrics, found: {error.strerror}; "
            "change PMM_MONITORING_PORT"
        ) from error
    return exporter


def http_config(app: AsgiApp, settings: ServeSettings) -> uvicorn.Config:
    """Return how uvicorn serves: bounded in connections, in patience, and in how long it takes to end.

    Raises SetupError when certificate or key cannot be used.
    """
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        # The front door reads them, where there are any.
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_keep_alive=30,
        limit_concurrency=settings.max_connections,
        http=impatient_protocol(settings.body_timeout_ms / 1000),
        backlog=_BACKLOG,
        **tls_options(settings.tls),
    )


def tls_options(tls: TlsSettings) -> dict[str, Any]:
    """Return uvicorn's options for TLS, none without a certificate; raise SetupError when the files do not fit."""
    if tls.certificate is None or tls.key is None:
        return {}
    password = tls.key_password.get_secret_value() if tls.key_password else ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # uvicorn would fail later, with a trace; the password is given so that OpenSSL never asks the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(
            f"TLS: expected a PEM certificate at {tls.certificate} and its key at {tls.key}, found: "
            f"{type(error).__name__}; check PMM_TLS_CERTIFICATE, PMM_TLS_KEY, PMM_TLS_KEY_PASSWORD, PMM_TLS_CLIENT_CA"
        ) from error
    return {
        "ssl_certfile": str(tls.certificate),
        "ssl_keyfile": str(tls.key),
        "ssl_keyfile_password": password,
        "ssl_ca_certs": str(tls.client_ca) if tls.client_ca is not None else None,
        "ssl_cert_reqs": ssl.CERT_REQUIRED if tls.client_ca is not None else ssl.CERT_NONE,
    }


def _stop(server: _Server, app: QuoteRoutes) -> None:
    app.stop()
    server.should_exit = True


async def _announce(
    runtime: Runtime, server: _Server, listener: socket.socket, say: Callable[[str], None]
) -> None:
    await runtime.refresher.wait_for_read(_FIRST_VIEW_S)
    await server.listening.wait()
    quoting, health = await runtime.health.report()
    host, port = listener.getsockname()[:2]
    scheme = "https" if runtime.settings.tls.certificate else "http"
    address = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    chain = health["chain"]
    state = "quoting" if quoting else f"NOT quoting: {'; '.join(health['reasons'])}"
    say(f"pmm serve: ready on {address}, {state}")
    okx = "" if runtime.okx is None else f"OKX maker {runtime.okx.signer.address}, "
    say(
        f"chain {runtime.node.chain_id} ({runtime.node.client_version}), block {chain.get('block')}, "
        f"settlement {runtime.maker}, signer {runtime.signer.address} ({runtime.signer.mode.value}), "
        f"{okx}journal {runtime.journal.path}, API page {address}/docs"
    )
