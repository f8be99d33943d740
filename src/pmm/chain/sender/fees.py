"""What a transaction of ours offers for gas, and by how much a replacement must offer more. Pure.

Source of the fee market: EIP-1559. Source of the bump: go-ethereum's pool asks 10 % more of both fees
(``txpool.pricebump``), other clients the same or less; 12.5 % is also what the base fee can rise by in one block.
"""

from __future__ import annotations

from dataclasses import dataclass

from pmm.errors import InvalidInput

_BPS = 10_000
_SMALLEST_BUMP_BPS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GasMarket:
    """What the newest block says, wei per gas."""

    base_fee_wei: int
    priority_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """The two fees of an EIP-1559 transaction, wei per gas."""

    max_fee_wei: int
    priority_fee_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePolicy:
    """How we pay for gas.

    Attributes:
        cap_wei: the most that a transaction offers per gas, whatever the market asks.
        priority_cap_wei: the most of it for the builder.
        headroom_bps: how much of the base fee is offered on top of it: 10,000 outlives five full blocks in a row.
        bump_bps: what a replacement offers more, at least 1,000.

    Raises InvalidInput for a value that cannot be right.
    """

    cap_wei: int = 200 * 10**9
    priority_cap_wei: int = 5 * 10**9
    headroom_bps: int = 10_000
    bump_bps: int = 1_250

    def __post_init__(self) -> None:
        if not 0 < self.priority_cap_wei <= self.cap_wei:
            raise InvalidInput(
                f"gas: expected a priority fee cap between 1 wei and the cap of {self.cap_wei} wei, found "
                f"{self.priority_cap_wei}"
            )
        if self.bump_bps < _SMALLEST_BUMP_BPS or self.headroom_bps < 0:
            raise InvalidInput(
                f"gas: expected a bump of at least {_SMALLEST_BUMP_BPS} bps and no negative headroom, found "
                f"{self.bump_bps} and {self.headroom_bps}"
            )

    def first(self, market: GasMarket, *, cap_wei: int | None = None) -> Fees | None:
        """Return the fees of a first attempt; None where even the next block may ask more than the cap.

        Args:
            market: the newest block.
            cap_wei: another cap than the policy's, for what must not wait.
        """
        cap = self.cap_wei if cap_wei is None else cap_wei
        tip = self._tip(market)
        if _next_base_fee(market.base_fee_wei) + tip > cap:
            return None
        most = min(_up(market.base_fee_wei, self.headroom_bps) + tip, cap)
        return Fees(max_fee_wei=most, priority_fee_wei=tip)

    def price_wei(self, market: GasMarket) -> int:
        """Return what a transaction of ours would pay per gas in a block like the newest one.

        A cap of it and an eighth on top (EIP-1559's most) is no less than :meth:`first` asks for.
        """
        return market.base_fee_wei + self._tip(market)

    def _tip(self, market: GasMarket) -> int:
        return min(market.priority_fee_wei, self.priority_cap_wei)

    def replacement(self, last: Fees, market: GasMarket, *, cap_wei: int | None = None) -> Fees | None:
        """Return the fees that replace ``last`` in every pool; None where the cap does not allow any that help."""
        cap = self.cap_wei if cap_wei is None else cap_wei
        fresh = self.first(market, cap_wei=cap)
        tip = max(_up(last.priority_fee_wei, self.bump_bps), 1)
        most = _up(last.max_fee_wei, self.bump_bps)
        if fresh is not None:
            tip, most = max(tip, fresh.priority_fee_wei), max(most, fresh.max_fee_wei)
        elif most < market.base_fee_wei:
            return None
        return None if most > cap or tip > most else Fees(max_fee_wei=most, priority_fee_wei=tip)


def _next_base_fee(base_fee_wei: int) -> int:
    """Return the most that the next block can ask: an eighth more, at least one wei, rounded down as nodes do.

    Source: EIP-1559, ``base_fee_per_gas_delta`` of a full block.
    """
    return base_fee_wei + max(base_fee_wei // 8, 1)


def _up(amount: int, more_bps: int) -> int:
    """Return ``amount`` and ``more_bps`` of it on top, rounded up."""
    return -(-amount * (_BPS + more_bps) // _BPS)
