"""What a proxy in front of the server says about the client behind it."""

from __future__ import annotations

import os
from typing import Any, cast

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pmm.server.access.request_body import AsgiApp

PROXY_HEADERS = (b"x-forwarded-for", b"x-forwarded-proto")


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Stand where the middleware has its application: it changes the scope in place, and we go on from there."""


def proxy_reader() -> AsgiApp:
    """Return what puts client and scheme into the scope of a request that a trusted proxy passed on.

    uvicorn's own middleware, with its own trust: FORWARDED_ALLOW_IPS, else this machine. uvicorn would call it for
    every request, and most come with none of :data:`PROXY_HEADERS`.
    """
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
    return cast(AsgiApp, ProxyHeadersMiddleware(_nothing, trusted_hosts=trusted))
