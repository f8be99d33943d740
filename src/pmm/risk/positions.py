"""Everything held and owed, summed over assets as single assets change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pmm.risk.events import PositionValued

_PERCENT: Final = 100.0


class Positions:
    """Sums of the newest :class:`PositionValued` of each asset, kept by difference; integers, so without drift."""

    __slots__ = (
        "_assets",
        "_hedge",
        "_hedged",
        "_largest",
        "_oldest",
        "_on_chain",
        "_to_hedge",
        "inventory_usd_e6",
        "portfolio_usd_e6",
    )

    def __init__(self) -> None:
        self._assets: dict[str, PositionValued] = {}
        self._on_chain = self._hedge = self._to_hedge = self._hedged = 0
        self._largest: tuple[int, str] = (0, "")
        self._oldest: tuple[int, str] | None = None
        self.inventory_usd_e6 = 0
        self.portfolio_usd_e6: int | None = None
        """Value of everything, debt taken off; None until it was said."""

    @property
    def oldest_ms(self) -> int | None:
        """Time of the asset not heard of for longest: one forgotten asset makes every sum stale."""
        return None if self._oldest is None else self._oldest[0]

    def put(self, now: PositionValued) -> bool:
        """Replace what was said of an asset; False when something newer was."""
        before = self._assets.get(now.asset)
        if before is not None:
            if now.at_ms < before.at_ms:
                return False
            self._count(before, -1)
        self._assets[now.asset] = now
        self._count(now, 1)
        if self._oldest is None or self._oldest[1] == now.asset or now.at_ms < self._oldest[0]:
            self._oldest = min((one.at_ms, name) for name, one in self._assets.items())
        net = _net(now)
        if net >= self._largest[0]:
            self._largest = (net, now.asset)
        elif self._largest[1] == now.asset:
            self._largest = max((_net(one), name) for name, one in self._assets.items())
        return True

    def _count(self, one: PositionValued, sign: int) -> None:
        self.inventory_usd_e6 += sign * one.held_usd_e6
        self._on_chain += sign * one.on_chain_usd_e6
        self._hedge += sign * one.hedge_usd_e6
        self._to_hedge += sign * one.to_hedge_usd_e6
        self._hedged += sign * one.hedged_usd_e6

    def delta_pct(self, asset: str) -> float | None:
        """Return how far an asset is from what is wanted of it, over the inventory.

        None for one never heard of, and where nobody says what is wanted.
        """
        one = self._assets.get(asset)
        if one is None or one.wanted_usd_e6 is None:
            return None
        return self._of_inventory(one.long_usd_e6 - one.short_usd_e6 - one.wanted_usd_e6)

    def level_pct(self, asset: str) -> float | None:
        """Return what is held of an asset over its target; None without a target."""
        one = self._assets.get(asset)
        return one.held_usd_e6 / one.target_usd_e6 * _PERCENT if one and one.target_usd_e6 > 0 else None

    def concentration_pct(self) -> float | None:
        """Return the largest net position over the portfolio; None when the portfolio is worth nothing."""
        whole = self.portfolio_usd_e6
        return self._largest[0] / whole * _PERCENT if whole is not None and whole > 0 else None

    def coverage_pct(self) -> float:
        """Return hedged over to be hedged; 100 when nothing is to be."""
        return self._hedged / self._to_hedge * _PERCENT if self._to_hedge > 0 else _PERCENT

    def on_chain_pct(self) -> float | None:
        """Return the share of the inventory on our own contracts and wallets."""
        return self._of_inventory(self._on_chain)

    def hedge_pct(self) -> float | None:
        """Return the share of the inventory that serves as a hedge."""
        return self._of_inventory(self._hedge)

    def _of_inventory(self, amount: int) -> float | None:
        return amount / self.inventory_usd_e6 * _PERCENT if self.inventory_usd_e6 > 0 else None


class BookView:
    """One number of the book, as a metric's memory."""

    __slots__ = ("_key", "_positions", "_read")

    def __init__(self, positions: Positions, read: Callable[[str], float | None], key: str) -> None:
        self._positions, self._read, self._key = positions, read, key

    @property
    def last_ms(self) -> int | None:
        """Time of the oldest asset in the book."""
        return self._positions.oldest_ms

    def value(self, now_ms: int) -> float | None:
        """Return the number."""
        return self._read(self._key)


def _net(one: PositionValued) -> int:
    return 0 if one.numeraire else abs(one.long_usd_e6 - one.short_usd_e6)
