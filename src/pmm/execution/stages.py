"""The stages of a firm quote, and who measures them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol


class Stage(StrEnum):
    """Where the time of a firm quote goes."""

    DECODE = "decode"
    MARKET = "market"
    PRICE = "price"
    RISK = "risk"
    JOURNAL = "journal"
    SIGN = "sign"
    ENCODE = "encode"
    TOTAL = "total"


class StageWatch(Protocol):
    """Measures stages."""

    def now_ns(self) -> int:
        """Return the start of a stage, in nanoseconds of a monotonic clock."""
        ...

    def took(self, stage: Stage, started_ns: int) -> int:
        """Note that a stage has ended, and return the start of the next one."""
        ...


class _NoStages:
    def now_ns(self) -> int:
        """Return nothing of use."""
        return 0

    def took(self, stage: Stage, started_ns: int) -> int:
        """Do nothing."""
        return 0


NO_STAGES: Final[StageWatch] = _NoStages()
