"""Waiting for a future no longer than a limit, with one timer for all."""

import asyncio
from collections.abc import Awaitable

import pytest

from pmm.execution.wait_limit import WaitLimit


def _pending() -> asyncio.Future[int]:
    return asyncio.get_running_loop().create_future()


def _run(body: Awaitable[None]) -> None:
    async def run() -> None:
        # A timer that never rings fails here.
        await asyncio.wait_for(body, 20)

    asyncio.run(run())


def test_done__in_time__is_true_and_leaves_the_result() -> None:
    async def body() -> None:
        limit, pending = WaitLimit(), _pending()
        asyncio.get_running_loop().call_later(0.01, pending.set_result, 7)
        assert await limit.done(pending, 5.0)
        assert pending.result() == 7
        assert await limit.done(pending, 0.0)

    _run(body())


def test_done__fails_in_time__is_true_and_leaves_the_error() -> None:
    async def body() -> None:
        limit, pending = WaitLimit(), _pending()
        asyncio.get_running_loop().call_soon(pending.set_exception, ValueError("no"))
        assert await limit.done(pending, 5.0)
        with pytest.raises(ValueError, match="no"):
            pending.result()

    _run(body())


def test_done__too_late__is_false_and_the_future_goes_on() -> None:
    async def body() -> None:
        limit, pending = WaitLimit(), _pending()
        assert not await limit.done(pending, 0.01)
        assert not pending.done()
        pending.set_result(1)
        await asyncio.sleep(0)

    _run(body())


def test_done__many_of_several_limits__each_ends_at_its_own() -> None:
    async def body() -> None:
        limit, loop = WaitLimit(), asyncio.get_running_loop()
        started_s, ended_s = loop.time(), {}

        async def wait(timeout_s: float) -> None:
            assert not await limit.done(_pending(), timeout_s)
            ended_s[timeout_s] = loop.time() - started_s

        await asyncio.gather(*(wait(timeout_s) for timeout_s in (0.2, 0.05, 0.1, 0.3)))
        assert list(ended_s) == [0.05, 0.1, 0.2, 0.3]
        assert all(took_s >= timeout_s - 0.002 for timeout_s, took_s in ended_s.items())

    _run(body())


def test_done__caller_goes_away__the_future_goes_on() -> None:
    async def body() -> None:
        limit, pending = WaitLimit(), _pending()
        waiting = asyncio.ensure_future(limit.done(pending, 5.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not pending.cancelled()
        pending.set_result(1)
        await asyncio.sleep(0)

    _run(body())


def test_done__in_a_second_loop__the_limit_still_counts() -> None:
    limit = WaitLimit()

    async def body() -> None:
        assert not await limit.done(_pending(), 0.01)

    async def left() -> None:
        waiting = asyncio.ensure_future(limit.done(_pending(), 60.0))
        await asyncio.sleep(0)
        waiting.cancel()

    for run in (left(), body(), body()):
        _run(run)


def test_done__all_are_done_soon__nothing_piles_up() -> None:
    async def body() -> None:
        limit = WaitLimit()
        for _ in range(100):
            pending = _pending()
            asyncio.get_running_loop().call_soon(pending.set_result, 1)
            assert await limit.done(pending, 60.0)
        assert len(limit._waiting) <= 1

    _run(body())
