"""New heads over WebSocket; the clock while it is dead; the WebSocket again when it is back. A real socket each."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.server import ServerConnection, serve

from pmm.chain.node_pool import Fall, HeadWatch, WatchPolicy

# Long waits that no test may reach, and short pauses.
FAST = WatchPolicy(
    poll_s=0.01, quiet_s=30.0, check_s=30.0, lag_s=30.0, open_s=5.0, retry_s=0.01, most_retry_s=0.01
)
_DEADLINE_S = 10.0


class Heads:
    """A node's WebSocket."""

    def __init__(self) -> None:
        self.port = 0
        self.joined = threading.Semaphore(0)
        self.connections: list[ServerConnection] = []
        self.first_answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x1"})
        self.newest = 0

    def serve_one(self, connection: ServerConnection) -> None:
        asked = json.loads(connection.recv())
        assert (asked["method"], asked["params"]) == ("eth_subscribe", ["newHeads"])
        connection.send(self.first_answer)
        self.connections.append(connection)
        self.joined.release()
        for _ in connection:
            pass

    def tell(self, text: str | None = None) -> bytes:
        """Send a text, or a new head; return its hash."""
        self.newest += 1
        told = self.newest.to_bytes(32, "big")
        result = {"number": hex(self.newest), "hash": f"0x{told.hex()}"}
        head = {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"result": result}}
        self.connections[-1].send(text or json.dumps(head))
        return told


@contextmanager
def running(heads: Heads) -> Iterator[Heads]:
    # What the test's own server logs is not the watch's.
    silent = logging.getLogger("test.websocket.server")
    silent.disabled = True
    with serve(heads.serve_one, "127.0.0.1", heads.port, logger=silent) as server:
        heads.port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield heads
        server.shutdown()
        for connection in heads.connections:
            connection.close()
        thread.join(timeout=_DEADLINE_S)


def until_dead(watch: HeadWatch) -> None:
    """Wait as a follower does until heads come over HTTP."""
    for _ in range(2_000):
        if not watch.live:
            return
        watch.wait()
    pytest.fail("expected the subscription to be given up, found it live")


def believed(heads: Heads, watch: HeadWatch) -> None:
    """Wait for a subscription, and let it tell a head that HTTP shows."""
    assert heads.joined.acquire(timeout=_DEADLINE_S)
    for _ in range(2_000):
        if watch._choice.standing:
            break
        watch.wait()
    watch.seen(heads.tell())
    for _ in range(2_000):
        if watch.live:
            watch._news.clear()  # of what it told before it was believed
            return
        watch.wait()
    pytest.fail(f"expected a live subscription, found none: {watch.trouble}")


def test_wait__new_head__returns_at_once() -> None:
    with running(Heads()) as heads, HeadWatch([f"ws://127.0.0.1:{heads.port}/v3/SECRETKEY"], FAST) as watch:
        believed(heads, watch)
        returned = threading.Event()

        def wait() -> None:
            watch.wait()
            returned.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not returned.is_set()
        heads.tell()
        assert returned.wait(_DEADLINE_S)
        waiter.join()


def test_wait__subscription_dies__polls_and_comes_back() -> None:
    heads = Heads()
    with running(heads):
        watch = HeadWatch([f"ws://127.0.0.1:{heads.port}/v3/SECRETKEY"], FAST).start()
        believed(heads, watch)
    until_dead(watch)
    assert watch.state.falls[Fall.DIED] == 1
    for _ in range(5):
        watch.wait()
    with running(heads):
        believed(heads, watch)
        assert watch.trouble == ""
        watch.stop()


def test_wait__subscription_dies_meanwhile__goes_over_to_polling() -> None:
    heads = Heads()
    returned = threading.Event()
    with running(heads):
        watch = HeadWatch([f"ws://127.0.0.1:{heads.port}"], FAST).start()
        believed(heads, watch)

        def wait() -> None:
            watch.wait()
            returned.set()

        waiter = threading.Thread(target=wait)
        waiter.start()
    assert returned.wait(_DEADLINE_S)
    watch.stop()
    waiter.join()


def test_listen__refused_address__says_so_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with HeadWatch(["ws://user:PASSWORD@127.0.0.1:1/v3/SECRETKEY"], FAST) as watch:
        for _ in range(200):
            if watch.trouble:
                break
            watch.wait()
        assert watch.trouble == "expected new heads from ws://127.0.0.1:1, found ConnectionRefusedError"
    assert "SECRETKEY" not in caplog.text
    assert "PASSWORD" not in caplog.text


@pytest.mark.parametrize("answer", ['{"id": 1, "error": {"message": "no SECRETKEY"}}', "[]", "nonsense", "5"])
def test_listen__node_that_does_not_subscribe__is_polled(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    heads = Heads()
    heads.first_answer = answer
    with running(heads), HeadWatch([f"ws://127.0.0.1:{heads.port}/SECRETKEY"], FAST) as watch:
        assert heads.joined.acquire(timeout=_DEADLINE_S)
        for _ in range(500):
            if watch.trouble:
                break
            watch.wait()
        assert not watch.live
        assert "SECRETKEY" not in watch.trouble + caplog.text


_NOT_A_HEAD = '{"method": "eth_subscription", "params": {"result": {"hash": "0xSECRETKEY"}}}'
_SHORT = '{"method": "eth_subscription", "params": {"result": {"hash": "0x12"}}}'


@pytest.mark.parametrize(
    "said",
    ["[" * 100_000, "nonsense", _NOT_A_HEAD, _SHORT, '{"method": "eth_subscription", "params": []}'],
    ids=["too deep", "nonsense", "no hash", "short hash", "no head"],
)
def test_listen__nonsense_on_a_live_subscription__polls_and_comes_back(said: str) -> None:
    with running(Heads()) as heads, HeadWatch([f"ws://127.0.0.1:{heads.port}"], FAST) as watch:
        believed(heads, watch)
        heads.tell(said)
        believed(heads, watch)
        assert watch.state.falls[Fall.DIED] == 1


def test_listen__first_address_dead__takes_the_second() -> None:
    with running(Heads()) as heads:
        urls = ["ws://127.0.0.1:1", f"ws://127.0.0.1:{heads.port}"]
        with HeadWatch(urls, FAST) as watch:
            believed(heads, watch)


def test_wait__no_address__is_a_clock() -> None:
    with HeadWatch([], FAST) as watch:
        watch.wait()
        assert not watch.live


def test_stop__while_waiting__returns() -> None:
    watch = HeadWatch([], WatchPolicy(poll_s=60)).start()
    waiter = threading.Thread(target=watch.wait)
    waiter.start()
    watch.stop()
    waiter.join(timeout=_DEADLINE_S)
    assert not waiter.is_alive()


@pytest.mark.parametrize("steady", [False, True], ids=["never stood", "stood for long"])
def test_run__connection_fails_again_and_again__pauses_grow_by_chance_and_begin_anew(
    monkeypatch: pytest.MonkeyPatch, *, steady: bool
) -> None:
    watch = HeadWatch(["ws://127.0.0.1:1", "ws://127.0.0.1:2"], WatchPolicy(retry_s=1, most_retry_s=8))
    pauses: list[float] = []
    asked: list[str] = []

    def listen(url: str) -> bool:
        asked.append(url)
        return steady

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 7:
            watch._stopped.set()
        return False

    monkeypatch.setattr(watch, "_listen", listen)
    monkeypatch.setattr(watch._stopped, "wait", pause)
    watch._run()
    most = [1.0] * 7 if steady else [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert all(least / 2 <= found <= least for least, found in zip(most, pauses, strict=True))
    assert len(set(pauses)) == 7
    assert asked[:3] == ["ws://127.0.0.1:1", "ws://127.0.0.1:2", "ws://127.0.0.1:1"]
    assert watch.state.reconnects == 6


def test_wait__babbling_socket__wakes_no_more_often_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = HeadWatch(["ws://127.0.0.1:1"], WatchPolicy(least_s=5), clock=lambda: 100.0)
    stop = threading.Event()
    pauses: list[float] = []
    monkeypatch.setattr(stop, "wait", pauses.append)
    for _ in range(2):
        watch._news.set()
        watch.wait(stop)
    assert pauses == [0.0, 5.0]


def test_wait__asked_to_stop__returns_and_looks_no_more() -> None:
    watch = HeadWatch(["ws://127.0.0.1:1"], WatchPolicy(poll_s=600))
    stop = threading.Event()
    waiter = threading.Thread(target=watch.wait, args=(stop,))
    waiter.start()
    stop.set()
    waiter.join(timeout=_DEADLINE_S)
    assert not waiter.is_alive()
