"""The signed funding plan of an order on our own domain: where the maker asset comes from, one word and a route.

| bits    | field                                                                                        |
|---------|----------------------------------------------------------------------------------------------|
| 248-255 | source                                                                                       |
| 224-247 | swap_fee_pips: fee of the Uniswap V3 or V4 pool of the hedge leg, in 1/1,000,000; else 0      |
| 200-223 | lending_fee_pips: fee tier of the lending Uniswap V3 pool (source 5 only, else 0)            |
| 192-199 | leg                                                                                          |
| 168-191 | tick_spacing of the Uniswap V4 pool, else 0                                                  |
| 167     | trades_ether: the Uniswap V4 pool trades ether in place of WETH                              |
| 128-166 | zero                                                                                         |
| 0-127   | min_profit in base units of the taker asset                                                  |

Tables of sources, legs and routes: contracts/README.md; what is refused here is what ``AtomicHedger`` refuses.
Source 1 with leg 0, a flash swap on one pool, the settlement carries out itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pmm.domain.tokens import Address, address_to_bytes
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

_MASK_8 = (1 << 8) - 1
_MASK_24 = (1 << 24) - 1
_MASK_128 = (1 << 128) - 1
_ZERO_BITS = ((1 << 39) - 1) << 128
_MAX_POOLS_OF_PATH = 3
ORDER_ROUTE_LENGTH = 320
"""Eight words of the order, r and vs."""


class FundingSource(IntEnum):
    """Who supplies the maker asset during the fill."""

    UNISWAP_V3_SWAP = 1
    MORPHO_BLUE_LOAN = 2
    BALANCER_V2_LOAN = 3
    AAVE_V3_LOAN = 4
    UNISWAP_V3_FLASH = 5
    ERC3156_LOAN = 6
    UNISWAP_V2_SWAP = 7
    UNISWAP_V4_SWAP = 8
    SIGNED_ORDER = 9


class HedgeLeg(IntEnum):
    """Where the position is closed."""

    UNISWAP_V3_POOL = 0
    UNISWAP_V3_PATH = 1
    UNISWAP_V2_PAIR = 2
    UNISWAP_V4_POOL = 3
    SIGNED_ORDER = 4


_LOANS = (
    FundingSource.MORPHO_BLUE_LOAN,
    FundingSource.BALANCER_V2_LOAN,
    FundingSource.AAVE_V3_LOAN,
    FundingSource.UNISWAP_V3_FLASH,
    FundingSource.ERC3156_LOAN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPlan:
    """How one fill is funded, and the profit below which it reverts."""

    source: FundingSource
    min_profit: int
    swap_fee_pips: int = 0
    lending_fee_pips: int = 0
    leg: HedgeLeg = HedgeLeg.UNISWAP_V3_POOL
    tick_spacing: int = 0
    trades_ether: bool = False

    def __post_init__(self) -> None:
        for name, bits in (("swap_fee_pips", 24), ("lending_fee_pips", 24), ("tick_spacing", 24)):
            check_uint(getattr(self, name), name, bits)
        check_uint(self.min_profit, "min_profit", 128)
        if (self.lending_fee_pips != 0) != (self.source is FundingSource.UNISWAP_V3_FLASH):
            raise InvalidInput(
                f"lending_fee_pips: expected a fee tier for UNISWAP_V3_FLASH and 0 for every other source, "
                f"found {self.lending_fee_pips} for {self.source.name}"
            )
        if self.source not in _LOANS and self.leg not in self._legs_without_loan():
            raise InvalidInput(f"leg: {self.source.name} has no leg {self.leg.name}")
        if self.swap_fee_pips and not self._names_a_pool():
            raise InvalidInput(
                f"swap_fee_pips: expected 0 where no single pool with a fee is used, found {self.swap_fee_pips}"
            )
        if (self.tick_spacing or self.trades_ether) and not self._uses_v4():
            raise InvalidInput("tick_spacing, trades_ether: expected with a Uniswap V4 pool only")

    def _legs_without_loan(self) -> tuple[HedgeLeg, ...]:
        if self.source is FundingSource.UNISWAP_V3_SWAP:
            return (HedgeLeg.UNISWAP_V3_POOL, HedgeLeg.UNISWAP_V3_PATH)
        return (HedgeLeg.UNISWAP_V3_POOL,)

    def _uses_v4(self) -> bool:
        return self.source is FundingSource.UNISWAP_V4_SWAP or self.leg is HedgeLeg.UNISWAP_V4_POOL

    def _names_a_pool(self) -> bool:
        if self.source in (FundingSource.UNISWAP_V2_SWAP, FundingSource.SIGNED_ORDER):
            return False
        return self._uses_v4() or self.leg is HedgeLeg.UNISWAP_V3_POOL

    def encode(self) -> int:
        """Return the plan word."""
        return (
            self.source << 248
            | self.swap_fee_pips << 224
            | self.lending_fee_pips << 200
            | self.leg << 192
            | self.tick_spacing << 168
            | self.trades_ether << 167
            | self.min_profit
        )

    @classmethod
    def decode(cls, word: int) -> FundingPlan:
        """Split a plan word; raise InvalidInput for whatever the contracts refuse."""
        check_uint(word, "funding plan")
        if word & _ZERO_BITS:
            raise InvalidInput("funding plan: bits 128-166 must be zero")
        try:
            source, leg = FundingSource(word >> 248), HedgeLeg(word >> 192 & _MASK_8)
        except ValueError as error:
            raise InvalidInput(
                f"funding plan: expected a source of 1 to 9 and a leg of 0 to 4, found {word >> 248} and "
                f"{word >> 192 & _MASK_8}"
            ) from error
        return cls(
            source=source,
            swap_fee_pips=word >> 224 & _MASK_24,
            lending_fee_pips=word >> 200 & _MASK_24,
            leg=leg,
            tick_spacing=word >> 168 & _MASK_24,
            trades_ether=bool(word >> 167 & 1),
            min_profit=word & _MASK_128,
        )


def path_route(fees_pips: Sequence[int], tokens: Sequence[Address]) -> bytes:
    """Return the route of a Uniswap V3 path: two or three pools and the one or two tokens between them.

    Both run from the maker asset back to the taker asset, which are not named. Raises InvalidInput.
    """
    if not 1 < len(fees_pips) <= _MAX_POOLS_OF_PATH or len(tokens) != len(fees_pips) - 1:
        raise InvalidInput(
            f"path: expected 2 or 3 fees with one token fewer, found {len(fees_pips)} and {len(tokens)}"
        )
    hops = [check_uint(fee, "fee", 24).to_bytes(3, "big") for fee in fees_pips]
    return hops[0] + b"".join(
        address_to_bytes(token) + hop for token, hop in zip(tokens, hops[1:], strict=True)
    )


def lender_route(lender: Address, route: bytes = b"") -> bytes:
    """Return the route of an ERC-3156 loan: the lender, then what the leg asks for."""
    return address_to_bytes(lender) + route
