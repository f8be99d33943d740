"""Keeps the lending accounts: repays promptly, holds the working buffer, de-leverages before liquidation.

``decide(state, policy)`` and ``provide(state, policy, token, amount)`` are pure. How it is joined, in ``pmm desk``::

    source = LendingStateReader(node, plan, tokens, settlement=..., spare=free_of_reservations)   # pmm.chain
    commands = LendingCommandSender(sender, settlement=..., delta_hedger=..., policy=...)         # pmm.chain
    keeper = LendingKeeper(source=source, sender=commands)
    step = keeper.step()      # once per block, after sender.step(); step.decision.shortfalls are alerts
    keeper.provide(WETH.address, amount)     # inventory that the desk lacks

``docs/lending-desk.md`` has the lines and what happens at each.
"""

from pmm.execution.lending.books import AccountBook
from pmm.execution.lending.commands import (
    Borrow,
    Command,
    Deleverage,
    KeeperDecision,
    Repay,
    Shortfall,
    Supply,
    Withdraw,
)
from pmm.execution.lending.deciding import decide, needed_swaps
from pmm.execution.lending.funding import provide, room_in
from pmm.execution.lending.keeper import (
    CommandSender,
    KeeperStep,
    LendingKeeper,
    LendingSource,
    UnderWay,
    moved_by,
)
from pmm.execution.lending.policy import KeeperPolicy
from pmm.execution.lending.state import (
    AccountKey,
    AccountState,
    KeeperState,
    LendingBalance,
    SwapRoute,
    buffer_bps,
)

__all__ = [
    "AccountBook",
    "AccountKey",
    "AccountState",
    "Borrow",
    "Command",
    "CommandSender",
    "Deleverage",
    "KeeperDecision",
    "KeeperPolicy",
    "KeeperState",
    "KeeperStep",
    "LendingBalance",
    "LendingKeeper",
    "LendingSource",
    "Repay",
    "Shortfall",
    "Supply",
    "SwapRoute",
    "UnderWay",
    "Withdraw",
    "buffer_bps",
    "decide",
    "moved_by",
    "needed_swaps",
    "provide",
    "room_in",
]
