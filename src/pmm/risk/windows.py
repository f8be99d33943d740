"""Sums over a moving window, in constant memory and exact: integers in, integers out.

A window is cut into buckets of equal length, counted from the epoch. At time ``t`` it holds the bucket of ``t`` and
the ``buckets - 1`` before it, so it spans between ``window - bucket`` and ``window``. What is older than that when it
arrives is not counted; a clock that goes back changes nothing.
"""

from __future__ import annotations

import bisect
from typing import Final

from pmm.errors import InvalidInput

BUCKETS: Final = 60


class RollingSums:
    """``width`` sums over one window."""

    __slots__ = ("_bucket_ms", "_buckets", "_head", "_slots", "_totals", "last_ms")

    def __init__(self, window_ms: int, width: int, buckets: int = BUCKETS) -> None:
        if window_ms < buckets or width < 1 or buckets < 1:
            raise InvalidInput(
                f"window: expected at least {buckets} ms and one sum, found {window_ms}, {width}"
            )
        self._bucket_ms = window_ms // buckets
        self._buckets = buckets
        self._slots = [[0] * width for _ in range(buckets)]
        self._totals = [0] * width
        self._head = -1
        self.last_ms: int | None = None
        """Time of the newest addition."""

    @property
    def bucket_ms(self) -> int:
        """Length of a bucket."""
        return self._bucket_ms

    def add(self, at_ms: int, *values: int) -> None:
        """Add one value to each sum."""
        index = at_ms // self._bucket_ms
        if index > self._head:
            self._advance(index)
        elif index <= self._head - self._buckets:
            return
        if self.last_ms is None or at_ms > self.last_ms:
            self.last_ms = at_ms
        slot, totals = self._slots[index % self._buckets], self._totals
        for place, value in enumerate(values):
            slot[place] += value
            totals[place] += value

    def count(self, at_ms: int, place: int, number: int = 1) -> None:
        """Add a number to one of the sums."""
        self.add(at_ms)
        index = at_ms // self._bucket_ms
        if index > self._head - self._buckets:
            self._slots[index % self._buckets][place] += number
            self._totals[place] += number

    def totals(self, now_ms: int) -> list[int]:
        """Return the sums of the window that ends now. The list is the window's own: read it, do not keep it."""
        index = now_ms // self._bucket_ms
        if index > self._head:
            self._advance(index)
        return self._totals

    def start_ms(self, now_ms: int) -> int:
        """Return where the window that ends now begins."""
        return (max(now_ms // self._bucket_ms, self._head) - self._buckets + 1) * self._bucket_ms

    def _advance(self, index: int) -> None:
        behind = min(index - self._head, self._buckets)
        width = len(self._totals)
        for passed in range(index - behind + 1, index + 1):
            slot = self._slots[passed % self._buckets]
            for place in range(width):
                self._totals[place] -= slot[place]
                slot[place] = 0
        self._head = index


_EDGE_RATIO: Final = 1.05
_EDGES: Final = [0, *sorted({round(_EDGE_RATIO**power) for power in range(380)})]
"""Upper edges of the bins: 5 % apart, from 0 to about 10**8 (100 s in microseconds)."""


class RollingHistogram:
    """Counts by size over one window, for percentiles that err by at most one bin (5 %)."""

    __slots__ = ("_counts",)

    def __init__(self, window_ms: int, buckets: int = 6) -> None:
        self._counts = RollingSums(window_ms, len(_EDGES) + 1, buckets)

    def add(self, at_ms: int, value: int, count: int = 1) -> None:
        """Count a value of zero or more, ``count`` times."""
        self._counts.count(at_ms, bisect.bisect_left(_EDGES, value), count)

    def percentile(self, share: float, now_ms: int) -> int | None:
        """Return the upper edge of the bin below which ``share`` of the values lies; None without values."""
        counts = self._counts.totals(now_ms)
        total = sum(counts)
        if not total:
            return None
        left = share * total
        for edge, count in zip([*_EDGES, _EDGES[-1]], counts, strict=True):
            left -= count
            if left <= 0:
                return edge
        return _EDGES[-1]


class RollingDrawdown:
    """Largest fall from a peak within one window, as a share of the peak.

    Each bucket keeps its peak, its trough and its own largest fall; two neighbours join to
    ``max(fall, next fall, (peak - next trough) / peak)``, so closed buckets are folded once per bucket.
    """

    __slots__ = ("_bucket_ms", "_buckets", "_closed", "_folded_at", "_slots", "last_ms")

    def __init__(self, window_ms: int, buckets: int = BUCKETS) -> None:
        self._bucket_ms = window_ms // buckets
        self._buckets = buckets
        self._slots: dict[int, _Stretch] = {}
        self._closed: _Stretch | None = None
        self._folded_at = -1
        self.last_ms: int | None = None

    def add(self, at_ms: int, value: int) -> None:
        """Take a value; one that is older than the newest is not counted."""
        if self.last_ms is not None and at_ms < self.last_ms:
            return
        self.last_ms = at_ms
        index = at_ms // self._bucket_ms
        slot = self._slots.get(index)
        point = _Stretch(value, value, 0.0)
        self._slots[index] = point if slot is None else slot.then(point)

    def value(self, now_ms: int) -> float | None:
        """Return the largest fall of the window that ends now; None without values."""
        index = max(now_ms, self.last_ms or 0) // self._bucket_ms
        if index != self._folded_at:
            self._fold(index)
        now = self._slots.get(index)
        if self._closed is not None:
            now = self._closed if now is None else self._closed.then(now)
        return None if now is None else now.fall

    def _fold(self, index: int) -> None:
        for old in [one for one in self._slots if one <= index - self._buckets]:
            del self._slots[old]
        closed: _Stretch | None = None
        for one in sorted(self._slots):
            if one < index:
                closed = self._slots[one] if closed is None else closed.then(self._slots[one])
        self._closed, self._folded_at = closed, index


class _Stretch:
    __slots__ = ("fall", "peak", "trough")

    def __init__(self, peak: int, trough: int, fall: float) -> None:
        self.peak, self.trough, self.fall = peak, trough, fall

    def then(self, later: _Stretch) -> _Stretch:
        across = (self.peak - later.trough) / self.peak if self.peak > 0 else 0.0
        return _Stretch(
            max(self.peak, later.peak), min(self.trough, later.trough), max(self.fall, later.fall, across)
        )


class RollingPresence:
    """Share of the time of one window in which something held; time nobody watched counts as if it did not."""

    __slots__ = ("_at_ms", "_held", "_max_gap_ms", "_sums")

    def __init__(self, window_ms: int, max_gap_ms: int) -> None:
        self._sums = RollingSums(window_ms, 2)
        self._max_gap_ms = max_gap_ms
        self._at_ms: int | None = None
        self._held = False

    @property
    def last_ms(self) -> int | None:
        """Time of the newest observation."""
        return self._sums.last_ms if self._at_ms is not None else None

    def add(self, at_ms: int, held: bool) -> None:
        """Observe; what was observed last held until now, but no longer than the largest gap."""
        if self._at_ms is None:
            self._sums.add(at_ms, 0, 0)
        elif at_ms < self._at_ms:
            return
        else:
            good_until_ms = min(at_ms, self._at_ms + self._max_gap_ms) if self._held else self._at_ms
            self._spread(self._at_ms, good_until_ms, good=True)
            self._spread(good_until_ms, at_ms, good=False)
            self._sums.add(at_ms, 0, 0)
        self._at_ms, self._held = at_ms, held

    def value(self, now_ms: int) -> float | None:
        """Return the share; None before any time has passed."""
        good_ms, all_ms = self._sums.totals(now_ms)
        return good_ms / all_ms if all_ms else None

    def _spread(self, start_ms: int, end_ms: int, *, good: bool) -> None:
        bucket_ms = self._sums.bucket_ms
        start_ms = max(start_ms, end_ms - bucket_ms * BUCKETS)
        while start_ms < end_ms:
            until_ms = min(end_ms, (start_ms // bucket_ms + 1) * bucket_ms)
            self._sums.add(start_ms, until_ms - start_ms if good else 0, until_ms - start_ms)
            start_ms = until_ms
