"""What fills were worth some time later, as those times come. Pure; amounts in base units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pmm.domain import Address

HORIZONS_S: Final = (1, 5, 30, 60, 300)
_BPS_E3: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledTrade:
    """A fill: we gave ``making_amount`` for ``taking_amount`` at ``at_ms`` (unix); ``key`` is unique."""

    key: str
    at_ms: int
    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenMarkout:
    """A fill judged at a horizon: our gain in thousandths of a basis point of what was taken, rounded down."""

    key: str
    horizon_s: int
    markout_bps_e3: int


def gain_bps_e3(fill: FilledTrade, usd_per_unit_e36: Mapping[Address, int]) -> int | None:
    """Return what was taken less what was given, over what was taken, at these prices; None without both."""
    taken = fill.taking_amount * usd_per_unit_e36.get(fill.taker_asset, 0)
    price = usd_per_unit_e36.get(fill.maker_asset, 0)
    if taken <= 0 or price <= 0:
        return None
    return (taken - fill.making_amount * price) * _BPS_E3 // taken


class PendingMarkouts:
    """Fills whose horizons have not all come.

    A horizon is judged by the first prices at or after it. Where those come later than twice the horizon, and later
    than ``lateness_ms`` behind it, nobody watched: it is left out, as the day report leaves it out.
    """

    def __init__(self, *, lateness_ms: int) -> None:
        self._lateness_ms = lateness_ms
        self._waiting: dict[str, tuple[FilledTrade, list[int]]] = {}
        self._over: list[tuple[str, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, fill: FilledTrade, done: frozenset[int] = frozenset()) -> None:
        """Wait for the horizons of a fill but for those that are done."""
        left = [horizon_s for horizon_s in HORIZONS_S if horizon_s not in done]
        if left:
            self._waiting[fill.key] = (fill, left)

    def drop(self, key: str) -> None:
        """Forget a fill that a reorganisation took back."""
        self._waiting.pop(key, None)

    def due(self, now_ms: int, usd_per_unit_e36: Mapping[Address, int]) -> list[TakenMarkout]:
        """Return what can be judged now; a horizon without prices waits on until it is too late.

        It comes again with the next call unless ``judged`` is called behind its commit.
        """
        found: list[TakenMarkout] = []
        self._over = []
        for key, (fill, left) in self._waiting.items():
            for horizon_s in left:
                late_ms = now_ms - fill.at_ms - horizon_s * 1_000
                if late_ms < 0:
                    break
                gain = gain_bps_e3(fill, usd_per_unit_e36)
                in_time = late_ms <= max(horizon_s * 1_000, self._lateness_ms)
                if in_time and gain is None:
                    continue
                self._over.append((key, horizon_s))
                if in_time and gain is not None:
                    found.append(TakenMarkout(key=key, horizon_s=horizon_s, markout_bps_e3=gain))
        return found

    def judged(self) -> None:
        """Say that what ``due`` returned last is written: those horizons, and those that came too late, are over."""
        over, self._over = self._over, []
        for key, horizon_s in over:
            _, left = self._waiting[key]
            left.remove(horizon_s)
            if not left:
                del self._waiting[key]
