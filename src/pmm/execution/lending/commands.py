"""What the keeper wants done; each is one or two transactions of the operator."""

from __future__ import annotations

from dataclasses import dataclass

from pmm.domain import Address
from pmm.domain.chain_events import LendingMarket
from pmm.execution.lending.state import AccountKey


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingCommand:
    """A move of ``amount`` base units of ``token`` in one account.

    ``urgent`` says that gas is no reason to wait; ``why`` is for log and operator.
    """

    address: Address
    market: LendingMarket
    token: Address
    amount: int
    urgent: bool = False
    why: str = ""

    @property
    def key(self) -> AccountKey:
        """Name of the account."""
        return self.address, self.market


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply(LendingCommand):
    """Collateral up; ``moved`` of the amount comes from the settlement contract, the rest lies there already."""

    moved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repay(LendingCommand):
    """Debt down; ``moved`` as for a supply. At most the debt is repaid."""

    moved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(LendingCommand):
    """Collateral to the settlement contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrow(LendingCommand):
    """A loan to the settlement contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleverage(LendingCommand):
    """Buy ``amount`` of the debt's token with collateral and repay it, in one transaction of the delta hedger.

    Attributes:
        collateral: what is sold.
        most_sold: the most of it, base units.
        fee_pips: fee tier of the pool.
        min_health_wad: lowest health afterwards.
    """

    collateral: Address
    most_sold: int
    fee_pips: int
    min_health_wad: int


Command = Supply | Repay | Withdraw | Borrow | Deleverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """An account that what the desk has does not bring back; ``buffer_bps`` is what is left after the commands."""

    key: AccountKey
    buffer_bps: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperDecision:
    """Commands in their order, worst account first, and what they do not mend."""

    commands: tuple[Command, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
