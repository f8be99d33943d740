"""Health, choice and patience of a pool of nodes."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmm.chain.indexer import HttpBlocks
from pmm.chain.node_pool import HealthWindow, NodePool, PoolPolicy, call_score, sync_score
from pmm.chain.rpc import NodeUnreachable, RpcError
from pmm.errors import ChainError, InvalidInput
from tests.helpers.fake_chain import FakeChain, FakeNode
from tests.helpers.indexing import Clock


class SlowNode(FakeNode):
    """A node that takes its time, by the pool's clock."""

    def __init__(self, chain: FakeChain, clock: Clock) -> None:
        super().__init__(chain)
        self._clock = clock
        self.takes_s = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.now_s += self.takes_s
        return super().handle_request(request)


def open_pool(count: int = 2, policy: PoolPolicy | None = None) -> tuple[NodePool, Sequence[SlowNode], Clock]:
    clock = Clock()
    nodes = [SlowNode(FakeChain(), clock) for _ in range(count)]
    for node in nodes:
        node.chain.mine_empty(20)
    urls = [f"http://node{number}.test/SECRETKEY" for number in range(count)]
    return NodePool(urls, clock=clock, transports=nodes, policy=policy), nodes, clock


def probe(pool: NodePool, times: int = 1) -> None:
    for _ in range(times):
        for node in pool.nodes:
            try:
                node.head()
            except ChainError:
                continue


def names(pool: NodePool) -> list[str]:
    return [node.name.removeprefix("http://").removesuffix(".test") for node in pool.in_order()]


@pytest.mark.parametrize(("lag", "score"), [(0, 100), (1, 100), (2, 80), (3, 60), (6, 0), (99, 0), (-1, 100)])
def test_sync_score__lag__costs_a_fifth_for_each_block(lag: int, score: float) -> None:
    assert sync_score(lag) == score


@pytest.mark.parametrize(("ms", "score"), [(0, 100), (200, 100), (1_100, 50), (2_000, 0), (9_000, 0)])
def test_call_score__time__falls_to_nothing_at_two_seconds(ms: float, score: float) -> None:
    assert call_score(ms, answered=True) == pytest.approx(score)
    assert call_score(ms, answered=False) == 0


@given(
    calls=st.lists(st.tuples(st.floats(0, 10_000), st.booleans()), max_size=80),
    head=st.none() | st.integers(0, 100),
    best=st.none() | st.integers(0, 100),
)
def test_health__anything__is_between_0_and_100(
    calls: list[tuple[float, bool]], head: int | None, best: int | None
) -> None:
    window = HealthWindow(Clock())
    for elapsed_ms, answered in calls:
        window.saw_call(elapsed_ms, answered)
    if head is not None:
        window.saw_head(head)
    assert 0 <= window.score(best) <= 100
    assert window.score(best) == pytest.approx(0.7 * window.sync(best) + 0.3 * window.response)


def test_in_order__all_alike__keeps_the_first() -> None:
    pool, _, _ = open_pool()
    probe(pool, 5)
    assert names(pool) == ["node0", "node1"]
    assert [state.health for state in pool.states()] == [100, 100]
    assert [state.chosen for state in pool.states()] == [True, False]


def test_in_order__first_falls_behind__takes_the_other_and_does_not_go_back_at_once() -> None:
    pool, nodes, _ = open_pool()
    probe(pool)
    nodes[0].chain.roll_back(2)
    probe(pool)
    # 0.7 x 80 + 0.3 x 100 = 86: more than the margin below 100.
    assert pool.states()[0].health == pytest.approx(86)
    assert names(pool) == ["node1", "node0"]
    nodes[0].chain.mine_empty(2)
    probe(pool)
    assert names(pool) == ["node1", "node0"]
    assert pool.switches == 1


def test_in_order__little_better__stays() -> None:
    pool, nodes, _ = open_pool()
    nodes[0].takes_s = 0.65  # 0.3 x 25 = 7.5 points less
    probe(pool, 4)
    assert pool.states()[0].health == pytest.approx(92.5)
    assert names(pool) == ["node0", "node1"]
    assert pool.switches == 0


def test_in_order__chosen_is_of_no_use__takes_any_better_one() -> None:
    pool, _, _ = open_pool()
    for node, answers in zip(pool.nodes, ((False,) * 4, (False, False, False, True)), strict=True):
        for answered in answers:
            node.window.saw_call(10, answered)
    # 7.5 points more are less than the margin.
    assert names(pool) == ["node1", "node0"]


def test_in_order__first_is_dead__takes_the_other() -> None:
    pool, nodes, clock = open_pool()
    probe(pool)
    nodes[0].down = True
    clock.now_s += 61
    probe(pool)
    dead, alive = pool.states()
    assert (dead.health, dead.head) == (0, None)
    assert "ConnectError" in dead.trouble
    assert alive.chosen is False
    assert names(pool) == ["node1", "node0"]


def test_states__slow_node__shows_its_time() -> None:
    pool, nodes, _ = open_pool(1)
    nodes[0].takes_s = 1.1
    probe(pool)
    (state,) = pool.states()
    assert state.mean_ms == pytest.approx(1_100)
    assert state.response == pytest.approx(50)
    assert state.health == pytest.approx(85)
    assert state.head == 20


def test_window__old_answers__count_no_more() -> None:
    pool, nodes, clock = open_pool(1)
    nodes[0].takes_s = 2.0
    probe(pool, 3)
    assert pool.states()[0].response == pytest.approx(0, abs=1e-6)
    nodes[0].takes_s = 0.0
    clock.now_s += 61
    probe(pool)
    assert pool.states()[0].response == 100


def test_distrust__one_of_two__is_left_and_comes_back() -> None:
    pool, _, clock = open_pool(policy=PoolPolicy(distrust_s=60))
    pool.distrust(pool.nodes[0], "it lied")
    assert names(pool) == ["node1"]
    assert (pool.states()[0].health, pool.states()[0].trouble) == (0, "it lied")
    clock.now_s += 60
    assert set(names(pool)) == {"node0", "node1"}


def test_distrust__all_of_several__leaves_none() -> None:
    pool, _, _ = open_pool()
    for node in pool.nodes:
        pool.distrust(node, "it lied")
    assert names(pool) == []


def test_distrust__the_only_one__is_asked_again() -> None:
    pool, _, _ = open_pool(1)
    pool.distrust(pool.nodes[0], "it lied")
    assert names(pool) == ["node0"]


def test_distrust__liar_with_a_high_head__does_not_make_the_others_late() -> None:
    pool, nodes, _ = open_pool()
    nodes[0].chain.mine_empty(50)
    probe(pool)
    pool.distrust(pool.nodes[0], "its blocks do not exist")
    assert pool.states()[1].sync == 100


def test_probe__one_dead__measures_the_others() -> None:
    pool, nodes, _ = open_pool(3)
    nodes[1].down = True
    pool.probe()
    assert [state.head for state in pool.states()] == [20, None, 20]


def test_pool__without_a_node__is_refused() -> None:
    with pytest.raises(InvalidInput, match="set PMM_RPC_URL"):
        NodePool([])


class _Answer(httpx.BaseTransport):
    def __init__(self, body: bytes | Callable[[], Any], status: int = 200) -> None:
        self._body = body
        self._status = status

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = self._body if isinstance(self._body, bytes) else self._body()
        return httpx.Response(self._status, content=body)


_KEYED = "http://user:PASSWORD@127.0.0.1:1/v3/SECRETKEY?apikey=QUERYKEY"
_KEYS = ("SECRETKEY", "QUERYKEY", "PASSWORD")


@pytest.mark.parametrize("status", [200, 401, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[null]",
        b"[[]]",
        b'"SECRETKEY"',
        b"SECRETKEY",
        b'{"error": "SECRETKEY"}',
        b'[{"id": 1, "error": "no project SECRETKEY QUERYKEY"}]',
        b'[{"id": 1, "error": {"code": 1, "message": "PASSWORD is wrong"}}]',
        b'[{"id": 1, "result": "SECRETKEY"}]',
        b'[{"id": 1, "result": {"SECRETKEY": 5}}]',
        b'[{"id": 1, "result": null}]',
        b'[{"id": "SECRETKEY", "result": null}]',
        b"\xff\xfe SECRETKEY",
    ],
)
def test_http_blocks__nonsense_from_a_keyed_address__is_a_chain_error_without_the_key(
    body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    node = HttpBlocks(_KEYED, timeout_s=1, transport=_Answer(body, status))
    with pytest.raises(ChainError) as caught:
        node.head()
    shown = [str(caught.value), repr(caught.value), repr(caught.value.__cause__), caplog.text, repr(node)]
    assert not any(key in text for key in _KEYS for text in shown)


def test_http_blocks__nobody_there__shows_the_host_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with pytest.raises(NodeUnreachable, match=r"from http://127\.0\.0\.1:1, found ConnectError") as caught:
        HttpBlocks(_KEYED, timeout_s=1).head()
    assert not any(key in text for key in _KEYS for text in (repr(caught.value), caplog.text))


def test_http_blocks__refusal__has_the_nodes_words() -> None:
    body = b'[{"id": 1, "error": {"code": -32005, "message": "too many"}}]'
    with pytest.raises(RpcError, match="node refused eth_getBlockByNumber: too many") as caught:
        HttpBlocks("http://a.test", timeout_s=1, transport=_Answer(body)).head()
    assert caught.value.code == -32005


def test_http_blocks__answer_drips__ends_at_the_deadline() -> None:
    clock = Clock()

    def drip() -> Any:
        for _ in range(100):
            clock.now_s += 0.5
            yield b" "

    with pytest.raises(NodeUnreachable, match="within 2 s"):
        HttpBlocks("http://a.test", timeout_s=2, transport=_Answer(drip), clock=clock).head()


def test_http_blocks__user_and_password__are_sent_as_such() -> None:
    seen: list[httpx.Request] = []

    class Keep(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(500)

    with pytest.raises(NodeUnreachable, match="HTTP status 500"):
        HttpBlocks("http://me:word@a.test/v3/KEY", timeout_s=1, transport=Keep()).head()
    assert seen[0].headers["authorization"] == "Basic bWU6d29yZA=="
    assert (seen[0].url.path, seen[0].url.userinfo, seen[0].headers["host"]) == ("/v3/KEY", b"", "a.test")
