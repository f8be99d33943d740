"""Keeps this replica in nonces: leases of lanes renewed, blocks of 1inch's nonces fetched before they run out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pmm.domain import Address
from pmm.execution.chain_view import LaneState
from pmm.execution.nonces import BlockNonces, LaneNonces
from pmm.execution.ports import JournalUnavailable, NonceLeases
from pmm.execution.records import LaneLease

# At 5,000 quotes a second half a block lasts 25 ms; a commit takes a few.
_LEAST_LEFT = 128
_RENEW_S = 4.0
_START_TIMEOUT_S = 10.0


class NonceKeeper:
    """Takes over what the journal leases. Belongs to one event loop, except :meth:`start`.

    ``most_lanes`` is the share of this replica. ``first_router_nonce`` is the first that the chain does not know.
    """

    def __init__(
        self,
        leases: NonceLeases,
        *,
        signer: Address,
        lane_nonces: LaneNonces,
        router_nonces: BlockNonces,
        most_lanes: int,
        first_router_nonce: int,
    ) -> None:
        self._leases = leases
        self._signer = signer
        self.lane_nonces = lane_nonces
        self.router_nonces = router_nonces
        self._most_lanes = most_lanes
        self._first_router_nonce = first_router_nonce
        self._renewed_at_s = 0.0
        self._refill: asyncio.Task[None] | None = None

    def start(self, lanes: Iterable[LaneState]) -> None:
        """Take the first lanes and blocks, waiting for them; raises JournalUnavailable."""
        states = tuple(lanes)
        found = self._leases.lease_lanes(self._signer, _numbers(states), most=self._most_lanes)
        self._take_over(found.result(_START_TIMEOUT_S), states)
        while self.router_nonces.left < _LEAST_LEFT:
            block = self._leases.take_block(at_least=self._first_router_nonce)
            self.router_nonces.add(block.result(_START_TIMEOUT_S))

    @property
    def leases(self) -> NonceLeases:
        """The journal that leases."""
        return self._leases

    async def keep(self, lanes: Iterable[LaneState], *, now_s: float) -> None:
        """Renew when it is time, and take what other replicas left; raises JournalUnavailable.

        ``now_s`` is our monotonic clock. Where nobody else can be running there is nothing to renew.
        """
        self.refill_soon()
        if not self._leases.shared or now_s - self._renewed_at_s < _RENEW_S:
            return
        states = tuple(lanes)
        found = self._leases.lease_lanes(self._signer, _numbers(states), most=self._most_lanes)
        # No await between this and the adoption: no nonce is issued from a lane under another lease's fence.
        self._take_over(await asyncio.wrap_future(found), states)
        self._renewed_at_s = now_s

    def refill_soon(self) -> None:
        """Fetch another block if few nonces are left; called after each one taken, returns at once."""
        if self.router_nonces.left >= _LEAST_LEFT or (self._refill is not None and not self._refill.done()):
            return
        self._refill = asyncio.ensure_future(self._fetch_blocks())

    async def _fetch_blocks(self) -> None:
        while self.router_nonces.left < _LEAST_LEFT:
            try:
                block = await asyncio.wrap_future(self._leases.take_block(at_least=self._first_router_nonce))
            except JournalUnavailable:
                # Quotes are refused meanwhile for the same reason; the next one asks again.
                return
            self.router_nonces.add(block)

    def _take_over(self, leases: tuple[LaneLease, ...], states: tuple[LaneState, ...]) -> None:
        unused = {state.lane: state.next_unused for state in states}
        held = {lease.lane for lease in leases}
        self._leases.adopt(self._signer, leases)
        for lane in self.lane_nonces.lanes:
            if lane not in held:
                self.lane_nonces.revoke(lane)
        for lease in leases:
            if lease.next_nonce is not None:
                first = max(lease.next_nonce, unused[lease.lane])
                self.lane_nonces.grant(lease.lane, first, live=lease.live)


def _numbers(states: tuple[LaneState, ...]) -> tuple[int, ...]:
    return tuple(state.lane for state in states)
