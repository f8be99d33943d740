"""The signed funding plan of an order on our own domain: where the maker asset comes from, in one word.

| bits    | field                                                                              |
|---------|------------------------------------------------------------------------------------|
| 248-255 | source                                                                             |
| 224-247 | swap_fee_pips: fee tier of the Uniswap V3 pool of the hedge swap, in 1/1,000,000   |
| 200-223 | lending_fee_pips: fee tier of the lending pool (source 5 only, else 0)             |
| 128-199 | zero                                                                               |
| 0-127   | min_profit in base units of the taker asset                                        |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

_MASK_24 = (1 << 24) - 1
_MASK_128 = (1 << 128) - 1
_ZERO_BITS = ((1 << 72) - 1) << 128


class FundingSource(IntEnum):
    """Who lends the maker asset during the fill."""

    UNISWAP_V3_SWAP = 1
    MORPHO_BLUE_LOAN = 2
    BALANCER_V2_LOAN = 3
    AAVE_V3_LOAN = 4
    UNISWAP_V3_FLASH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPlan:
    """What the hedger must do to fund one fill, and the profit below which the fill reverts."""

    source: FundingSource
    swap_fee_pips: int
    min_profit: int
    lending_fee_pips: int = 0

    def __post_init__(self) -> None:
        check_uint(self.swap_fee_pips, "swap_fee_pips", 24)
        check_uint(self.lending_fee_pips, "lending_fee_pips", 24)
        check_uint(self.min_profit, "min_profit", 128)
        if (self.lending_fee_pips != 0) != (self.source is FundingSource.UNISWAP_V3_FLASH):
            raise InvalidInput(
                f"lending_fee_pips: expected a fee tier for UNISWAP_V3_FLASH and 0 for every other source, "
                f"found {self.lending_fee_pips} for {self.source.name}"
            )

    def encode(self) -> int:
        """Return the plan word."""
        return self.source << 248 | self.swap_fee_pips << 224 | self.lending_fee_pips << 200 | self.min_profit

    @classmethod
    def decode(cls, word: int) -> FundingPlan:
        """Split a plan word; raise InvalidInput for an unknown source or a bit set where zero is expected."""
        check_uint(word, "funding plan")
        if word & _ZERO_BITS:
            raise InvalidInput("funding plan: bits 128-199 must be zero")
        try:
            source = FundingSource(word >> 248)
        except ValueError as error:
            raise InvalidInput(f"funding plan: expected a source of 1 to 5, found {word >> 248}") from error
        return cls(
            source=source,
            swap_fee_pips=word >> 224 & _MASK_24,
            lending_fee_pips=word >> 200 & _MASK_24,
            min_profit=word & _MASK_128,
        )
