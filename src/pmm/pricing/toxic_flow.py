"""Fills that come from one side too fast: (state, fill) to state."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.errors import InvalidInput


class TakerSide(StrEnum):
    """What the taker does with the pair's base asset."""

    BUYS = "buys"
    SELLS = "sells"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicFlowPolicy:
    """``fills`` of one side within ``window_ms`` are toxic for ``lasts_ms``."""

    fills: int = 3
    window_ms: int = 10_000
    lasts_ms: int = 300_000

    def __post_init__(self) -> None:
        if self.fills < 1 or min(self.window_ms, self.lasts_ms) < 0:
            raise InvalidInput(f"toxic flow: expected at least 1 fill and times of at least 0, found {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicFlowState:
    """Times (unix ms) of each side's last fills, oldest first, and until when flow counts as toxic."""

    buys_ms: tuple[int, ...] = ()
    sells_ms: tuple[int, ...] = ()
    toxic_until_ms: int = 0

    def is_toxic(self, now_ms: int) -> bool:
        """Tell whether gamma is raised."""
        return now_ms < self.toxic_until_ms


def observe_fill(
    state: ToxicFlowState, side: TakerSide, at_ms: int, policy: ToxicFlowPolicy
) -> ToxicFlowState:
    """Return the state after a fill; each fill that completes a run starts the raised time anew."""
    before = state.buys_ms if side is TakerSide.BUYS else state.sells_ms
    # Fills are found block by block and may come out of order.
    recent = tuple(sorted((*before, at_ms)))[-policy.fills :]
    toxic_until = state.toxic_until_ms
    if len(recent) == policy.fills and recent[-1] - recent[0] <= policy.window_ms:
        toxic_until = max(toxic_until, recent[-1] + policy.lasts_ms)
    buys, sells = (recent, state.sells_ms) if side is TakerSide.BUYS else (state.buys_ms, recent)
    return ToxicFlowState(buys_ms=buys, sells_ms=sells, toxic_until_ms=toxic_until)
