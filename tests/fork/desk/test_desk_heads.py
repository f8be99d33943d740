"""The desk hedges what a WebSocket told it of, and what HTTP shows while the socket is dead, mute or late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog

from pmm.chain.node_pool import Fall, HeadSource
from pmm.desk import Desk, open_desk
from pmm.desk.status import read_status
from pmm.domain import WETH
from pmm.errors import InvalidInput
from pmm.localnet.placement import ChainBuilder
from tests.fork.desk.desk_site import assert_books_equal_the_chain, settings_of
from tests.fork.server.site import Deployed, Server, fill
from tests.helpers.tcp_proxy import TcpProxy

KEY = "SECRETKEYOFAPROVIDER"
_DEADLINE_S = 60.0
_FAST: dict[str, Any] = {"poll_ms": 100, "head_check_ms": 200, "head_lag_ms": 2_000, "head_quiet_ms": 600_000}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "desk.sqlite"


@pytest.fixture
def proxy(deployed: Deployed) -> Iterator[TcpProxy]:
    port = urlsplit(deployed.rpc.url).port
    assert port is not None
    with TcpProxy(port) as running:
        yield running


@contextmanager
def turning(deployed: Deployed, ledger: Path, proxy: TcpProxy) -> Iterator[Desk]:
    """A desk in a thread of its own, as ``pmm desk`` runs it."""
    # anvil knows no other path than its own.
    socket = f"ws://user:{KEY}@127.0.0.1:{proxy.port}/?key={KEY}"
    # SQLite's connection is of the thread that opened it.
    opened: list[Desk] = []
    ready, stop = threading.Event(), threading.Event()

    def run() -> None:
        desk = open_desk(settings_of(deployed, ledger, websockets=socket, **_FAST))
        opened.append(desk)
        ready.set()
        try:
            desk.run(stop)
        finally:
            desk.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert ready.wait(_DEADLINE_S)
        yield opened[0]
    finally:
        stop.set()
        thread.join(_DEADLINE_S)
        assert not thread.is_alive()


def until(wanted: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + _DEADLINE_S
    while not wanted():
        assert time.monotonic() < deadline_s, f"expected {what}"
        time.sleep(0.1)


def by_socket(desk: Desk) -> bool:
    return desk.heads.state.source is HeadSource.WEBSOCKET


def until_by_socket(desk: Desk, deployed: Deployed) -> None:
    def earned() -> bool:
        deployed.rpc.call("anvil_mine", "0x1")
        return by_socket(desk)

    until(earned, f"heads by WebSocket, found {desk.heads.trouble}")


def fill_is_hedged(desk: Desk, server: Server, chain: ChainBuilder, *, before: int) -> int:
    server.catch_up()
    fill(chain, server.quote())
    until(lambda: hedged(desk) == before + 1, "the fill to be hedged")
    return before + 1


def hedged(desk: Desk) -> int:
    metrics = desk.gauges._events.registry
    return int(
        metrics.get_sample_value("pmm_hedges_total", {"route": "uniswap_v3_500", "outcome": "filled"}) or 0
    )


def test_desk__socket_told_cut_and_mute__each_fill_is_hedged_once(
    deployed: Deployed, server: Server, chain: ChainBuilder, ledger: Path, proxy: TcpProxy
) -> None:
    with structlog.testing.capture_logs() as said, turning(deployed, ledger, proxy) as desk:
        until_by_socket(desk, deployed)
        done = fill_is_hedged(desk, server, chain, before=0)
        proxy.refuses = True
        proxy.cut()
        until(lambda: not by_socket(desk), "heads over HTTP")
        done = fill_is_hedged(desk, server, chain, before=done)
        proxy.refuses = False
        until_by_socket(desk, deployed)
        proxy.mute = True
        done = fill_is_hedged(desk, server, chain, before=done)
        until(lambda: not by_socket(desk), "heads over HTTP")
        falls = desk.heads.state.falls
        assert falls[Fall.DIED] >= 1
        assert falls[Fall.BEHIND] >= 1
        assert desk.hedger.open_delta(WETH.address) == 0
        assert_books_equal_the_chain(desk, deployed)
        until(lambda: KEY.encode() not in desk.gauges._events.exposition(), "no key in the metrics")
    status = read_status(settings_of(deployed, ledger))
    assert status.heads == "http"
    assert [one["source"] for one in said if one["event"] == "heads_source"][-3:] == [
        "http",
        "websocket",
        "http",
    ]
    assert KEY not in repr(said)
    assert KEY.encode() not in ledger.read_bytes()


def test_desk__address_that_is_no_socket__ends_the_start_without_the_key(
    deployed: Deployed, ledger: Path
) -> None:
    with pytest.raises(InvalidInput, match="PMM_DESK_WEBSOCKETS") as failed:
        open_desk(settings_of(deployed, ledger, websockets=f"https://node.example/{KEY}"))
    assert KEY not in repr(failed.value)
