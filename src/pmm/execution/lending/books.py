"""Accounts and funds while commands are worked out: each command is booked before the next is looked for."""

from __future__ import annotations

from pmm.domain import Address
from pmm.execution.lending.state import (
    BPS,
    WAD,
    AccountKey,
    AccountState,
    KeeperState,
    LendingBalance,
    buffer_bps,
)


class AccountBook:
    """One account, with what the commands so far make of it. All rounding is against us."""

    def __init__(self, state: AccountState) -> None:
        self.state = state
        self.weighted_usd_wad = state.weighted_usd_wad
        self.debt_usd_wad = state.debt_usd_wad
        self.balances = {one.token.address: one for one in state.balances}
        self.supplied = {token: one.supplied for token, one in self.balances.items()}
        self.owed = {token: one.owed for token, one in self.balances.items()}
        self.liquidity = {token: one.liquidity for token, one in self.balances.items()}

    @property
    def key(self) -> AccountKey:
        """Name of the account."""
        return self.state.key

    @property
    def buffer_bps(self) -> int | None:
        """Liquidation buffer now."""
        return buffer_bps(self.weighted_usd_wad, self.debt_usd_wad)

    @property
    def rank(self) -> int:
        """Order of danger: the smaller, the worse."""
        buffer = self.buffer_bps
        return 10**12 if buffer is None else buffer

    def missing_usd_wad(self, target_wad: int) -> int:
        """Return how much weighted collateral is missing for a health, rounded up; negative is too much."""
        return -(-self.debt_usd_wad * target_wad // WAD) - self.weighted_usd_wad

    def repay(self, one: LendingBalance, amount: int) -> None:
        """Book a repayment, of which the market takes no more than is owed."""
        token = one.token.address
        amount = min(amount, self.owed[token])
        self.owed[token] -= amount
        self.liquidity[token] += amount
        self.debt_usd_wad = max(self.debt_usd_wad - one.usd_wad_down(amount), 0)

    def borrow(self, one: LendingBalance, amount: int) -> None:
        """Book a loan."""
        token = one.token.address
        self.owed[token] += amount
        self.liquidity[token] -= amount
        self.debt_usd_wad += one.usd_wad_up(amount)

    def supply(self, one: LendingBalance, amount: int) -> None:
        """Book a supply."""
        token = one.token.address
        self.supplied[token] += amount
        self.liquidity[token] += amount
        self.weighted_usd_wad += one.usd_wad_down(amount) * one.weight_wad // WAD

    def withdraw(self, one: LendingBalance, amount: int) -> None:
        """Book a withdrawal."""
        token = one.token.address
        self.supplied[token] -= amount
        self.liquidity[token] -= amount
        self.weighted_usd_wad -= -(-one.usd_wad_up(amount) * one.weight_wad // WAD)

    def spare(self, one: LendingBalance, target_wad: int) -> int:
        """Return what may leave of a token with a health kept, rounded down."""
        most = min(self.supplied[one.token.address], self.liquidity[one.token.address])
        if self.debt_usd_wad == 0:
            return most
        spare_usd_wad = -self.missing_usd_wad(target_wad)
        if spare_usd_wad < 0:
            # Even what carries no debt stays: the contract judges the health after every exit.
            return 0
        if one.weight_wad == 0:
            return most
        return min(most, one.amount_down(spare_usd_wad * WAD // one.weight_wad))

    def room(self, one: LendingBalance, target_wad: int) -> int:
        """Return what may be borrowed of a token, rounded down: health, cap and the market's own limit are kept."""
        state = self.state
        by_health = self.weighted_usd_wad * WAD // target_wad - self.debt_usd_wad
        borrowed = self.debt_usd_wad - state.debt_usd_wad
        room_usd_wad = min(
            by_health, state.debt_cap_usd_wad - self.debt_usd_wad, state.borrow_power_usd_wad - borrowed
        )
        # Two units of the price less: the market rounds debt up, and so do we.
        amount = one.amount_down(max(room_usd_wad - 2, 0))
        return max(min(amount, self.liquidity[one.token.address]), 0)


class Funds:
    """Stock of the desk and what lies idle in the lending accounts."""

    def __init__(self, state: KeeperState) -> None:
        self._stock = dict(state.stock)
        self._idle = dict(state.idle)

    def of(self, book: AccountBook, token: Address) -> int:
        """Return what an account could be given of a token."""
        return self._idle.get((book.state.address, token), 0) + self._stock.get(token, 0)

    def take(self, book: AccountBook, token: Address, amount: int) -> int:
        """Take an amount, what lies there first; return what has to be moved from the settlement contract."""
        place = book.state.address, token
        lying = min(self._idle.get(place, 0), amount)
        self._idle[place] = self._idle.get(place, 0) - lying
        moved = amount - lying
        self._stock[token] = self._stock.get(token, 0) - moved
        return moved


def share(amount: int, bps: int) -> int:
    """Return a share of an amount, rounded up."""
    return -(-amount * bps // BPS)
