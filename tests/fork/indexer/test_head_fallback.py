"""A node's genuine WebSocket, cut, muted, delayed, gone and back; the books follow the chain all the while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pmm.chain.indexer import EventDecoder, Indexer, IndexerLoop, IndexPolicy, IndexStore
from pmm.chain.node_pool import Fall, HeadSource, HeadWatch, NodePool, WatchPolicy
from pmm.ledger import open_ledger
from pmm.localnet.anvil import HOST, AnvilNode
from tests.helpers.fake_chain import SETTLEMENT, WATCH
from tests.helpers.tcp_proxy import TcpProxy

_DEADLINE_S = 30.0
_NEVER_S = 600.0
# While heads come over the socket nobody looks over HTTP: what is followed then, the socket told.
TOLD = WatchPolicy(poll_s=0.05, check_s=_NEVER_S, quiet_s=_NEVER_S, lag_s=_NEVER_S, retry_s=0.05)
HELD = WatchPolicy(poll_s=0.05, check_s=0.1, quiet_s=_NEVER_S, lag_s=0.5, retry_s=0.05, most_retry_s=0.1)


@dataclass
class Follower:
    """An indexer that runs; HTTP is asked of the node itself, the socket goes through the proxy."""

    node: AnvilNode
    proxy: TcpProxy
    heads: HeadWatch
    store: IndexStore

    @property
    def live(self) -> bool:
        return self.heads.state.source is HeadSource.WEBSOCKET

    def mine(self) -> int:
        """Mine a block and return its number."""
        with self.node.rpc() as rpc:
            rpc.call("anvil_mine", "0x1")
            return int(rpc.call("eth_blockNumber"), 16)

    def at(self, number: int) -> bool:
        place = self.store.place()
        return place is not None and place.head.number >= number

    def follows(self) -> None:
        """A new block comes into the books."""
        number = self.mine()
        until(lambda: self.at(number), f"books at {number}")

    def agrees(self) -> None:
        """The books end at the node's own head."""
        with self.node.rpc() as rpc:
            head = rpc.call("eth_getBlockByNumber", "latest", False)["hash"]
        until(lambda: self.head_hash() == head, f"books at {head}")

    def head_hash(self) -> str:
        place = self.store.place()
        return "" if place is None else f"0x{place.head.hash.hex()}"

    def until_live(self) -> None:
        """Blocks go on until the socket has earned its place."""

        def earned() -> bool:
            self.mine()
            return self.live

        until(earned, "heads by WebSocket", pause_s=0.1)

    def until_http(self, how: Fall) -> None:
        until(lambda: not self.live, "heads by HTTP")
        assert self.heads.state.falls[how] >= 1, self.heads.state


def until(wanted: Callable[[], bool], what: str, *, pause_s: float = 0.02) -> None:
    deadline_s = time.monotonic() + _DEADLINE_S
    while not wanted():
        assert time.monotonic() < deadline_s, f"expected {what}"
        time.sleep(pause_s)


@pytest.fixture
def node() -> Iterator[AnvilNode]:
    with AnvilNode() as running:
        yield running


@contextmanager
def following(node: AnvilNode, policy: WatchPolicy, ledger: Path) -> Iterator[Follower]:
    opened = open_ledger(ledger, chain_id=1, maker=SETTLEMENT)
    pool, store = NodePool([node.url], timeout_s=20), IndexStore(opened)
    decoder, rule = EventDecoder(WATCH), IndexPolicy(rollback_after_s=0)
    indexer = Indexer(nodes=pool, store=store, watch=WATCH, decoder=decoder, policy=rule)
    with TcpProxy(node.port) as proxy, HeadWatch([f"ws://{HOST}:{proxy.port}"], policy) as heads:
        loop = IndexerLoop(indexer, heads=heads, probe=pool.probe)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        try:
            yield Follower(node, proxy, heads, store)
        finally:
            loop.stop()
            heads.stop()
            thread.join(timeout=_DEADLINE_S)
    pool.close()
    opened.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_heads__told_by_the_socket__are_followed_without_a_look(node: AnvilNode, ledger: Path) -> None:
    with following(node, TOLD, ledger) as desk:
        desk.until_live()
        for _ in range(5):
            desk.follows()
        assert desk.live


def test_heads__socket_cut__http_goes_on_and_the_socket_comes_back(node: AnvilNode, ledger: Path) -> None:
    with following(node, TOLD, ledger) as desk:
        desk.until_live()
        desk.proxy.refuses = True
        desk.proxy.cut()
        desk.until_http(Fall.DIED)
        for _ in range(3):
            desk.follows()
        assert not desk.live
        desk.proxy.refuses = False
        desk.until_live()
        desk.follows()
        assert desk.heads.state.reconnects >= 1


@pytest.mark.parametrize(
    ("policy", "how"),
    [
        (HELD, Fall.BEHIND),
        (
            WatchPolicy(poll_s=0.05, check_s=_NEVER_S, quiet_s=1.5, retry_s=0.05, most_retry_s=0.1),
            Fall.SILENT,
        ),
    ],
    ids=["http has a head", "nothing at all"],
)
def test_heads__socket_open_but_mute__http_goes_on(
    node: AnvilNode, ledger: Path, policy: WatchPolicy, how: Fall
) -> None:
    with following(node, policy, ledger) as desk:
        desk.until_live()
        desk.proxy.mute = True
        number = desk.mine()
        desk.until_http(how)
        until(lambda: desk.at(number), f"books at {number}")
        for _ in range(3):
            desk.follows()
        assert not desk.live
        desk.proxy.mute = False
        desk.until_live()
        desk.follows()


def test_heads__socket_late__has_no_place_until_it_is_not(node: AnvilNode, ledger: Path) -> None:
    with following(node, HELD, ledger) as desk:
        desk.until_live()
        desk.proxy.delay_s = 2.0
        desk.mine()
        desk.until_http(Fall.BEHIND)
        for _ in range(20):
            desk.follows()
        assert not desk.live
        desk.proxy.delay_s = 0.0
        desk.until_live()
        desk.follows()


def test_heads__node_killed_and_started_again__are_followed_from_where_both_agree(ledger: Path) -> None:
    born_s = int(time.time()) - 3_600
    with AnvilNode(timestamp_s=born_s) as node, following(node, TOLD, ledger) as desk:
        desk.until_live()
        for _ in range(3):
            desk.follows()
        node.stop()
        desk.until_http(Fall.DIED)
        # All that it had is gone but the genesis block.
        with AnvilNode(port=node.port, timestamp_s=born_s) as again:
            desk.node = again
            desk.until_live()
            desk.follows()
            desk.agrees()


def test_heads__reorg_over_the_socket__is_followed(node: AnvilNode, ledger: Path) -> None:
    with following(node, TOLD, ledger) as desk:
        desk.until_live()
        for _ in range(4):
            desk.follows()
        with node.rpc() as rpc:
            rpc.call("anvil_reorg", 3, [])
        desk.follows()
        desk.agrees()
        assert desk.live
