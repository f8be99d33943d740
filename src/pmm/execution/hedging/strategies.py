"""When to hedge and how much: pure rules over what is open. Amounts in base units, positive where we are long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pmm.errors import InvalidInput
from pmm.execution.hedging.minimum_variance import WAD
from pmm.execution.hedging.records import Entry, EntryKind

_DECIDED = (EntryKind.RETURN, EntryKind.RESIDUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeDecision:
    """Claim everything open, trade ``trade``, leave ``carry`` open and ``waived`` unhedged for good.

    ``open = -trade + waived + carry`` always.
    """

    trade: int
    carry: int = 0
    waived: int = 0
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDelta:
    """What is open of one asset: the sum of its entries, the age of the oldest, its value in US dollars.

    ``decided`` is the part of it that was to be traded before, and was not: no strategy takes less of it again.
    """

    amount: int
    oldest_ms: int
    now_ms: int
    usd_wad: int
    commanded: bool = False
    decided: int = 0

    @classmethod
    def of(cls, entries: Sequence[Entry], *, now_ms: int, usd_per_unit_e36: int) -> OpenDelta:
        """Sum up entries; the value is rounded down."""
        amount = sum(one.amount for one in entries)
        return cls(
            amount=amount,
            oldest_ms=min((one.at_ms for one in entries), default=now_ms),
            now_ms=now_ms,
            usd_wad=abs(amount) * usd_per_unit_e36 // WAD,
            commanded=any(one.kind is EntryKind.COMMAND for one in entries),
            decided=sum(one.amount for one in entries if one.kind in _DECIDED),
        )


class HedgeStrategy(Protocol):
    """A rule of when to hedge."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Return what to trade now, None to wait."""
        ...


@dataclass(frozen=True, slots=True)
class NoHedge:
    """Never hedges; delta stays open and is shown."""

    name: str = "none"

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Wait."""
        return None


@dataclass(frozen=True, slots=True)
class Immediate:
    """Hedges everything at once."""

    name: str = "immediate"

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Trade all of it."""
        if delta.amount == 0:
            return None
        return HedgeDecision(trade=-delta.amount, reason="at once")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandHedge:
    """Waits while delta is inside the band and trades it back to the inner edge beyond; see ``no_trade_band``.

    Raises InvalidInput for edges in the wrong order.
    """

    inner: int
    outer: int
    name: str = "band"

    def __post_init__(self) -> None:
        if not 0 <= self.inner <= self.outer:
            raise InvalidInput(f"band: expected 0 <= inner <= outer, found {self.inner} and {self.outer}")

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Trade to the inner edge once the outer one is passed."""
        size = abs(delta.amount)
        if size <= self.outer:
            return None
        sign = 1 if delta.amount > 0 else -1
        return HedgeDecision(
            trade=-sign * (size - self.inner),
            carry=sign * self.inner,
            reason=f"delta {delta.amount} beyond the band of {self.outer}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHedge:
    """Hedges everything once it is worth ``usd_wad`` or its oldest part is ``age_ms`` old."""

    usd_wad: int
    age_ms: int
    name: str = "batch"

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Trade all of it when the batch is full or old."""
        if delta.amount == 0:
            return None
        if delta.usd_wad >= self.usd_wad:
            return HedgeDecision(trade=-delta.amount, reason=f"batch worth {delta.usd_wad // WAD} USD")
        age_ms = delta.now_ms - delta.oldest_ms
        if age_ms >= self.age_ms:
            return HedgeDecision(trade=-delta.amount, reason=f"batch {age_ms} ms old")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioHedge:
    """Does what another strategy does, on ``ratio_wad`` of the amount; the rest is left unhedged for good.

    For a hedge in another asset than the exposure: ``minimum_variance_ratio`` of the two. Raises InvalidInput for a
    ratio outside of 0 to 1.
    """

    ratio_wad: int
    inside: HedgeStrategy
    name: str = "minimum_variance"

    def __post_init__(self) -> None:
        if not 0 <= self.ratio_wad <= WAD:
            raise InvalidInput(f"hedge ratio: expected 0 to {WAD}, found {self.ratio_wad}")

    def decide(self, delta: OpenDelta) -> HedgeDecision | None:
        """Scale the other strategy's trade, rounded towards zero; what was scaled before is taken whole."""
        found = self.inside.decide(delta)
        if found is None:
            return None
        anew = -found.trade - delta.decided
        size = abs(anew) * self.ratio_wad // WAD
        trade = -delta.decided - (size if anew > 0 else -size)
        return HedgeDecision(
            trade=trade,
            carry=found.carry,
            waived=delta.amount + trade - found.carry,
            reason=f"{found.reason}, ratio {self.ratio_wad / WAD:.4f}",
        )
