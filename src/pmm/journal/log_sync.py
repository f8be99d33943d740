"""A file synced by the kernel while the event loop goes on, without a thread in between.

A thread that calls ``fdatasync`` costs two changes of threads and two of the interpreter's lock for every commit:
80 us of processor time on a busy core, of 230. Linux does the same by itself (``io_submit`` with
``IOCB_CMD_FDSYNC``, since 4.18) and says so through a descriptor that the event loop watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial
from typing import Final

try:
    from caio.linux_aio import Context, Operation
except ImportError:  # not Linux, or a kernel without it
    Context = Operation = None  # type: ignore[assignment,misc]

_MOST_AT_ONCE: Final = 8
# What caio makes of the errors of io_setup and io_submit.
_REFUSED: Final = (ValueError, OverflowError, SystemError, OSError)


class LogSync:
    """Syncs one file for one event loop; raises OSError where the kernel does not do it: containers may forbid it."""

    def __init__(self, descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        if Context is None:
            raise OSError("expected Linux with asynchronous I/O, found none")
        self._descriptor = descriptor
        self._loop = loop
        self._under_way = 0
        self._closed = False
        try:
            self._context = Context(max_requests=_MOST_AT_ONCE)
        except _REFUSED as error:
            raise OSError(f"expected a context of asynchronous I/O, found: {error}") from error
        loop.add_reader(self._context.fileno, self._ready)

    def start(self, done: Callable[[str | None], None]) -> None:
        """Begin to sync; ``done`` is called in the loop, with None or what the system said. Raises OSError."""
        operation = Operation.fdsync(self._descriptor)
        operation.set_callback(partial(self._finished, done))
        try:
            self._context.submit(operation)
        except _REFUSED as error:
            raise OSError(f"expected to sync file {self._descriptor}, found: {error}") from error
        self._under_way += 1

    def _finished(self, done: Callable[[str | None], None], result: int) -> None:
        self._under_way -= 1
        self._leave()
        # The kernel's answer: zero, or an error number below it, which arrives as 64 bits without a sign.
        done(None if result == 0 else os.strerror((1 << 64) - result))

    def close(self) -> None:
        """Watch no more once what is under way has ended; in the loop's thread, or when the loop is closed."""
        self._closed = True
        self._leave()

    def _leave(self) -> None:
        if self._closed and not self._under_way:
            # A closed loop watches nothing any more.
            with contextlib.suppress(RuntimeError):
                self._loop.remove_reader(self._context.fileno)

    def _ready(self) -> None:
        # Readiness may be told once more than there is something to take, and events may be there all the same.
        with contextlib.suppress(BlockingIOError):
            self._context.poll()
        # All that have ended: what ends from here on is told anew.
        self._context.process_events()
