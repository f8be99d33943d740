"""Random bits from the operating system, fetched a page at a time.

A system call gives the interpreter lock away, and on a busy core a quote then waits for the journal's thread three
times over, once for each number it needs.
"""

from __future__ import annotations

import os
from collections.abc import Callable

_PAGE = 4096
_TAIL_BYTES = 10


class RandomPool:
    """Every byte is given out once, also across a fork. Belongs to one thread.

    ``fetch`` returns as many bytes as asked for, fit for keys; ``os.urandom`` outside tests.
    """

    def __init__(self, fetch: Callable[[int], bytes] = os.urandom) -> None:
        self._fetch = fetch
        self._page = b""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def take(self, count: int) -> bytes:
        """Return ``count`` random bytes."""
        if count > _PAGE:
            return self._fetch(count)
        if self._at + count > len(self._page):
            self._page, self._at = self._fetch(_PAGE), 0
        start, self._at = self._at, self._at + count
        return self._page[start : self._at]

    def bits(self, count: int) -> int:
        """Return a number of ``count`` random bits."""
        size = -(-count // 8)
        return int.from_bytes(self.take(size), "big") >> (size * 8 - count)

    def timed_id(self, now_ms: int) -> str:
        """Return 32 hex digits: unix milliseconds, then 80 random bits.

        Ids of one moment lie side by side in an index, as with UUIDs of version 7 (RFC 9562): a journal with random
        ones writes another page for every row.
        """
        start = self._at
        end = start + _TAIL_BYTES
        if end > len(self._page):
            return f"{now_ms:012x}{self.take(_TAIL_BYTES).hex()}"
        self._at = end
        return f"{now_ms:012x}{self._page[start:end].hex()}"

    def _forget(self) -> None:
        self._page, self._at = b"", 0
