"""Lanes as contracts/README.md tells them: sets of dead nonces above a base, not words of bits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

WINDOW = 160
TOP_NONCE = 2**32 - 1
MAX_LANES = 64


@dataclass(slots=True)
class Lane:
    """One lane of one signer. ``dead`` may hold nonces below the base; they are dead anyway."""

    authorised: bool = True
    paused: bool = False
    epoch: int = 0
    base: int = 0
    dead: set[int] = field(default_factory=set)

    def is_live(self, nonce: int) -> bool:
        return self.base <= nonce <= TOP_NONCE and nonce not in self.dead

    def kill(self, nonce: int) -> None:
        """Mark a nonce dead; one beyond the window slides it, and what it leaves behind is dead."""
        self.dead.add(nonce)
        self.base = max(self.base, nonce - WINDOW + 1)

    @property
    def window(self) -> int:
        return sum(1 << (nonce - self.base) for nonce in self.dead if nonce >= self.base)


@dataclass(slots=True)
class Book:
    """All signers: which lanes they have, and who is active."""

    lanes: dict[tuple[str, int], Lane] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)

    def of(self, signer: str) -> list[Lane]:
        return [lane for (owner, _), lane in self.lanes.items() if owner == signer]

    def count(self, signer: str) -> int:
        return len(self.of(signer))

    def open(self, signer: str, count: int) -> None:
        """What ``initLanes`` does: authorise the present lanes, add the missing ones like the first."""
        self.active.add(signer)
        for lane in self.of(signer):
            lane.authorised = True
        first = self.lanes.get((signer, 0), Lane())
        for index in range(self.count(signer), count):
            self.lanes[signer, index] = Lane(paused=first.paused, epoch=first.epoch)

    def pause(self, signers: Iterable[str], *, paused: bool = True) -> None:
        for signer in signers:
            for lane in self.of(signer):
                lane.paused = paused

    def revoke(self, signer: str) -> None:
        self.active.discard(signer)
        for lane in self.of(signer):
            lane.authorised = False
            lane.epoch += 1

    def cancel_all(self, signer: str) -> None:
        for lane in self.of(signer):
            lane.epoch += 1
