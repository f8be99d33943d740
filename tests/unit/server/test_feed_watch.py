"""A slow node stops all quoting, goes on when it is fast again, and voids what is out where that is asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from pmm.chain.rpc import NodeUnreachable
from pmm.errors import ChainError, InvalidInput, SetupError
from pmm.execution import ChainView, NodeIdentity, NonceKey
from pmm.execution.kill_switches import EVERYTHING
from pmm.pricing import StatePolicy, StateTracker
from pmm.pricing.latency_gate import LatencyPolicy
from pmm.server.feed_watch import CAUSE, FeedWatch, feed_policy, open_feed_watch
from pmm.server.refresher import MarketRefresher
from pmm.server.switch_board import SwitchBoard
from pmm.settings import ServeSettings, load_settings
from tests.helpers.quoting import ManualClock, chain_view

_MS = 1_000
_MAINNET = NodeIdentity(client_version="Geth/v1", chain_id=1, development=False)
_ANVIL = NodeIdentity(client_version="anvil/v1.5.0", chain_id=1, development=True)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> SwitchBoard:
    return SwitchBoard(tmp_path / "switches.sqlite", clock=clock, resume_after_s=30)


def watch_of(board: SwitchBoard, **rest: Any) -> FeedWatch:
    gate = StateTracker(StatePolicy(latency=LatencyPolicy(stop_ms=500, resume_ms=200, weight_bps=10_000)))
    return FeedWatch(board, gate.observe_round_trip, **rest)


def paused(board: SwitchBoard) -> bool:
    return board.switches.state(EVERYTHING).is_paused


def settings(**switches: Any) -> ServeSettings:
    return load_settings({"switches": switches})


def test_observe__slow_then_fast__stops_and_goes_on_after_the_rest(
    board: SwitchBoard, clock: ManualClock
) -> None:
    watch = watch_of(board)
    watch.observe(500 * _MS)
    assert not paused(board)
    watch.observe(501 * _MS)
    assert paused(board)
    watch.observe(200 * _MS)
    assert board.switches.state(EVERYTHING).causes == {CAUSE: None}
    watch.observe(199 * _MS)
    assert paused(board)
    clock.now_s += 30
    board.tick()
    assert not paused(board)


def test_observe__slow_again_while_it_rests__stays_stopped(board: SwitchBoard, clock: ManualClock) -> None:
    watch = watch_of(board)
    for milliseconds in (900, 100, 900):
        watch.observe(milliseconds * _MS)
    clock.now_s += 60
    board.tick()
    assert board.switches.state(EVERYTHING).causes == {CAUSE: None}


def test_observe__a_persons_latch__outlives_the_cause(board: SwitchBoard, clock: ManualClock) -> None:
    watch = watch_of(board)
    watch.observe(900 * _MS)
    board.pause(EVERYTHING, version=board.switches.state(EVERYTHING).version, who="ada", why="news")
    watch.observe(100 * _MS)
    clock.now_s += 60
    board.tick()
    assert board.switches.state(EVERYTHING).causes == {}
    assert paused(board)


def test_observe__no_gate__takes_no_notice(board: SwitchBoard) -> None:
    FeedWatch(board, None).observe(10**9)
    assert not paused(board)


def test_observe__slow__voids_once_per_stop(board: SwitchBoard) -> None:
    voided = list[str]()

    def void() -> str:
        voided.append("0x01")
        return "0x01"

    async def run() -> None:
        watch = watch_of(board, void=void)
        for milliseconds in (900, 900, 100, 900):
            watch.observe(milliseconds * _MS)
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(run())
    assert len(voided) == 2


def test_observe__void_fails__stays_stopped(board: SwitchBoard) -> None:
    def void() -> str:
        raise ChainError("expected an answer within 3 s, found none")

    async def run() -> None:
        watch_of(board, void=void).observe(900 * _MS)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(run())
    assert paused(board)


def test_refresher__each_read__is_timed_also_one_that_fails(clock: ManualClock) -> None:
    # The reads count themselves: what was seen comes a turn of the event loop later.
    seen, reads, done = list[int](), count(), threading.Event()

    class Reader:
        def read(self, watched: Collection[NonceKey]) -> ChainView:
            again = next(reads) > 0
            clock.now_s += 0.3 if again else 0.7
            if again:
                done.set()
                raise NodeUnreachable("expected an answer, found none")
            return chain_view(read_at_s=clock.now_s)

    async def run() -> None:
        market = MarketRefresher(
            Reader(), clock=clock, interval_s=0.01, max_age_s=60, wait_s=5, on_read=seen.append
        )

        async def settled(_: ChainView) -> tuple[NonceKey, ...]:
            return ()

        market.start(settled)
        await asyncio.to_thread(done.wait, 10)
        await market.wait_for_read(5)
        market.stop()

    asyncio.run(run())
    assert [round(each, -3) for each in seen[:2]] == [700_000, 300_000]


@pytest.mark.parametrize(
    ("node", "switches", "stop_ms"),
    [
        (_MAINNET, {}, 500),
        (_ANVIL, {}, None),
        (_ANVIL, {"feed_stop_ms": 800}, 800),
        (_MAINNET, {"feed_stop_ms": 0}, None),
    ],
)
def test_feed_policy__by_node_and_setting(node: NodeIdentity, switches: Any, stop_ms: int | None) -> None:
    policy = feed_policy(settings(**switches), node)
    assert (policy.stop_ms if policy else None) == stop_ms


def test_feed_policy__could_never_go_on__is_refused() -> None:
    with pytest.raises(InvalidInput, match="PMM_SWITCHES_FEED_RESUME_MS"):
        feed_policy(settings(feed_stop_ms=100), _MAINNET)


def test_open__nobody_can_void__says_what_to_set(board: SwitchBoard) -> None:
    def gate(_: int) -> Any:
        raise AssertionError

    with pytest.raises(SetupError, match="PMM_SWITCHES_GUARDIAN_KEYSTORE"):
        open_feed_watch(settings(feed_cancels=True), _MAINNET, board=board, gate=gate, void=None)
