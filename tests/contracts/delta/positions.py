"""Shorts and longs for the tests of DeltaHedger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pmm.localnet.addresses import USDC, WETH
from tests.contracts.lending.desk_fixtures import AAVE, ALL, ONE_WETH

FLASH_SWAP, MORPHO_LOAN = 1, 2
FEE_PIPS = 500
MARGIN_USDC = 15_000 * 10**6
MARGIN_WETH = 6 * ONE_WETH
TEN_WETH = 10 * ONE_WETH
NO_LIMIT = 2**128


def plan(
    source: int = FLASH_SWAP, market: int = AAVE, fee_pips: int = FEE_PIPS, min_health_wad: int = 0
) -> int:
    """Return a plan word."""
    return source << 248 | fee_pips << 224 | market << 216 | min_health_wad


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Opens and closes through DeltaHedger as its operator."""

    delta: Any
    operator: Any
    move: Callable[[str, int], None]

    def open_short(self, word: int, amount: int = TEN_WETH, limit: int = 1, margin: int = MARGIN_USDC) -> Any:
        """Move the margin and open."""
        if margin:
            self.move(USDC, margin)
        return self.delta.openShort(WETH, USDC, amount, limit, margin, word, sender=self.operator)

    def close_short(self, word: int, amount: int = ALL, limit: int = 28_000 * 10**6) -> Any:
        """Close; Morpho's way withdraws as much as the limit first."""
        return self.delta.closeShort(WETH, USDC, amount, limit, word, sender=self.operator)

    def open_long(
        self, word: int, amount: int = TEN_WETH, limit: int = 28_000 * 10**6, margin: int = MARGIN_WETH
    ) -> Any:
        """Move the margin and open."""
        if margin:
            self.move(WETH, margin)
        return self.delta.openLong(WETH, USDC, amount, limit, margin, word, sender=self.operator)

    def close_long(self, word: int, amount: int = ALL, limit: int = 11 * ONE_WETH) -> Any:
        """Close; the limit is the most to sell for everything, the least proceeds for a part."""
        return self.delta.closeLong(WETH, USDC, amount, limit, word, sender=self.operator)
