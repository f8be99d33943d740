"""The whole of it on a plain anvil node: WebSocket, loop, real reorganisations of any depth down to finality."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pmm.chain.indexer import (
    EventDecoder,
    Indexer,
    IndexerLoop,
    IndexPolicy,
    IndexStore,
    ReorgBelowFinality,
    topics,
)
from pmm.chain.node_pool import HeadWatch, NodePool, WatchPolicy
from pmm.chain.rpc import JsonRpc
from pmm.domain import USDC, WETH, ChainChange, ChainEvent
from pmm.ledger import Ledger, open_ledger
from pmm.localnet.anvil import AnvilNode
from tests.helpers.fake_chain import SETTLEMENT, TAKER, WATCH
from tests.helpers.indexing import hashes

_DEADLINE_S = 20.0
# LOG3 of the calldata: three topics, then the data.
_LOGGER = "0x604035602035600035606036038060606000376000a300"
# Longer than any test: without a WebSocket nothing would happen.
_NO_POLL = WatchPolicy(poll_s=0.05, check_s=600, quiet_s=600, lag_s=600)


@pytest.fixture
def node() -> Iterator[AnvilNode]:
    with AnvilNode() as running, running.rpc() as rpc:
        rpc.call("anvil_setCode", SETTLEMENT, _LOGGER)
        yield running


@pytest.fixture
def rpc(node: AnvilNode) -> Iterator[JsonRpc]:
    with node.rpc() as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=SETTLEMENT)
    yield opened
    opened.close()


def make_indexer(node: AnvilNode, ledger: Ledger) -> tuple[Indexer, NodePool]:
    pool = NodePool([node.url], timeout_s=20)
    indexer = Indexer(
        nodes=pool,
        store=IndexStore(ledger),
        watch=WATCH,
        decoder=EventDecoder(WATCH),
        policy=IndexPolicy(rollback_after_s=0),
    )
    return indexer, pool


def log_fill(rpc: JsonRpc, number: int) -> None:
    words = [number, int(TAKER, 16), int(WETH.address, 16), int(USDC.address, 16), 10**18, 3_000 * 10**6]
    data = topics.SETTLEMENT_FILLED + "".join(f"{word:064x}" for word in words)
    sender = rpc.call("eth_accounts")[0]
    rpc.call("eth_sendTransactionSync", {"from": sender, "to": SETTLEMENT, "data": data})


def test_loop__over_websocket__tells_fills_and_a_reorg_as_they_happen(
    node: AnvilNode, rpc: JsonRpc, ledger: Ledger
) -> None:
    indexer, pool = make_indexer(node, ledger)
    told: queue.Queue[ChainChange] = queue.Queue()
    heads = HeadWatch([node.url.replace("http", "ws")], _NO_POLL).start()
    loop = IndexerLoop(indexer, heads=heads, probe=pool.probe, on_change=told.put)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    while not heads.live:
        # A head that both show: the socket is believed from then on.
        rpc.call("anvil_mine", "0x1")
        heads._stopped.wait(0.1)
    rpc.call("anvil_mine", "0x3")
    log_fill(rpc, 7)
    assert hashes(until(told, lambda change: bool(change.added)).added) == [7]
    rpc.call("anvil_reorg", 2, [])
    rpc.call("anvil_mine", "0x1")
    assert hashes(until(told, lambda change: bool(change.removed)).removed) == [7]
    loop.stop()
    heads.stop()
    thread.join(timeout=_DEADLINE_S)
    assert not thread.is_alive()
    assert pool.states()[0].chosen


def until(told: "queue.Queue[ChainChange]", wanted: Callable[[ChainChange], bool]) -> ChainChange:
    while True:
        change = told.get(timeout=_DEADLINE_S)
        if wanted(change):
            return change


@pytest.mark.parametrize("depth", [1, 2, 17, 31])
def test_reorg__of_any_depth_down_to_finality__heals(
    node: AnvilNode, rpc: JsonRpc, ledger: Ledger, depth: int
) -> None:
    rpc.call("anvil_mine", hex(70))
    for number in range(1, 33):
        log_fill(rpc, number)
    indexer, _ = make_indexer(node, ledger)
    events = catch_up(indexer)
    assert hashes(events) == list(range(1, 33))
    rpc.call("anvil_reorg", depth, [])
    log_fill(rpc, 99)
    removed: list[int] = []
    added: list[int] = []
    while (change := indexer.step()) is not None:
        removed += hashes(change.removed)
        added += hashes(change.added)
    assert removed == list(range(32, 32 - depth, -1))
    assert added == [99]


def catch_up(indexer: Indexer) -> list[ChainEvent]:
    found: list[ChainEvent] = []
    while (change := indexer.step()) is not None:
        found += change.added
    return found


def test_reorg__below_finality__is_refused(node: AnvilNode, rpc: JsonRpc, ledger: Ledger) -> None:
    rpc.call("anvil_mine", hex(100))
    log_fill(rpc, 1)
    indexer, _ = make_indexer(node, ledger)
    catch_up(indexer)
    rpc.call("anvil_reorg", 80, [])
    rpc.call("anvil_mine", "0x1")
    with pytest.raises(ReorgBelowFinality, match="find out which chain is right"):
        indexer.step()
    assert ledger.read("SELECT count(*) FROM chain_steps WHERE joined = 0") == [(0,)]
