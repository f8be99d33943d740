"""Nonces that are never issued twice and never kill a live quote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pmm.domain import LANES, ZERO_ADDRESS, Address
from pmm.errors import InvariantViolated
from pmm.execution.chain_view import NonceKey, Settlement

WINDOW = 160
"""Nonce bits of a lane word: a fill of nonce n kills every nonce <= n - WINDOW of its lane."""

_NONCE_LIMIT_1INCH = 1 << 40
_NONCE_LIMIT_LANE = 1 << 32


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


class LaneNonces:
    """Nonces of our own domain: lanes in turn, each only as far as its oldest live quote allows."""

    def __init__(self, signer: Address, first: Mapping[int, int], *, live: Iterable[NonceKey] = ()) -> None:
        if not first or any(not 0 <= lane < LANES for lane in first):
            raise InvariantViolated(f"expected lanes 0 to {LANES - 1}, found {sorted(first)}")
        self._signer = signer
        self._next = dict(first)
        self._lanes = sorted(first)
        self._turn = 0
        # Insertion order is rising nonce order: the first key of a lane is its oldest live quote.
        self._live: dict[int, dict[int, None]] = {lane: {} for lane in self._lanes}
        for key in sorted(live, key=lambda key: key.nonce):
            if self._is_ours(key):
                self._live[key.lane][key.nonce] = None

    def take(self) -> NonceKey | None:
        """Return a nonce never issued before, or None while every lane waits for its oldest live quote."""
        for _ in self._lanes:
            lane = self._lanes[self._turn]
            self._turn = (self._turn + 1) % len(self._lanes)
            nonce, live = self._next[lane], self._live[lane]
            oldest = next(iter(live), nonce)
            if nonce - oldest < WINDOW and nonce < _NONCE_LIMIT_LANE:
                self._next[lane] = nonce + 1
                live[nonce] = None
                return NonceKey(settlement=Settlement.PMM, signer=self._signer, lane=lane, nonce=nonce)
        return None

    def release(self, key: NonceKey) -> None:
        """Say that the quote with this nonce can no longer be filled."""
        if self._is_ours(key):
            self._live[key.lane].pop(key.nonce, None)

    def _is_ours(self, key: NonceKey) -> bool:
        return key.settlement is Settlement.PMM and key.signer == self._signer and key.lane in self._live


def router_nonce(nonce: int) -> NonceKey:
    """Return the key of a nonce of 1inch's domain."""
    return NonceKey(settlement=Settlement.ONEINCH, signer=ZERO_ADDRESS, lane=0, nonce=nonce)
