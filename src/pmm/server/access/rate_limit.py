"""Token buckets: one per key, one per address for refused credentials."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimiter:
    """``rate_per_s`` requests per second, ``burst`` at once after a rest; at most ``most_names`` are remembered."""

    def __init__(self, *, rate_per_s: float, burst: float, most_names: int = 10_000) -> None:
        self.rate_per_s = rate_per_s
        self.burst = burst
        self._most_names = most_names
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(
        self, name: str, now_s: float, *, rate_per_s: float | None = None, burst: float | None = None
    ) -> int | None:
        """Take one token; return None, or the whole seconds after which there is one."""
        rate = self.rate_per_s if rate_per_s is None else rate_per_s
        most = self.burst if burst is None else burst
        bucket = self._refilled(name, now_s, rate, most)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, math.ceil((1 - bucket.tokens) / rate))

    def _refilled(self, name: str, now_s: float, rate: float, most: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(most, now_s)
            while len(self._buckets) > self._most_names:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
            bucket.tokens = min(most, bucket.tokens + max(now_s - bucket.at_s, 0.0) * rate)
            bucket.at_s = now_s
        return bucket
