"""The same answer again: one admission per idempotency key while its quote lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class _Slot(Generic[Answer]):
    __slots__ = ("body", "task")

    def __init__(self, body: bytes, task: asyncio.Task[Answer]) -> None:
        self.body = body
        self.task = task


class AnswerMemory(Generic[Answer]):
    """Answers by (relayer, key). Belongs to one event loop; the journal knows the keys of other replicas."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, str], _Slot[Answer]] = {}
        self._key_of: dict[bytes, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def is_other(self, key: tuple[str, str], body: bytes) -> bool:
        """Tell whether the key stands for a request with another body."""
        slot = self._slots.get(key)
        return slot is not None and slot.body != body

    async def once(
        self,
        key: tuple[str, str],
        body: bytes,
        make: Callable[[], Awaitable[Answer]],
        hash_of: Callable[[Answer], bytes | None],
    ) -> Answer:
        """Return what ``make`` answered the first time; concurrent callers share one call.

        An answer is kept until :meth:`forget` is told its order hash; one without is forgotten at once. A caller
        that goes away does not stop the call, which others may wait for.
        """
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(body, asyncio.ensure_future(self._make(key, make, hash_of)))
        return await asyncio.shield(slot.task)

    async def _make(
        self,
        key: tuple[str, str],
        make: Callable[[], Awaitable[Answer]],
        hash_of: Callable[[Answer], bytes | None],
    ) -> Answer:
        kept = False
        try:
            answer = await make()
            order_hash = hash_of(answer)
            if order_hash is not None:
                self._key_of[order_hash] = key
                kept = True
            return answer
        finally:
            if not kept:
                del self._slots[key]

    def forget(self, order_hash: bytes) -> None:
        """Free the key of a quote that has ended."""
        key = self._key_of.pop(order_hash, None)
        if key is not None:
            self._slots.pop(key, None)
