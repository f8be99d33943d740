"""Nonces that are never issued twice and never kill a live quote."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final, Protocol

from pmm.domain import LANES, ZERO_ADDRESS, Address
from pmm.errors import InvariantViolated
from pmm.execution.chain_view import NonceKey, Settlement

WINDOW = 160
"""Nonce bits of a lane word: a fill of nonce n kills every nonce <= n - WINDOW of its lane."""

_ONEINCH: Final = Settlement.ONEINCH
_PMM: Final = Settlement.PMM
_NONCE_LIMIT_1INCH = 1 << 40
_NONCE_LIMIT_LANE = 1 << 32


class RouterNonces(Protocol):
    """Where nonces of 1inch's domain come from."""

    def take(self) -> NonceKey | None:
        """Return a nonce never issued before, or None while there is none."""
        ...


class BlockNonces:
    """Nonces of 1inch's domain out of leased blocks, in order; what is left of a block at a crash is burnt."""

    def __init__(self) -> None:
        self._blocks: deque[range] = deque()
        self._next = 0
        self.left = 0

    def add(self, block: range) -> None:
        """Take over a block that nobody else has."""
        if not self._blocks:
            self._next = block.start
        self._blocks.append(block)
        self.left += len(block)

    def take(self) -> NonceKey | None:
        """Return a nonce never issued before, or None until another block is there."""
        if not self._blocks or self._next >= _NONCE_LIMIT_1INCH:
            return None
        nonce, self._next = self._next, self._next + 1
        self.left -= 1
        if self._next == self._blocks[0].stop:
            self._blocks.popleft()
            if self._blocks:
                self._next = self._blocks[0].start
        return router_nonce(nonce)


class SequentialNonces:
    """Nonces of 1inch's domain: one counter, so that fills share words of its bitmap."""

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self) -> NonceKey | None:
        """Return a nonce never issued before, or None when all 2**40 are gone."""
        if self._next >= _NONCE_LIMIT_1INCH:
            return None
        nonce, self._next = self._next, self._next + 1
        return router_nonce(nonce)


class _Lane:
    """One lane: its next nonce, and its live quotes with the oldest found quickly."""

    __slots__ = ("live", "next", "rising")

    def __init__(self, first: int, live: Iterable[int] = ()) -> None:
        self.next = first
        self.live: set[int] = set()
        self.rising: list[int] = []
        for nonce in live:
            self.hold(nonce)

    def hold(self, nonce: int) -> None:
        if nonce not in self.live:
            self.live.add(nonce)
            heappush(self.rising, nonce)

    def oldest(self) -> int:
        """Return the oldest live nonce, or the next one if none is live."""
        while self.rising and self.rising[0] not in self.live:
            heappop(self.rising)
        return self.rising[0] if self.rising else self.next


class LaneNonces:
    """Nonces of our own domain: lanes in turn, each only as far as its oldest live quote allows."""

    def __init__(self, signer: Address, first: Mapping[int, int], *, live: Iterable[NonceKey] = ()) -> None:
        if any(not 0 <= lane < LANES for lane in first):
            raise InvariantViolated(f"expected lanes 0 to {LANES - 1}, found {sorted(first)}")
        self._signer = signer
        self._lanes = {lane: _Lane(nonce) for lane, nonce in sorted(first.items())}
        self._order = list(self._lanes)
        self._turn = 0
        for key in live:
            self.hold(key)

    @property
    def lanes(self) -> tuple[int, ...]:
        """The lanes that nonces come from."""
        return tuple(self._order)

    def grant(self, lane: int, first: int, *, live: Iterable[int] = ()) -> None:
        """Issue from one more lane, beginning with ``first``; ``live`` are its nonces that may still be filled."""
        if not 0 <= lane < LANES:
            raise InvariantViolated(f"expected a lane of 0 to {LANES - 1}, found {lane}")
        self._lanes[lane] = _Lane(first, live)
        self._order = sorted(self._lanes)

    def revoke(self, lane: int) -> None:
        """Issue no more from a lane that went to another replica."""
        del self._lanes[lane]
        self._order = sorted(self._lanes)
        self._turn = 0

    def take(self, *, lane_by_lane: bool = False) -> NonceKey | None:
        """Return a nonce never issued before, or None while every lane waits for its oldest live quote.

        ``lane_by_lane`` takes it from the highest lane with room instead of from the next in turn.
        """
        for number in reversed(self._order) if lane_by_lane else self._in_turn():
            lane = self._lanes[number]
            nonce = lane.next
            if nonce - lane.oldest() < WINDOW and nonce < _NONCE_LIMIT_LANE:
                lane.next = nonce + 1
                lane.hold(nonce)
                return NonceKey(_PMM, self._signer, number, nonce)
        return None

    def _in_turn(self) -> Iterator[int]:
        for _ in self._order:
            number = self._order[self._turn]
            self._turn = (self._turn + 1) % len(self._order)
            yield number

    def hold(self, key: NonceKey) -> None:
        """Say that the quote with this nonce may be filled: nothing is issued that would kill it."""
        if self._is_ours(key):
            self._lanes[key.lane].hold(key.nonce)

    def release(self, key: NonceKey) -> None:
        """Say that the quote with this nonce can no longer be filled."""
        if self._is_ours(key):
            self._lanes[key.lane].live.discard(key.nonce)

    def _is_ours(self, key: NonceKey) -> bool:
        return key.settlement is _PMM and key.signer == self._signer and key.lane in self._lanes


def router_nonce(nonce: int) -> NonceKey:
    """Return the key of a nonce of 1inch's domain."""
    return NonceKey(_ONEINCH, ZERO_ADDRESS, 0, nonce)
