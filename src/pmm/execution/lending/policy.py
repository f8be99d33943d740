"""Lines of the keeper. Defaults are those of the risk book, section 4."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.errors import InvalidInput
from pmm.execution.lending.state import BPS, WAD


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperPolicy:
    """When the keeper acts, and how far it goes. Buffers are in bps of the required collateral.

    Attributes:
        working_buffer_bps: where every account is brought to. 1.6 x 0.65 > 1: it survives a fall of 35 % in a block.
        rebalance_below_bps: below it stock is used to get there. 1.56 x 0.65 > 1 still.
        deleverage_below_bps: the risk book's line: below it nothing waits for cheap gas, and collateral is sold where
            stock does not do.
        surplus_above_bps: above it collateral comes back to the inventory.
        gas_share_bps: what is not urgent waits while its gas costs more than this part of the amount.
        least_usd_wad: smaller amounts are not moved.
        gas_per_command: gas that a command is taken to need.
    """

    working_buffer_bps: int = 6_000
    rebalance_below_bps: int = 5_600
    deleverage_below_bps: int = 5_000
    surplus_above_bps: int = 8_000
    gas_share_bps: int = 50
    least_usd_wad: int = 50 * WAD
    gas_per_command: int = 400_000

    def __post_init__(self) -> None:
        lines = (
            self.deleverage_below_bps,
            self.rebalance_below_bps,
            self.working_buffer_bps,
            self.surplus_above_bps,
        )
        # The risk book forces de-leveraging at 10 %; it must have begun before.
        if list(lines) != sorted(lines) or self.deleverage_below_bps <= 1_000:
            raise InvalidInput(
                "keeper: expected deleverage_below <= rebalance_below <= working_buffer <= surplus_above, the first "
                f"above 1,000 bps, found {lines}"
            )

    @property
    def target_wad(self) -> int:
        """Health at the working buffer."""
        return (BPS + self.working_buffer_bps) * WAD // BPS

    def gas_is_fine(self, usd_wad: int, gas_usd_wad: int) -> bool:
        """Tell whether a command over so much is worth its gas."""
        return self.gas_per_command * gas_usd_wad * BPS <= usd_wad * self.gas_share_bps
