"""Stops and resumes the quotes of this process through its switch board."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pmm.execution.kill_switches import EVERYTHING, SwitchKey

_CAUSE: Final = "risk: the desk is critical"
Shape = Callable[[str, float], str]
"""Sets ``size_bps``, ``spread_addon_bps`` or ``skew_bps:ASSET``; returns what was done."""


class CausedSwitches(Protocol):
    """The switch board: automatic causes stand beside what people latch."""

    def trip(self, key: SwitchKey, cause: str) -> None:
        """Pause; nothing when the cause is there already."""
        ...

    def clear(self, key: SwitchKey, cause: str) -> None:
        """Say that the cause has gone; the board's own waiting time follows."""
        ...


class BoardQuoting:
    """Quoting of this process. A cause of ours comes and goes; the latch of a person is never touched."""

    def __init__(self, board: CausedSwitches, shape: Shape) -> None:
        self._board = board
        self._shape = shape

    def stop(self, reason: str) -> str:
        """Trip the global switch."""
        self._board.trip(EVERYTHING, _CAUSE)
        return f"paused: {reason}"

    def resume(self, step: str) -> str:
        """Take our cause away."""
        self._board.clear(EVERYTHING, _CAUSE)
        return f"resumes at step {step}"

    def cut_sizes(self, size_bps: int) -> str:
        """Quote this part of the normal sizes."""
        return self._shape("size_bps", size_bps)

    def widen(self, spread_addon_bps: float) -> str:
        """Add this to every half-spread."""
        return self._shape("spread_addon_bps", spread_addon_bps)

    def skew(self, asset: str, skew_bps: float) -> str:
        """Shift both prices of an asset."""
        return self._shape(f"skew_bps:{asset}", skew_bps)
