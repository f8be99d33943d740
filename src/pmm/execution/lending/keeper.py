"""Drives the decision: reads, decides, sends; called once per block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pmm.domain import Address
from pmm.execution.lending.commands import Command, KeeperDecision, Repay, Supply
from pmm.execution.lending.deciding import decide, needed_swaps
from pmm.execution.lending.funding import provide
from pmm.execution.lending.policy import KeeperPolicy
from pmm.execution.lending.state import AccountKey, KeeperState, LendingBalance, SwapRoute

_NEVER_BPS = 10**9


class LendingSource(Protocol):
    """Where states come from."""

    def read(self) -> KeeperState:
        """Return the accounts as the newest block has them; raise ChainError where they cannot be read."""
        ...

    def swaps(
        self, pairs: Sequence[tuple[LendingBalance, LendingBalance]]
    ) -> Mapping[tuple[Address, Address], SwapRoute]:
        """Return ways from collateral to debt, those that exist within the allowed cost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A command whose transactions are not mined yet; ``moved`` of ``token`` leaves the stock by it."""

    account: AccountKey
    token: Address
    moved: int
    urgent: bool


class CommandSender(Protocol):
    """Who turns commands into transactions, each once."""

    def under_way(self) -> Sequence[UnderWay]:
        """Return commands that are not mined, also those of a process that died."""
        ...

    def send(self, command: Command, *, block: int) -> str:
        """Send a command; return why not, or nothing where it is on its way."""
        ...

    def hurry(self, account: AccountKey) -> None:
        """Let an account's transactions pay what urgent ones may."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperStep:
    """What one step did: commands sent, commands refused with their reason, and the decision behind them."""

    state: KeeperState
    decision: KeeperDecision
    sent: tuple[Command, ...] = ()
    refused: tuple[tuple[Command, str], ...] = field(default=())


class LendingKeeper:
    """Keeps the lending accounts at their working buffer. Raises what source and sender raise."""

    def __init__(
        self, *, source: LendingSource, sender: CommandSender, policy: KeeperPolicy | None = None
    ) -> None:
        self.policy = policy or KeeperPolicy()
        self._source, self._sender = source, sender

    def step(self) -> KeeperStep:
        """Read, decide and send."""
        state, busy = self._state()
        pairs = needed_swaps(state, self.policy)
        if pairs:
            state = replace(state, swaps=self._source.swaps(pairs))
        return self._carry_out(state, decide(state, self.policy, busy=busy))

    def restore(self, account: Address | None) -> KeeperStep:
        """Bring one account, or all, worst first, to the working buffer now, without waiting for the line below it.

        Collateral is sold only below the line at which the keeper sells it by itself; nothing is taken out. Doing it
        again finds the account busy, or restored.
        """
        state, busy = self._state()
        if account is not None:
            state = replace(state, accounts=tuple(one for one in state.accounts if one.address == account))
        policy = replace(
            self.policy,
            rebalance_below_bps=self.policy.working_buffer_bps,
            surplus_above_bps=max(self.policy.surplus_above_bps, _NEVER_BPS),
        )
        pairs = needed_swaps(state, policy)
        if pairs:
            state = replace(state, swaps=self._source.swaps(pairs))
        return self._carry_out(state, decide(state, policy, busy=busy))

    def provide(self, token: Address, amount: int) -> KeeperStep:
        """Bring an amount to the settlement contract out of the lending accounts, as far as it is there."""
        state, busy = self._state()
        commands, _ = provide(state, self.policy, token, amount, busy=busy)
        return self._carry_out(state, KeeperDecision(commands=commands))

    def _state(self) -> tuple[KeeperState, frozenset[AccountKey]]:
        # Before the state: what is mined in between is then in both, which only waits a step longer.
        under_way = self._sender.under_way()
        state = self._source.read()
        stock = dict(state.stock)
        for one in under_way:
            stock[one.token] = max(stock.get(one.token, 0) - one.moved, 0)
        self._hurry(state, under_way)
        return replace(state, stock=stock), frozenset(one.account for one in under_way)

    def _hurry(self, state: KeeperState, under_way: Sequence[UnderWay]) -> None:
        patient = {one.account for one in under_way if not one.urgent}
        for account in state.accounts:
            buffer = account.buffer_bps
            if account.key in patient and buffer is not None and buffer < self.policy.deleverage_below_bps:
                self._sender.hurry(account.key)

    def _carry_out(self, state: KeeperState, decision: KeeperDecision) -> KeeperStep:
        sent: list[Command] = []
        refused: list[tuple[Command, str]] = []
        for command in decision.commands:
            why_not = self._sender.send(command, block=state.block)
            if why_not:
                refused.append((command, why_not))
            else:
                sent.append(command)
        return KeeperStep(state=state, decision=decision, sent=tuple(sent), refused=tuple(refused))


def moved_by(command: Command) -> int:
    """Return what a command takes out of the stock."""
    return command.moved if isinstance(command, Supply | Repay) else 0
