"""Answers written in one piece are byte for byte uvicorn's, and connections live as long as uvicorn lets them."""

import asyncio
import gc
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pmm.server.lifecycle import _Server, _stop, bind, http_config
from pmm.server.patience import ImpatientProtocol
from pmm.settings import load_settings
from tests.unit.server.test_http_routes import open_site
from tests.unit.server.test_slow_clients import _BODY, _WHOLE

_END = b"\r\n\r\n"
_CLOSE = _WHOLE.replace(_END, b"\r\nconnection: close" + _END)
_HTTP_10 = _WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0")
_NO_JSON = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n{"
_TOO_LONG = b"POST /order HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n" + b"{" * 5_000
_WRONG_METHOD = b"PUT /order HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
_HEAD = b"HEAD /order HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
_LEVELS = b"GET /levels HTTP/1.1\r\nhost: x\r\n\r\n"
_TWO = _WHOLE + _NO_JSON
_WAITS_FOR_100 = _WHOLE.replace(_END, b"\r\nexpect: 100-continue" + _END)
_DATE = re.compile(rb"date: [^\r]*")

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(path: Path, talking: Talk, *, keep_alive_s: float = 30) -> None:
    """Serve a new site on a real port to one client."""
    site = open_site(path)
    config = http_config(site.app, load_settings({"body_timeout_ms": 5_000}, environment={}))
    config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]  # uvicorn's call_later takes parts of a second

    async def run() -> None:
        server, listener = _Server(config), bind("127.0.0.1", 0)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        try:
            await asyncio.wait_for(talking(reader, writer), 20)
        finally:
            writer.close()
            _stop(server, site.app)
            await asyncio.wait_for(serving, 20)
            listener.close()

    asyncio.run(run())


async def _read(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(_END)
    length = re.search(rb"content-length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def _answers(path: Path, data: bytes, count: int, *, closes: bool) -> list[bytes]:
    found: list[bytes] = []

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if closes:
            found.append(await reader.read())
            return
        found.extend([await _read(reader) for _ in range(count)])

    path.mkdir()
    talk(path, talking)
    return [_DATE.sub(b"date: then", answer) for answer in found]


@pytest.mark.parametrize(
    ("data", "count", "closes", "status"),
    [
        (_WHOLE, 1, False, b"200"),
        (_CLOSE, 1, True, b"200"),
        (_HTTP_10, 1, True, b"200"),
        (_NO_JSON, 1, False, b"400"),
        (_TOO_LONG, 1, False, b"413"),
        (_WRONG_METHOD, 1, False, b"405"),
        (_HEAD, 1, True, b"405"),
        (_LEVELS, 1, False, b"200"),
        (_TWO, 2, False, b"200"),
        (_WAITS_FOR_100, 1, False, b"200"),
    ],
    ids=[
        "order",
        "close",
        "http 1.0",
        "no JSON",
        "too long",
        "put",
        "head",
        "levels",
        "two at once",
        "expects 100",
    ],
)
def test_answer__in_one_piece__is_what_uvicorn_writes_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, count: int, closes: bool, status: bytes
) -> None:
    ours = _answers(tmp_path / "ours", data, count, closes=closes)
    monkeypatch.setattr(ImpatientProtocol, "_write_answer", lambda *_: False)
    theirs = _answers(tmp_path / "theirs", data, count, closes=closes)
    assert ours == theirs
    assert ours[0][9:12] == status


def test_order__whole__is_answered_in_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote: list[bool] = []
    write = ImpatientProtocol._write_answer

    def note(protocol: ImpatientProtocol, scope: object, status: int, body: bytes) -> bool:
        wrote.append(write(protocol, scope, status, body))  # type: ignore[arg-type]
        return wrote[-1]

    monkeypatch.setattr(ImpatientProtocol, "_write_answer", note)
    _answers(tmp_path / "site", _WHOLE, 1, closes=False)
    assert wrote == [True]


def test_connection__idle_after_an_answer__is_closed_when_its_time_is_up(tmp_path: Path) -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_WHOLE)
        await _read(reader)
        started_s = time.monotonic()
        assert await reader.read() == b""
        assert 0.35 < time.monotonic() - started_s < 5

    talk(tmp_path, talking, keep_alive_s=0.4)


def test_connection__answers_follow_each_other__is_idle_since_the_last(tmp_path: Path) -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            writer.write(_WHOLE)
            assert (await _read(reader)).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(0.25)
        started_s = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - started_s > 0.1

    talk(tmp_path, talking, keep_alive_s=0.4)


def test_connection__body_under_way_when_the_timer_rings__is_answered(tmp_path: Path) -> None:
    head, body = _WHOLE[: -len(_BODY)], _BODY

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_WHOLE)
        await _read(reader)
        writer.write(head)
        # The site waits 0.2 s for a body; the timer of the first answer rings after 0.1 s.
        await asyncio.sleep(0.14)
        writer.write(body)
        assert (await _read(reader)).startswith(b"HTTP/1.1 200 ")
        started_s = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - started_s > 0.07

    talk(tmp_path, talking, keep_alive_s=0.1)


def test_connections__closed_by_clients__leave_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gc.collect()
        gc.disable()
        try:
            for _ in range(5):
                other, ours = await asyncio.open_connection(*writer.get_extra_info("peername")[:2])
                ours.write(_WHOLE)
                await _read(other)
                ours.close()
                await ours.wait_closed()
            while len(left := [one for one in gc.get_objects() if isinstance(one, ImpatientProtocol)]) > 1:
                del left
                await asyncio.sleep(0.01)
        finally:
            gc.enable()

    talk(tmp_path, talking)
