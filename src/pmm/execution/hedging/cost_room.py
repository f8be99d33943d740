"""How far a hedge may still get dearer between plan and block, within what it may cost in full. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.pricing.fixed_point import BPS, div_up

# The next block asks at most an eighth more per gas (EIP-1559): a plan without room for that may never be mined.
_NEXT_BLOCK = 8
# Gas that is thrice what the plan counted waits; the rest of the room is for the price.
_MOST_MORE_GAS = 2


def next_block_gas_usd_wad(gas_usd_wad: int) -> int:
    """Return what the gas of a plan may cost more in the next block, rounded up."""
    return div_up(gas_usd_wad, _NEXT_BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRoom:
    """US dollars (wad) that gas and the price may take beyond the plan: with it, never more than the limit."""

    gas_usd_wad: int
    slippage_usd_wad: int

    @classmethod
    def of(cls, *, limit_usd_wad: int, total_usd_wad: int, gas_usd_wad: int) -> CostRoom:
        """Share out what a limit leaves of a full cost, of which ``gas_usd_wad`` is gas."""
        left = max(limit_usd_wad - total_usd_wad, 0)
        wanted = max(next_block_gas_usd_wad(gas_usd_wad), min(left // 2, _MOST_MORE_GAS * gas_usd_wad))
        gas = min(wanted, left)
        return cls(gas_usd_wad=gas, slippage_usd_wad=left - gas)

    def slippage_bps_down(self, worth_usd_wad: int) -> int:
        """Return how far below its expected output, of that worth, a leg may execute, basis points."""
        return self.slippage_usd_wad * BPS // max(worth_usd_wad, 1)

    def gas_price_cap_wei(self, gas_price_wei: int, gas_usd_wad: int) -> int | None:
        """Return the most per gas that stays within, for gas planned at a price; None for a plan without gas."""
        if gas_usd_wad == 0:
            return None
        return gas_price_wei * (gas_usd_wad + self.gas_usd_wad) // gas_usd_wad
