"""Every way to fund and close a fill: source, leg and pools, and what of it is signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pmm.domain import (
    USDC,
    USDT,
    WBTC,
    WETH,
    Address,
    FundingPlan,
    FundingSource,
    HedgeLeg,
    lender_route,
    path_route,
)

SWAP_FEE_PIPS = 500
LENDING_FEE_PIPS = 3_000
ETHER_POOL = (500, 10)
"""Fee and tick spacing of the Uniswap V4 pool of ether and USDC, which every upstream has."""
WETH_POOL = (777, 7)
"""The same of one of WETH and USDC, which no upstream has: the tests seed it."""
LOANS = (
    FundingSource.MORPHO_BLUE_LOAN,
    FundingSource.BALANCER_V2_LOAN,
    FundingSource.AAVE_V3_LOAN,
    FundingSource.UNISWAP_V3_FLASH,
    FundingSource.ERC3156_LOAN,
)
SOURCES = tuple(FundingSource)
# Fees and tokens from WETH back to USDC. The second leads through WETH: no two other tokens share a pool.
_PATHS_TO_USDC = {
    2: ((500, 100), (USDT.address,)),
    3: ((500, 3_000, 500), (WBTC.address, WETH.address)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """One of them; ``pools`` counts those of a path, ``ether`` tells the Uniswap V4 pools apart."""

    source: FundingSource
    leg: HedgeLeg = HedgeLeg.UNISWAP_V3_POOL
    pools: int = 0
    ether: bool = False
    swap_fee_pips: int = SWAP_FEE_PIPS

    def __str__(self) -> str:
        parts = [self.source.name.lower()]
        if self.leg is not HedgeLeg.UNISWAP_V3_POOL:
            parts.append(self.leg.name.lower())
        parts += [f"{self.pools}_pools"] * bool(self.pools) + ["ether"] * self.ether
        return "-".join(parts)

    @property
    def closed_on(self) -> HedgeLeg:
        """The kind of place the position is closed on, whether the leg or the source names it."""
        return {
            FundingSource.UNISWAP_V2_SWAP: HedgeLeg.UNISWAP_V2_PAIR,
            FundingSource.UNISWAP_V4_SWAP: HedgeLeg.UNISWAP_V4_POOL,
            FundingSource.SIGNED_ORDER: HedgeLeg.SIGNED_ORDER,
        }.get(self.source, self.leg)

    @property
    def needs_hedger(self) -> bool:
        """Whether the settlement does not do it by itself, as it does a flash swap on one Uniswap V3 pool."""
        return (self.source, self.leg) != (FundingSource.UNISWAP_V3_SWAP, HedgeLeg.UNISWAP_V3_POOL)

    def plan(self, *, min_profit: int = 0) -> FundingPlan:
        fee, spacing = self.swap_fee_pips, 0
        if self.closed_on is HedgeLeg.UNISWAP_V4_POOL:
            fee, spacing = ETHER_POOL if self.ether else WETH_POOL
        elif self.closed_on is not HedgeLeg.UNISWAP_V3_POOL:
            fee = 0
        return FundingPlan(
            source=self.source,
            leg=self.leg,
            min_profit=min_profit,
            swap_fee_pips=fee,
            lending_fee_pips=LENDING_FEE_PIPS if self.source is FundingSource.UNISWAP_V3_FLASH else 0,
            tick_spacing=spacing,
            trades_ether=self.ether,
        )

    def path(self, maker_asset: str) -> bytes:
        """The route of the path leg, from the maker asset, WETH or USDC, back to the other."""
        fees, between = _PATHS_TO_USDC[self.pools]
        if maker_asset == USDC.address:
            fees, between = fees[::-1], between[::-1]
        return path_route(fees, [Address(token) for token in between])

    def route(self, maker_asset: str, lender: str, order: Callable[[], bytes]) -> bytes:
        """What is signed behind the plan word; ``order`` gives a signed order where the hedge needs one."""
        route = b""
        if self.closed_on is HedgeLeg.UNISWAP_V3_PATH:
            route = self.path(maker_asset)
        elif self.closed_on is HedgeLeg.SIGNED_ORDER:
            route = order()
        return lender_route(Address(lender), route) if self.source is FundingSource.ERC3156_LOAN else route


_LEGS: tuple[dict[str, Any], ...] = (
    {"leg": HedgeLeg.UNISWAP_V3_POOL},
    {"leg": HedgeLeg.UNISWAP_V3_PATH, "pools": 2},
    {"leg": HedgeLeg.UNISWAP_V3_PATH, "pools": 3},
    {"leg": HedgeLeg.UNISWAP_V2_PAIR},
    {"leg": HedgeLeg.UNISWAP_V4_POOL, "ether": True},
    {"leg": HedgeLeg.UNISWAP_V4_POOL},
    {"leg": HedgeLeg.SIGNED_ORDER},
)

FLASH_SWAP = Hedge(source=FundingSource.UNISWAP_V3_SWAP)
LOAN_HEDGES = tuple(Hedge(source=source, **leg) for source in LOANS for leg in _LEGS)
HEDGES = (
    *(Hedge(source=FundingSource.UNISWAP_V3_SWAP, **leg) for leg in _LEGS[:3]),
    *LOAN_HEDGES,
    Hedge(source=FundingSource.UNISWAP_V2_SWAP),
    Hedge(source=FundingSource.UNISWAP_V4_SWAP, ether=True),
    Hedge(source=FundingSource.UNISWAP_V4_SWAP),
    Hedge(source=FundingSource.SIGNED_ORDER),
)
ONE_PER_SOURCE = tuple(next(hedge for hedge in HEDGES if hedge.source is source) for source in SOURCES)
ONE_PER_LEG = tuple(
    hedge for hedge in LOAN_HEDGES if hedge.source is FundingSource.MORPHO_BLUE_LOAN
)  # with a lender of no fee
ONE_PER_SOURCE_AND_LEG = (*ONE_PER_SOURCE, *ONE_PER_LEG[1:])
