"""How long futures are waited for: one timer for all, where a timer for each costs more than what it guards."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any


class WaitLimit:
    """Waits for futures without cancelling them; best where most waits have the same limit. Not thread-safe."""

    def __init__(self) -> None:
        # In the order of their ends.
        self._waiting: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def done(self, pending: asyncio.Future[Any], timeout_s: float) -> bool:
        """Return True when ``pending`` is done, False when it is not after ``timeout_s``; it goes on then."""
        if pending.done():
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        wake = partial(_wake, waiter)
        pending.add_done_callback(wake)
        self._limit(loop, waiter, loop.time() + timeout_s)
        try:
            return await waiter
        finally:
            if not pending.done():
                pending.remove_done_callback(wake)

    def _limit(self, loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[bool], end_s: float) -> None:
        if loop is not self._loop:
            # Nobody waits in a loop that was left.
            self._waiting.clear()
            self._loop, self._timer = loop, None
        waiting = self._waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()
        if waiting and end_s < waiting[-1][0]:
            loop.call_at(end_s, _give_up, waiter)
            return
        waiting.append((end_s, waiter))
        if self._timer is None:
            self._timer = loop.call_at(end_s, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now_s = loop.time()
        while self._waiting:
            end_s, waiter = self._waiting[0]
            if end_s > now_s and not waiter.done():
                self._timer = loop.call_at(end_s, self._ring, loop)
                return
            self._waiting.popleft()
            _give_up(waiter)


def _wake(waiter: asyncio.Future[bool], _: asyncio.Future[Any]) -> None:
    if not waiter.done():
        waiter.set_result(True)


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
