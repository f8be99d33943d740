"""Whether heads come from the WebSocket or from HTTP: who told which block when, held against each other.

The socket earns its place by a head that HTTP shows too, and loses it when it dies, is silent, or is late with a head
that HTTP has. Nothing here does I/O; times are seconds of the clock that is given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T")
_MOST_REMEMBERED = 256


class HeadSource(StrEnum):
    """What wakes the follower."""

    WEBSOCKET = "websocket"
    HTTP = "http"


class Fall(StrEnum):
    """Why heads went from the WebSocket to HTTP."""

    DIED = "died"
    SILENT = "silent"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """Times in seconds.

    Attributes:
        poll_s: how often to look over HTTP without a WebSocket.
        check_s: longest pause between looks over HTTP with one; they hold it to account.
        quiet_s: how long a subscription may tell no head before it counts as dead; mainnet has a block each 12 s, and
            an empty slot now and then.
        lag_s: how long after HTTP the subscription may tell a head.
        open_s: longest wait for a connection.
        retry_s: pause before a connection is tried again; it doubles up to ``most_retry_s``, which is also how long
            heads must have come from the WebSocket for it to begin anew.
        least_s: shortest pause between two heads that wake: a socket that babbles costs no more.
    """

    poll_s: float = 1.0
    check_s: float = 2.0
    quiet_s: float = 30.0
    lag_s: float = 3.0
    open_s: float = 5.0
    retry_s: float = 1.0
    most_retry_s: float = 30.0
    least_s: float = 0.05


class HeadChoice:
    """One subscription at a time; any thread may ask.

    The listener calls :meth:`subscribed`, :meth:`told` and :meth:`ended`, who reads the chain :meth:`seen`, and both
    :meth:`judge`.
    """

    def __init__(self, policy: WatchPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = threading.Lock()
        self._standing = False
        self._live = False
        self._live_since_s = 0.0
        self._told_s = 0.0
        # Heads that this subscription told, oldest first; the last one that HTTP has not shown yet.
        self._told: dict[bytes, None] = {}
        self._ahead: bytes | None = None
        # The newest head over HTTP; heads over HTTP that the subscription did not tell, and when, oldest first.
        self._newest: bytes | None = None
        self._untold: dict[bytes, float] = {}
        self.why = ""
        """Why heads do not come from the WebSocket; empty while they do."""
        self.falls: dict[Fall, int] = dict.fromkeys(Fall, 0)

    @property
    def source(self) -> HeadSource:
        """Where heads come from now."""
        return HeadSource.WEBSOCKET if self._live else HeadSource.HTTP

    @property
    def standing(self) -> bool:
        """Whether there is a subscription to listen to, trusted or on trial."""
        return self._standing

    def subscribed(self) -> None:
        """A subscription stands: it is on trial."""
        with self._lock:
            self._standing, self._live = True, False
            self._told_s = self._clock()
            self._told.clear()
            self._ahead = None

    def told(self, block: bytes) -> bool:
        """Take a head from the subscription; return whether to look at the chain for it."""
        with self._lock:
            if not self._standing:
                return False
            now_s = self._clock()
            if self._live:
                self._told_s = now_s
            _remember(self._told, block, None)
            seen_s = self._untold.get(block)
            if seen_s is not None and now_s - seen_s <= self._policy.lag_s:
                self._confirm(block)
            new = block != self._newest and seen_s is None
            self._ahead = block if new else None
            return self._live and new

    def seen(self, block: bytes) -> None:
        """Take the head that was read over HTTP."""
        with self._lock:
            if block == self._newest:
                return
            self._newest = block
            if block == self._ahead:
                self._ahead = None
            _remember(self._untold, block, self._clock())
            if self._standing and block in self._told:
                self._confirm(block)
            if not self._live:
                # Who looks once in a while must not find a head of long ago that is told only now.
                self._forget_late()

    def ended(self, why: str) -> None:
        """The subscription is gone; ``why`` says what was expected and found, without an address."""
        with self._lock:
            self._fall(Fall.DIED, why)

    def judge(self) -> bool:
        """Give up a subscription that is silent or late; return whether it was given up now."""
        with self._lock:
            if not self._standing:
                return False
            now_s, policy = self._clock(), self._policy
            if now_s - self._told_s > policy.quiet_s:
                what = "a head" if self._live else "a head that HTTP shows too"
                self._fall(Fall.SILENT, f"expected {what} within {policy.quiet_s:g} s, found none")
                return True
            first_s = next(iter(self._untold.values()), now_s)
            if self._live and now_s - first_s > policy.lag_s:
                self._fall(
                    Fall.BEHIND,
                    f"expected each head within {policy.lag_s:g} s of HTTP, found one that it did not tell",
                )
                return True
            return False

    @property
    def pause_s(self) -> float:
        """How long a follower may wait for a head before it looks by itself."""
        with self._lock:
            policy = self._policy
            if not self._live or self._ahead is not None:
                # The node that is read may be a moment behind the one that told.
                return policy.poll_s
            now_s = self._clock()
            ends_s = self._told_s + policy.quiet_s
            if self._untold:
                ends_s = min(ends_s, next(iter(self._untold.values())) + policy.lag_s)
            return min(policy.check_s, max(ends_s - now_s, 0.0) + policy.least_s)

    @property
    def steady(self) -> bool:
        """Whether heads have come from the WebSocket long enough that its next end is a new matter."""
        with self._lock:
            return self._live and self._clock() - self._live_since_s >= self._policy.most_retry_s

    def _confirm(self, block: bytes) -> None:
        """Both showed a block: what HTTP showed before it is told, or was replaced."""
        for one in list(self._untold):
            del self._untold[one]
            if one == block:
                break
        if not self._live:
            self._live, self.why = True, ""
            self._live_since_s = self._told_s = self._clock()

    def _fall(self, how: Fall, why: str) -> None:
        if self._live:
            self.falls[how] += 1
        self.why = why
        self._standing = self._live = False
        self._ahead = None

    def _forget_late(self) -> None:
        oldest_s = self._clock() - self._policy.lag_s
        for one in [block for block, at_s in self._untold.items() if at_s < oldest_s]:
            del self._untold[one]


def _remember(blocks: dict[bytes, _T], block: bytes, value: _T) -> None:
    blocks.pop(block, None)
    blocks[block] = value
    if len(blocks) > _MOST_REMEMBERED:
        del blocks[next(iter(blocks))]
