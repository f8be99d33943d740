"""A lending account on genuine Aave and Compound code, its keeper, and a liquidator."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pmm.chain.addresses import AAVE_V3_POOL
from pmm.chain.lending_reader import LendingPlan
from pmm.chain.lending_state import LendingStateReader
from pmm.chain.sender import TransactionSender, TransactionState
from pmm.domain import USDC, WETH, Address
from pmm.domain.chain_events import LendingMarket
from pmm.errors import ChainError
from pmm.execution.lending import AccountState, KeeperStep, LendingKeeper
from pmm.localnet.addresses import keyless_account
from pmm.localnet.funding import balance_of, deal
from pmm.localnet.mining import wait_until_mined
from pmm.localnet.placement import ChainBuilder
from pmm.localnet.prices import set_price

AAVE, COMPOUND = LendingMarket.AAVE_V3, LendingMarket.COMPOUND_V2
NUMBERS = {AAVE: 1, COMPOUND: 2}
_LIQUIDATOR = keyless_account("liquidator")
_LIQUIDATE = "liquidationCall(address,address,address,uint256,bool)"


@dataclass
class Site:
    """``spare`` is what the keeper may use of the inventory."""

    chain: ChainBuilder
    settlement: Address
    owner: str
    plan: LendingPlan
    sender: TransactionSender
    source: LendingStateReader
    keeper: LendingKeeper
    spare: dict[Address, int]

    def operate(self, to: str, signature: str, *arguments: Any) -> None:
        """Send as the operator, beside the sender: its key is in this process only."""
        self.chain.transact(to, signature, *arguments, sender=self.sender.address)
        self.settle()

    def open(
        self, market: LendingMarket, *, collateral: str, supplied: int, debt: str, buffer_bps: int
    ) -> None:
        """Supply collateral and borrow as much as leaves a buffer."""
        deal(
            self.chain.rpc,
            collateral,
            self.settlement,
            supplied + balance_of(self.chain.rpc, collateral, self.settlement),
        )
        self.operate(self.settlement, "moveToLending(address,uint256)", collateral, supplied)
        self.operate(
            self.plan.account, "supply(uint256,address,uint256)", NUMBERS[market], collateral, supplied
        )
        account = self.account(market)
        line = next(one for one in account.balances if one.token.address == debt)
        owed = line.amount_down(account.weighted_usd_wad * 10_000 // (10_000 + buffer_bps))
        self.operate(self.plan.account, "borrow(uint256,address,uint256)", NUMBERS[market], debt, owed)

    def settle(self) -> None:
        """Let everything that was sent be mined; nothing of it may have reverted."""
        wait_until_mined(self.chain.rpc)
        changed = self.sender.step()
        assert not [record for record in changed if record.state is TransactionState.REVERTED], changed
        assert not self.sender.open_records

    def account(self, market: LendingMarket) -> AccountState:
        """Return the account as the keeper's reader sees it."""
        return next(one for one in self.source.read().accounts if one.market is market)

    def buffer_bps(self, market: LendingMarket = AAVE) -> int:
        """Return the buffer by the contract's own health."""
        health = self.chain.read(self.plan.account, "health(uint256)", NUMBERS[market])
        return (int(health) - 10**18) * 10_000 // 10**18

    def spend(self, token: Address, amount: int) -> None:
        """Put an amount into the inventory and let the keeper use it."""
        deal(
            self.chain.rpc,
            token,
            self.settlement,
            amount + balance_of(self.chain.rpc, token, self.settlement),
        )
        self.spare[token] = amount

    def keep(self, *, expect: int | None = None) -> KeeperStep:
        """Let the keeper step and everything be mined; it must all have succeeded."""
        step = self.keeper.step()
        self.settle()
        for command in step.sent:
            if hasattr(command, "moved"):
                self.spare[command.token] = self.spare.get(command.token, 0) - command.moved
        assert step.refused == (), step.refused
        if expect is not None:
            assert len(step.sent) == expect, step
        return step

    def move_eth(self, usd: Decimal) -> None:
        """Move the genuine feed and the pools to a price."""
        set_price(self.chain.rpc, "ETH", usd)

    def liquidation(self, *, collateral: str = WETH.address, debt: str = USDC.address) -> str:
        """Let a stranger liquidate our account on Aave's own code; return why not, or nothing where it worked."""
        amount = 1_000 * 10**6 if debt == USDC.address else 10**17
        deal(self.chain.rpc, debt, _LIQUIDATOR, amount)
        self.chain.transact(debt, "approve(address,uint256)", AAVE_V3_POOL, amount, sender=_LIQUIDATOR)
        try:
            self.chain.transact(
                AAVE_V3_POOL,
                _LIQUIDATE,
                *(collateral, debt, self.plan.account, amount, False),
                sender=_LIQUIDATOR,
            )
        except ChainError as error:
            return str(error)
        return ""
