"""Health of a node: 0.7 x sync + 0.3 x response, each 0 to 100 (risk book, section 1)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

SYNC_WEIGHT, RESPONSE_WEIGHT = 0.7, 0.3
WINDOW_S = 60.0
"""How long an answer counts."""
_WINDOW_CALLS = 64
# One block behind is the way of a block through the network; each further one costs a fifth.
_FREE_BLOCKS, _COST_PER_BLOCK = 1, 20.0
# The risk book wants 200 ms; at ten times that a node is of no use.
_FAST_MS, _SLOW_MS = 200.0, 2_000.0


def sync_score(lag_blocks: int) -> float:
    """Return 100 at the newest head known or one behind, 20 less for each further block, 0 from six on."""
    return max(0.0, 100.0 - _COST_PER_BLOCK * max(0, lag_blocks - _FREE_BLOCKS))


def call_score(elapsed_ms: float, *, answered: bool) -> float:
    """Return 100 up to 200 ms, falling to 0 at 2 s; 0 without an answer."""
    if not answered:
        return 0.0
    return 100.0 * min(1.0, max(0.0, (_SLOW_MS - elapsed_ms) / (_SLOW_MS - _FAST_MS)))


class HealthWindow:
    """What a node showed in the last minute; statistics, so floats. Any thread may ask."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: deque[tuple[float, float, float, bool]] = deque(maxlen=_WINDOW_CALLS)
        self._lock = threading.Lock()
        self._head: tuple[float, int] | None = None

    def saw_call(self, elapsed_ms: float, answered: bool) -> None:
        """Count a call."""
        call = (self._clock(), call_score(elapsed_ms, answered=answered), elapsed_ms, answered)
        with self._lock:
            self._calls.append(call)

    def saw_head(self, number: int) -> None:
        """Note the newest block that the node told."""
        self._head = self._clock(), number

    @property
    def head(self) -> int | None:
        """Newest block told within the window."""
        told = self._head
        if told is None or self._clock() - told[0] > WINDOW_S:
            return None
        return told[1]

    @property
    def response(self) -> float:
        """Mean over the calls in the window; 100 before the first."""
        calls = self._recent()
        return sum(call[1] for call in calls) / len(calls) if calls else 100.0

    @property
    def mean_ms(self) -> float | None:
        """Mean time of answered calls in the window; None without one."""
        times = [call[2] for call in self._recent() if call[3]]
        return sum(times) / len(times) if times else None

    def sync(self, best: int | None) -> float:
        """Score against the newest head that any node told; 0 for a node that only fails to answer."""
        head = self.head
        if head is None:
            return 0.0 if any(not call[3] for call in self._recent()) else 100.0
        return sync_score((best if best is not None else head) - head)

    def score(self, best: int | None) -> float:
        """Return the health, 0 to 100."""
        return SYNC_WEIGHT * self.sync(best) + RESPONSE_WEIGHT * self.response

    def _recent(self) -> list[tuple[float, float, float, bool]]:
        oldest_s = self._clock() - WINDOW_S
        with self._lock:
            return [call for call in self._calls if call[0] >= oldest_s]
