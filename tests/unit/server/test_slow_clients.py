"""Clients that send half a request are cut off, and do not hold the server back when it stops."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pmm.domain import USDC, WETH
from pmm.server.lifecycle import _Server, _stop, bind, http_config
from pmm.settings import load_settings
from tests.helpers.quoting import TAKER
from tests.unit.server.test_http_routes import Site, open_site

_HALF_BODY = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"
_HALF_HEAD = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-le"
_BODY = json.dumps(
    {"baseToken": WETH.address, "quoteToken": USDC.address, "amount": str(10**18), "taker": TAKER}
).encode()
_WHOLE = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(_BODY) + _BODY

Use = Callable[[str, int, _Server], Awaitable[None]]


def serve(site: Site, use: Use, **settings: int) -> None:
    """Serve a site while ``use`` runs, then stop it."""
    config = http_config(site.app, load_settings({"body_timeout_ms": 200, **settings}, environment={}))

    async def run() -> None:
        server, listener = _Server(config), bind("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        try:
            host, port = listener.getsockname()[:2]
            await use(host, port, server)
        finally:
            _stop(server, site.app)
            await asyncio.wait_for(serving, 20)
            listener.close()

    asyncio.run(run())


async def _send(host: str, port: int, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    await writer.drain()
    return reader, writer


def test_order__half_a_body__is_408_and_the_connection_closes(tmp_path: Path) -> None:
    site = open_site(tmp_path)

    async def use(host: str, port: int, server: _Server) -> None:
        reader, writer = await _send(host, port, _HALF_BODY)
        answer = await asyncio.wait_for(reader.read(), 20)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"body_too_slow" in answer
        writer.close()

    serve(site, use)
    assert site.desk.journal.records == []


@pytest.mark.parametrize("data", [b"", _HALF_HEAD], ids=["nothing", "half a head"])
def test_connection__no_whole_head__is_closed(tmp_path: Path, data: bytes) -> None:
    async def use(host: str, port: int, server: _Server) -> None:
        reader, writer = await _send(host, port, data)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()

    serve(open_site(tmp_path), use)


def test_connection__half_a_head_after_an_answer__is_closed(tmp_path: Path) -> None:
    async def use(host: str, port: int, server: _Server) -> None:
        reader, writer = await _send(host, port, _WHOLE)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        writer.write(_HALF_HEAD)
        await asyncio.wait_for(reader.read(), 20)
        writer.close()

    serve(open_site(tmp_path), use)


def test_connections__beyond_the_limit__are_503(tmp_path: Path) -> None:
    async def use(host: str, port: int, server: _Server) -> None:
        held = [await _send(host, port, _HALF_HEAD) for _ in range(3)]
        reader, writer = await _send(host, port, _WHOLE)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        for _, other in held:
            other.close()
        writer.close()

    serve(open_site(tmp_path), use, max_connections=3, body_timeout_ms=10_000)


def test_stop__half_sent_requests_open__ends_without_a_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(tmp_path)
    site.app._body_timeout_s = 1_000
    answers: list[bytes] = []

    async def use(host: str, port: int, server: _Server) -> None:
        open_ones = [await _send(host, port, data) for data in (_HALF_BODY, _HALF_BODY, _HALF_HEAD)]
        while len(site.app._reading) < 2:  # noqa: ASYNC110 - uvicorn tells nobody of half a body
            await asyncio.sleep(0.01)
        _stop(server, site.app)
        answers.extend([await asyncio.wait_for(reader.read(), 20) for reader, _ in open_ones])
        for _, writer in open_ones:
            writer.close()

    with caplog.at_level(logging.WARNING):
        serve(site, use, body_timeout_ms=1_000_000)
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503", b"HTTP/1.1 503", b""]
    # Nothing was cancelled: every request had its answer within the grace.
    assert caplog.records == []


def test_order__one_after_the_other_on_a_connection__each_is_answered_for_its_own_body(
    tmp_path: Path,
) -> None:
    site = open_site(tmp_path)
    large = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n" + b"{" * 5_000
    parts = (_WHOLE, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n", _WHOLE[:-7], _WHOLE[-7:] + large)

    async def use(host: str, port: int, server: _Server) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.05)
        found: list[bytes] = []
        for _ in range(4):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            found.append(head[9:12])
        assert found == [b"200", b"200", b"200", b"413"]
        writer.close()

    serve(site, use)
    assert [record.body for record in site.desk.journal.records] == [_BODY, _BODY]
