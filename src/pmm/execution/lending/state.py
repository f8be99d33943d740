"""The lending accounts as one look at the chain found them: frozen values, read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pmm.domain import Address, Token
from pmm.domain.chain_events import LendingMarket
from pmm.errors import InvalidInput

WAD: Final = 10**18
E36: Final = 10**36
BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingBalance:
    """One token of one account in one market.

    Attributes:
        token: which.
        supplied: collateral, base units.
        owed: debt, base units.
        liquidity: what the market can pay out of the token now, base units.
        usd_per_unit_e36: price of a base unit as the market sees it.
        weight_wad: part of a supplied dollar that carries debt before liquidation (Aave's liquidation threshold,
            Compound's collateral factor).
        supply_rate_wad, borrow_rate_wad: per year.
    """

    token: Token
    supplied: int
    owed: int
    liquidity: int
    usd_per_unit_e36: int
    weight_wad: int
    supply_rate_wad: int = 0
    borrow_rate_wad: int = 0

    def __post_init__(self) -> None:
        if min(self.supplied, self.owed, self.liquidity) < 0 or self.usd_per_unit_e36 <= 0:
            raise InvalidInput(
                f"lending balance of {self.token.symbol}: expected amounts of at least zero and a price above it"
            )
        if not 0 <= self.weight_wad < WAD:
            raise InvalidInput(
                f"lending balance of {self.token.symbol}: expected a weight below one, found {self.weight_wad}"
            )

    def usd_wad_down(self, amount: int) -> int:
        """Return what an amount is worth, rounded down."""
        return amount * self.usd_per_unit_e36 * WAD // E36

    def usd_wad_up(self, amount: int) -> int:
        """Return what an amount is worth, rounded up."""
        return -(-amount * self.usd_per_unit_e36 * WAD // E36)

    def amount_down(self, usd_wad: int) -> int:
        """Return the amount that is worth so much, rounded down."""
        return usd_wad * E36 // (self.usd_per_unit_e36 * WAD)

    def amount_up(self, usd_wad: int) -> int:
        """Return the amount that is worth so much, rounded up."""
        return -(-usd_wad * E36 // (self.usd_per_unit_e36 * WAD))


AccountKey = tuple[Address, LendingMarket]
"""Lending account and market: health is judged for each pair by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """One lending account in one market.

    Attributes:
        address: the contract.
        market: where.
        weighted_usd_wad: debt that its collateral carries before liquidation, as the market says.
        debt_usd_wad: what it owes.
        floor_wad: health below which the contract lets nothing go.
        debt_cap_usd_wad: most that it may owe in this market.
        borrow_power_usd_wad: what the market lets it borrow now; zero while borrowing is paused.
        balances: every token that it can hold or owe there.
    """

    address: Address
    market: LendingMarket
    weighted_usd_wad: int
    debt_usd_wad: int
    floor_wad: int
    debt_cap_usd_wad: int
    borrow_power_usd_wad: int
    balances: tuple[LendingBalance, ...]

    @property
    def key(self) -> AccountKey:
        """Name of the account."""
        return self.address, self.market

    @property
    def buffer_bps(self) -> int | None:
        """Liquidation buffer of the risk book, (collateral - required) / required, rounded down; None without debt.

        Required collateral is what carries the debt at a health of one, so the buffer is health less one.
        """
        return buffer_bps(self.weighted_usd_wad, self.debt_usd_wad)


def buffer_bps(weighted_usd_wad: int, debt_usd_wad: int) -> int | None:
    """Return the liquidation buffer, rounded down; None without debt. Source: risk book, section 4."""
    if debt_usd_wad <= 0:
        return None
    return (weighted_usd_wad - debt_usd_wad) * BPS // debt_usd_wad


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapRoute:
    """A pool that turns collateral into the debt's token.

    Attributes:
        fee_pips: fee tier of the Uniswap V3 pool.
        most_bought: what it sells within ``cost_bps`` of the fair price, base units of the debt's token.
        cost_bps: the most that the way costs, pool fee and price impact together.
    """

    fee_pips: int
    most_bought: int
    cost_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperState:
    """Everything that the keeper judges by, of one block.

    Attributes:
        block: its number.
        accounts: the accounts.
        stock: what the desk can spare of its inventory, base units per token.
        idle: what lies in a lending account outside of the markets, by account and token.
        swaps: ways out of collateral, by collateral and debt token.
        gas_usd_wad: what a unit of gas costs now.
    """

    block: int
    accounts: tuple[AccountState, ...]
    stock: Mapping[Address, int] = field(default_factory=dict)
    idle: Mapping[tuple[Address, Address], int] = field(default_factory=dict)
    swaps: Mapping[tuple[Address, Address], SwapRoute] = field(default_factory=dict)
    gas_usd_wad: int = 0
