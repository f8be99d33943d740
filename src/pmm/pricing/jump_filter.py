"""Pauses a pair when the order book's micro-price runs away from its mid: (state, observation, now) to state."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.pricing.fixed_point import SHARE_PER_BPS_E36


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpFilterPolicy:
    """``max_divergence_bps``: distance of micro-price and mid above which the pair pauses for ``pause_ms``."""

    max_divergence_bps: int = 50
    pause_ms: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpFilterState:
    """The pair is paused before ``paused_until_ms`` (unix time)."""

    paused_until_ms: int = 0

    def is_paused(self, now_ms: int) -> bool:
        """Tell whether the pair is paused."""
        return now_ms < self.paused_until_ms


def observe_divergence(
    state: JumpFilterState, divergence_e36: int, now_ms: int, policy: JumpFilterPolicy
) -> JumpFilterState:
    """Return the state after a book; each divergence above the limit starts the pause anew."""
    if divergence_e36 <= policy.max_divergence_bps * SHARE_PER_BPS_E36:
        return state
    return JumpFilterState(paused_until_ms=max(state.paused_until_ms, now_ms + policy.pause_ms))
