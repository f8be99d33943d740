"""Keeps the chain view fresh from a thread of its own, and says why when it cannot."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Protocol

import structlog

from pmm.domain import Decision, RefusalReason
from pmm.errors import ChainError
from pmm.execution import ChainView, Clock, NonceKey

_LOG = structlog.get_logger()
_LEAST_PAUSE_S = 0.02


class ViewReader(Protocol):
    """Whatever reads a chain view; called from the refresher's thread only."""

    def read(self, watched: Collection[NonceKey]) -> ChainView:
        """Return the chain as it is now; raises ChainError."""
        ...


class MarketRefresher:
    """Reads every ``interval_s`` and on demand; implements ``MarketSource``.

    A view older than ``max_age_s`` is not quoted on: a request then waits at most ``wait_s`` for a new one.
    ``prepare`` computes, on the reader's thread, what every quote on a view needs. ``on_read`` is told on the event
    loop how long each read took, in microseconds, before its outcome counts.
    """

    def __init__(
        self,
        reader: ViewReader,
        *,
        clock: Clock,
        interval_s: float,
        max_age_s: float,
        wait_s: float,
        prepare: Callable[[ChainView], None] = lambda _: None,
        on_read: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._interval_s = interval_s
        self._max_age_s = max_age_s
        self._wait_s = wait_s
        self._prepare = prepare
        self._on_read = on_read
        self._view: ChainView | None = None
        self._error: str | None = None
        self._crash: BaseException | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._watched: Collection[NonceKey] = ()
        self._on_view: Callable[[ChainView], Awaitable[Collection[NonceKey]]] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = threading.Event()
        self._stop = threading.Event()

    @property
    def view(self) -> ChainView | None:
        """The last view, however old."""
        return self._view

    @property
    def error(self) -> str | None:
        """Why the last read failed, None after one that worked."""
        return self._error

    def start(self, on_view: Callable[[ChainView], Awaitable[Collection[NonceKey]]]) -> None:
        """Start reading; ``on_view`` is awaited with every view and returns the nonces to watch from then on."""
        self._on_view = on_view
        loop = asyncio.get_running_loop()
        # A daemon: a read that waits for a dead node must not delay the exit.
        threading.Thread(target=self._run, args=(loop,), name="market-refresher", daemon=True).start()

    def stop(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._wake.set()

    async def current(self) -> ChainView | Decision:
        """Return a view young enough to quote on, or why there is none."""
        view = self._young_view()
        if view is not None:
            return view
        await self.wait_for_read(self._wait_s)
        return self._young_view() or self._refusal()

    async def wait_for_read(self, timeout_s: float) -> None:
        """Ask for a read now and wait until one has ended, well or badly, or the time is over."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake.set()
        await asyncio.wait((future,), timeout=timeout_s)

    def _young_view(self) -> ChainView | None:
        view = self._view
        if view is None or self._clock.monotonic_s() - view.read_at_s > self._max_age_s:
            return None
        return view

    def _refusal(self) -> Decision:
        if self._crash is not None:
            detail = f"the market reader has stopped: {self._crash!r}; restart the server"
        elif self._error is not None:
            detail = self._error
        else:
            detail = f"expected a market view of at most {self._max_age_s} s of age, the node has not given one yet"
        return Decision.refuse(RefusalReason.NODE_UNAVAILABLE, detail)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._stop.is_set():
                self._wake.clear()
                try:
                    view = self._timed_read(loop)
                    self._prepare(view)
                except ChainError as error:
                    self._post(loop, self._failed, str(error))
                except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a node answers
                    # A bug of the reader, or an answer nobody thought of: the next read may work again.
                    self._post(loop, self._failed, _unexpected(error))
                else:
                    self._post(loop, self._accepted, view)
                # Requests that find a dead node wake this thread each: they must not make it spin.
                self._stop.wait(_LEAST_PAUSE_S)
                self._wake.wait(self._interval_s)
        except BaseException as error:
            self._post(loop, self._crashed, error)
            raise

    def _timed_read(self, loop: asyncio.AbstractEventLoop) -> ChainView:
        started_s = self._clock.monotonic_s()
        try:
            return self._reader.read(self._watched)
        finally:
            self._post(loop, self._on_read, int((self._clock.monotonic_s() - started_s) * 1_000_000))

    @staticmethod
    def _post(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], argument: object) -> None:
        try:
            loop.call_soon_threadsafe(callback, argument)
        except RuntimeError:
            # The loop is closed: the server has stopped while this read was under way.
            return

    def _accepted(self, view: ChainView) -> None:
        if self._error is not None:
            _LOG.info("market_view_back", block=view.market.block_number)
        self._view, self._error = view, None
        self._release_waiting()
        if self._on_view is not None:
            task = asyncio.ensure_future(self._settle(view))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _settle(self, view: ChainView) -> None:
        assert self._on_view is not None
        self._watched = await self._on_view(view)

    def _failed(self, error: str) -> None:
        if self._error != error:
            _LOG.warning("market_view_failed", error=error)
        self._error = error
        self._release_waiting()

    def _crashed(self, error: BaseException) -> None:
        _LOG.error("market_reader_crashed", error=repr(error))
        self._crash = error
        self._release_waiting()

    def _release_waiting(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


def _unexpected(error: Exception) -> str:
    # Without the message, which may hold the node's address and with it the provider's key.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"expected a chain view, found {type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}; "
        "check that the node is a mainnet node and report this, it is a bug"
    )
