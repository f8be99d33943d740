"""What the book holds: balances, lending positions with their indexes, perp positions. Base units, all exact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.domain import Address, BlockRef, LendingMarket

WAD = 10**18
_YEAR_S = 365 * 86_400


class Origin(StrEnum):
    """Where exposure comes from."""

    WALLET = "wallet"
    CONTRACT = "contract"
    LENDING_SUPPLY = "lending_supply"
    LENDING_DEBT = "lending_debt"
    PERP = "perp"
    PENDING_QUOTES = "pending_quotes"


class AccountKind(StrEnum):
    """What an account of ours is."""

    WALLET = "wallet"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, order=True)
class BalanceKey:
    """A token in an account of ours."""

    account: Address
    token: Address


@dataclass(frozen=True, slots=True, order=True)
class LendingKey:
    """A token in a lending market, of one account."""

    market: LendingMarket
    account: Address
    token: Address


@dataclass(frozen=True, slots=True, order=True)
class PerpKey:
    """A position on a perp venue."""

    venue: str
    token: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedAmount:
    """An amount that bears interest, as its market keeps it: ``shares`` times ``index``.

    Attributes:
        amount: what the market says the position is worth now, base units.
        shares: Aave's scaled balance, Compound's cTokens; None where the market does not say (debt on Compound).
        index: what a share is worth, in whatever scale the market has; it never falls.
        rate_wad: interest per year, for what the next blocks bring.
    """

    amount: int
    shares: int | None
    index: int
    rate_wad: int = 0

    def grown_to(self, index: int) -> tuple[int, int]:
        """Return the least and most that the amount is at a later index without a change of shares.

        The market rounds where it multiplies; the amount itself was rounded once before: a unit either way.
        """
        if self.index == 0:
            return self.amount, self.amount
        grown = self.amount * index // self.index
        return max(grown - 1, 0), grown + 2


NO_AMOUNT = IndexedAmount(amount=0, shares=0, index=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingPosition:
    """Supply and debt of one token as last read, and what events changed since, without interest."""

    supply: IndexedAmount
    debt: IndexedAmount
    read_at_s: int
    supplied_since: int = 0
    owed_since: int = 0

    def supplied_at(self, now_s: int) -> int:
        """Return supply with the interest accrued by ``now_s``, rounded down; an estimate between readings."""
        interest = self.supply.amount * self.supply.rate_wad * self._elapsed_s(now_s) // (WAD * _YEAR_S)
        return self.supply.amount + self.supplied_since + interest

    def owed_at(self, now_s: int) -> int:
        """Return debt with the interest accrued by ``now_s``, rounded up."""
        interest = -(-self.debt.amount * self.debt.rate_wad * self._elapsed_s(now_s) // (WAD * _YEAR_S))
        return self.debt.amount + self.owed_since + interest

    def _elapsed_s(self, now_s: int) -> int:
        return max(now_s - self.read_at_s, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingMark:
    """Supply and debt of one token as a market says them at one block."""

    supply: IndexedAmount
    debt: IndexedAmount


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReading:
    """What the chain says about the accounts of the book at one block."""

    block: BlockRef
    balances: dict[BalanceKey, int]
    lending: dict[LendingKey, LendingMark]
