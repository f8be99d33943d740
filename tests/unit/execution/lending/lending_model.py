"""A lending market by its definition, apart from the code under test: fractions, no booking, no rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from pmm.domain import DAI, USDC, WETH, Address, Token
from pmm.domain.chain_events import LendingMarket
from pmm.execution.lending import (
    AccountState,
    Borrow,
    Command,
    Deleverage,
    KeeperState,
    LendingBalance,
    Repay,
    Supply,
    Withdraw,
)

TOKENS = (WETH, USDC, DAI)
WAD, E36 = 10**18, 10**36
ACCOUNT = Address("0x" + "1" * 40)


def usd_e36(token: Token, usd: int) -> int:
    """Return the price of a base unit of a token that costs so many dollars."""
    price: int = usd * E36 // 10**token.decimals
    return price


def balance(
    token: Token,
    *,
    usd: int,
    supplied: int = 0,
    owed: int = 0,
    liquidity: int = 10**30,
    weight_bps: int = 8_000,
    rate_bps: int = 300,
) -> LendingBalance:
    """Return a balance; prices are whole dollars."""
    return LendingBalance(
        token=token,
        supplied=supplied,
        owed=owed,
        liquidity=liquidity,
        usd_per_unit_e36=usd_e36(token, usd),
        weight_wad=weight_bps * WAD // 10_000,
        supply_rate_wad=0,
        borrow_rate_wad=rate_bps * WAD // 10_000,
    )


def account(
    *balances: LendingBalance,
    market: LendingMarket = LendingMarket.AAVE_V3,
    floor_bps: int = 11_000,
    cap_usd: int = 10**9,
    power_usd: int = 10**9,
) -> AccountState:
    """Return an account whose totals follow from its balances, as the market counts them: against us."""
    weighted = sum(one.usd_wad_down(one.supplied) * one.weight_wad // WAD for one in balances)
    return AccountState(
        address=ACCOUNT,
        market=market,
        weighted_usd_wad=weighted,
        debt_usd_wad=sum(one.usd_wad_up(one.owed) for one in balances),
        floor_wad=floor_bps * WAD // 10_000,
        debt_cap_usd_wad=cap_usd * WAD,
        borrow_power_usd_wad=power_usd * WAD,
        balances=balances,
    )


@dataclass
class Chain:
    """What the contracts would have after commands; raises AssertionError for what they would refuse."""

    state: KeeperState
    supplied: dict[tuple[object, str], int] = field(default_factory=dict)
    owed: dict[tuple[object, str], int] = field(default_factory=dict)
    liquidity: dict[tuple[object, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stock = dict(self.state.stock)
        self.idle = dict(self.state.idle)
        self.accounts = {one.key: one for one in self.state.accounts}
        self.balances = {
            (one.key, line.token.address): line for one in self.state.accounts for line in one.balances
        }
        for place, line in self.balances.items():
            self.supplied[place], self.owed[place] = line.supplied, line.owed
            self.liquidity[place] = line.liquidity

    def price(self, place: tuple[object, str]) -> Fraction:
        return Fraction(self.balances[place].usd_per_unit_e36, E36)  # type: ignore[index]

    def weighted(self, key: object) -> Fraction:
        return sum(
            (
                Fraction(amount) * self.price(place) * Fraction(self.balances[place].weight_wad, WAD)  # type: ignore[index]
                for place, amount in self.supplied.items()
                if place[0] == key
            ),
            Fraction(0),
        )

    def debt(self, key: object) -> Fraction:
        return sum(
            (amount * self.price(place) for place, amount in self.owed.items() if place[0] == key),
            Fraction(0),
        )

    def health(self, key: object) -> Fraction | None:
        debt = self.debt(key)
        return None if debt == 0 else self.weighted(key) / debt

    def run(self, command: Command) -> None:
        """Carry a command out as the contracts do."""
        key, token = command.key, command.token
        place = key, token
        assert command.amount > 0
        if isinstance(command, Supply | Repay):
            self._fund(command)
        if isinstance(command, Supply):
            self.idle[command.address, token] -= command.amount
            self.supplied[place] += command.amount
            self.liquidity[place] += command.amount
        elif isinstance(command, Repay):
            paid = min(command.amount, self.owed[place])
            self.idle[command.address, token] -= paid
            self.owed[place] -= paid
            self.liquidity[place] += paid
        elif isinstance(command, Withdraw | Borrow):
            assert command.amount <= self.liquidity[place], "the market has not that much"
            self.liquidity[place] -= command.amount
            self.stock[token] = self.stock.get(token, 0) + command.amount
            if isinstance(command, Withdraw):
                assert command.amount <= self.supplied[place]
                self.supplied[place] -= command.amount
            else:
                self._borrow(command)
            self._require_floor(key)
        else:
            self._sell(command)

    def _fund(self, command: Supply | Repay) -> None:
        place = command.address, command.token
        assert 0 <= command.moved <= self.stock.get(command.token, 0), "the desk has not that much"
        self.stock[command.token] = self.stock.get(command.token, 0) - command.moved
        self.idle[place] = self.idle.get(place, 0) + command.moved
        assert self.idle[place] >= command.amount, "the account has not that much"

    def _borrow(self, command: Borrow) -> None:
        account = self.accounts[command.key]
        before = self.debt(command.key)
        self.owed[command.key, command.token] += command.amount
        after = self.debt(command.key)
        assert after * WAD <= account.debt_cap_usd_wad, "above the debt cap"
        assert (after - before) * WAD <= account.borrow_power_usd_wad, "above what the market lends"

    def _sell(self, command: Deleverage) -> None:
        debt, collateral = (command.key, command.token), (command.key, command.collateral)
        assert command.amount <= self.owed[debt]
        assert command.most_sold <= min(self.supplied[collateral], self.liquidity[collateral])
        # The worst that the contract lets happen: all of what may be sold is.
        self.owed[debt] -= command.amount
        self.supplied[collateral] -= command.most_sold
        self.liquidity[collateral] -= command.most_sold
        self._require_floor(command.key)

    def _require_floor(self, key: object) -> None:
        health = self.health(key)
        floor = Fraction(self.accounts[key].floor_wad, WAD)  # type: ignore[index]
        assert health is None or health >= floor, "below the health floor"
