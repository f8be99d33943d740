"""The market is fresh, or the refusal says why it is not."""

import asyncio
import threading
from collections.abc import Callable, Collection

import pytest

from pmm.chain.rpc import NodeUnreachable
from pmm.domain import Decision, RefusalReason
from pmm.execution import ChainView, NonceKey
from pmm.execution.nonces import router_nonce
from pmm.server.clock import SystemClock
from pmm.server.refresher import MarketRefresher
from tests.helpers.quoting import chain_view

_CLOCK = SystemClock()


class _Reader:
    """Reads what ``behaviour`` returns or raises."""

    def __init__(self, behaviour: Callable[[], ChainView]) -> None:
        self.behaviour = behaviour
        self.reads = 0
        self.watched: list[tuple[NonceKey, ...]] = []

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        self.reads += 1
        self.watched.append(tuple(watched))
        return self.behaviour()


def fresh() -> ChainView:
    return chain_view(read_at_s=_CLOCK.monotonic_s())


def dead() -> ChainView:
    raise NodeUnreachable("expected a node, found none")


def refresher(reader: _Reader, *, interval_s: float = 30, max_age_s: float = 60) -> MarketRefresher:
    return MarketRefresher(reader, clock=_CLOCK, interval_s=interval_s, max_age_s=max_age_s, wait_s=5)


async def nothing(_: ChainView) -> tuple[NonceKey, ...]:
    return ()


async def use(market: MarketRefresher) -> ChainView | Decision:
    market.start(nothing)
    try:
        return await market.current()
    finally:
        market.stop()


def test_current__first_request__waits_for_the_first_view() -> None:
    assert isinstance(asyncio.run(use(refresher(_Reader(fresh)))), ChainView)


def test_current__dead_node__is_refused_with_its_error() -> None:
    found = asyncio.run(use(refresher(_Reader(dead))))
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.NODE_UNAVAILABLE
    assert found.detail == "expected a node, found none"


def test_current__node_dies_later__serves_the_young_view_then_refuses() -> None:
    async def run() -> tuple[object, object, object]:
        reader = _Reader(fresh)
        market = refresher(reader, max_age_s=0.3)
        market.start(nothing)
        first = await market.current()
        reader.behaviour = dead
        young = await market.current()
        await asyncio.sleep(0.35)
        old = await market.current()
        market.stop()
        return first, young, old

    first, young, old = asyncio.run(run())
    assert isinstance(first, ChainView)
    assert isinstance(young, ChainView)
    assert isinstance(old, Decision)
    assert old.reason is RefusalReason.NODE_UNAVAILABLE


def test_current__node_comes_back__quotes_again() -> None:
    async def run() -> tuple[object, object]:
        reader = _Reader(dead)
        market = refresher(reader)
        market.start(nothing)
        first = await market.current()
        reader.behaviour = fresh
        second = await market.current()
        market.stop()
        assert market.error is None
        return first, second

    first, second = asyncio.run(run())
    assert isinstance(first, Decision)
    assert isinstance(second, ChainView)


def test_current__view_too_old_when_it_arrives__is_refused() -> None:
    found = asyncio.run(use(refresher(_Reader(lambda: chain_view(read_at_s=_CLOCK.monotonic_s() - 100)))))
    assert isinstance(found, Decision)
    assert "at most 60 s of age" in found.detail


def test_current__node_hangs__is_refused_in_time() -> None:
    release = threading.Event()

    def hang() -> ChainView:
        release.wait(30)
        return fresh()

    async def run() -> ChainView | Decision:
        market = MarketRefresher(_Reader(hang), clock=_CLOCK, interval_s=1, max_age_s=1, wait_s=0.05)
        return await use(market)

    try:
        found = asyncio.run(run())
    finally:
        release.set()
    assert isinstance(found, Decision)
    assert found.reason is RefusalReason.NODE_UNAVAILABLE


def test_current__reader_fails_unexpectedly__is_refused_and_the_next_read_works() -> None:
    def crash() -> ChainView:
        raise AttributeError("http://node/v3/SECRETKEY has no attribute")

    async def run() -> tuple[object, object, object]:
        reader = _Reader(crash)
        market = refresher(reader)
        market.start(nothing)
        first, error = await market.current(), market.error
        reader.behaviour = fresh
        second = await market.current()
        market.stop()
        return first, error, second

    first, error, second = asyncio.run(run())
    assert isinstance(first, Decision)
    assert first.reason is RefusalReason.NODE_UNAVAILABLE
    assert first.detail == error
    assert "AttributeError in test_refresher.py" in first.detail
    assert "SECRETKEY" not in first.detail
    assert isinstance(second, ChainView)


def test_current__reader_thread_ends__is_refused_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def crash() -> ChainView:
        raise SystemExit("the end")

    found = asyncio.run(use(refresher(_Reader(crash))))
    for thread in threading.enumerate():
        if thread.name == "market-refresher":
            thread.join(5)
    assert isinstance(found, Decision)
    assert "restart the server" in found.detail


def test_current__many_requests_on_a_dead_node__do_not_make_it_spin() -> None:
    async def run() -> int:
        reader = _Reader(dead)
        market = refresher(reader)
        market.start(nothing)
        for _ in range(10):
            await asyncio.gather(*(market.current() for _ in range(50)))
        market.stop()
        return reader.reads

    # One read per wave of requests, and one that may have been under way.
    assert asyncio.run(run()) <= 12


def test_start__views__are_handed_on_and_what_to_watch_comes_back() -> None:
    key = router_nonce(9)
    seen: list[ChainView] = []

    async def on_view(view: ChainView) -> tuple[NonceKey, ...]:
        seen.append(view)
        return (key,)

    async def run() -> list[tuple[NonceKey, ...]]:
        reader = _Reader(fresh)
        market = refresher(reader)
        market.start(on_view)
        await market.wait_for_read(5)
        await asyncio.sleep(0)
        await market.wait_for_read(5)
        market.stop()
        return reader.watched

    watched = asyncio.run(run())
    assert watched[0] == ()
    assert watched[-1] == (key,)
    assert seen
