"""Reads out of the desk's turns what it did about one request."""

from __future__ import annotations

import time
from collections import Counter
from decimal import Decimal
from typing import Any

from pmm.chain.rpc import JsonRpc
from pmm.demo.accounts import LENDING, SETTLEMENT
from pmm.demo.desk_facts import DeskFacts, Hedge, PaperTrade, Possible, Repayment, Warned
from pmm.demo.swap_events import swap_amounts
from pmm.desk import Desk, DeskTurn
from pmm.desk.backtest_ledger import var_days
from pmm.desk.gauges import unhedged
from pmm.domain import USDC, WETH, Address, ChainEvent, LendingAction, LendingChanged, OrderFilled, TokenMoved
from pmm.execution.actions import Status
from pmm.execution.book import BalanceKey
from pmm.execution.lending import Repay, Supply
from pmm.risk.state_machine import Phase
from pmm.risk.var_record import judge

_METRIC = ("net_delta_pct", WETH.symbol)
_TOLD = {Status.GAVE_UP: "refused"}
# Where an amount goes in each action: out of the lending account, or into the inventory.
_FLOWS = {
    LendingAction.SUPPLY: (LENDING, -1),
    LendingAction.REPAY: (LENDING, -1),
    LendingAction.WITHDRAW: (SETTLEMENT, 1),
    LendingAction.BORROW: (SETTLEMENT, 1),
}


class TurnWatch:
    """Takes in the turns after one request.

    Attributes:
        delta_usd: the largest delta that was seen, US dollars.
        moves: what the desk moved, base units per account and asset.
        hedges: its swaps.
    """

    def __init__(self, desk: Desk, rpc: JsonRpc, number: int) -> None:
        self._desk, self._rpc, self._number = desk, rpc, number
        self.delta_usd = Decimal(0)
        self.moves: Counter[tuple[str, str]] = Counter()
        self.hedges: list[Hedge] = []
        self._differences = 0
        self._filled: set[bytes] = set()
        self._swapped: set[bytes] = set()
        self._repaid: Counter[Address] = Counter()
        self._inventory = [self._held()] if desk.book.balances else []
        self._papers = set(self._paper_orders())

    def take_in(self, turn: DeskTurn) -> None:
        """Look at a turn."""
        self._differences += len(turn.reconciliation.differences)
        events = [event for change in turn.changes for event in change.added]
        self._filled |= {one.place.transaction_hash for one in events if isinstance(one, OrderFilled)}
        before_usd, now_usd = self.delta_usd, self._delta_usd()
        self._inventory.append(self._held())
        for event in events:
            self._take_in_event(event, before_usd, now_usd)
        if abs(now_usd) > abs(self.delta_usd):
            self.delta_usd = now_usd
        for command in turn.kept.sent if turn.kept else ():
            if isinstance(command, Repay | Supply):
                self.moves[SETTLEMENT, command.token] -= command.moved
                self.moves[LENDING, command.token] += command.moved

    def paper(self) -> list[PaperTrade]:
        """Return what was filled on paper, once the turns are over."""
        found: list[PaperTrade] = []
        after_usd = self._delta_usd()
        position = sum(one.amount for one in self._desk.paper.positions())
        for key, (filled, price_e36) in self._paper_orders().items():
            if key not in self._papers:
                found.append(
                    PaperTrade(
                        number=self._number,
                        amount=filled,
                        price_usd=Decimal(price_e36).scaleb(WETH.decimals - 36),
                        delta_usd=after_usd - self._usd(WETH.address, filled),
                        delta_after_usd=after_usd,
                        position=position,
                    )
                )
        return found

    def add_to(self, facts: DeskFacts) -> None:
        """Add what was seen to the day's facts."""
        facts.hedges += self.hedges
        facts.moves.update(self.moves)
        facts.differences += self._differences

    def repayments(self, owed_before: int, owed_after: int) -> list[Repayment]:
        """Return what was repaid, with what was owed before and after."""
        return [
            Repayment(token=token, owed_before=owed_before, repaid=amount, owed_after=owed_after)
            for token, amount in self._repaid.items()
        ]

    # ---------------------------------------------------------------------------------------------- internal

    def _take_in_event(self, event: ChainEvent, before_usd: Decimal, now_usd: Decimal) -> None:
        if isinstance(event, LendingChanged) and event.action in _FLOWS:
            account, sign = _FLOWS[event.action]
            self.moves[account, event.token] += sign * event.amount
            if event.action is LendingAction.REPAY:
                self._repaid[event.token] += event.amount
        elif isinstance(event, TokenMoved):
            found = event.place.transaction_hash
            if found in self._filled | self._swapped or self._desk.scene.settlement not in (
                event.sender,
                event.receiver,
            ):
                return
            self._swapped.add(found)
            receipt: dict[str, Any] = self._rpc.call("eth_getTransactionReceipt", "0x" + found.hex())
            self._take_in_swap(receipt, before_usd, now_usd)

    def _take_in_swap(self, receipt: dict[str, Any], before_usd: Decimal, now_usd: Decimal) -> None:
        amounts = swap_amounts(receipt, WETH, USDC)
        if amounts is None:
            return
        # Positive is what the pool took.
        sold, bought = (WETH, USDC) if amounts[WETH.address] > 0 else (USDC, WETH)
        sold_amount, bought_amount = amounts[sold.address], -amounts[bought.address]
        self.moves[SETTLEMENT, sold.address] -= sold_amount
        self.moves[SETTLEMENT, bought.address] += bought_amount
        self.hedges.append(
            Hedge(
                number=self._number,
                sold=sold.address,
                sold_amount=sold_amount,
                bought=bought.address,
                bought_amount=bought_amount,
                cost_usd=self._usd(sold.address, sold_amount) - self._usd(bought.address, bought_amount),
                delta_usd=before_usd,
                delta_after_usd=now_usd,
                inventory_before=self._inventory[0],
                inventory_at_fill=self._inventory[-2],
                inventory_after=self._inventory[-1],
                transaction_hash=str(receipt["transactionHash"]),
            )
        )

    def _paper_orders(self) -> dict[str, tuple[int, int]]:
        rows = self._desk.ledger.read("SELECT order_key, filled, price_usd_e36 FROM hedging_paper_orders")
        return {key: (int(filled), int(price)) for key, filled, price in rows}

    def _held(self) -> int:
        return self._desk.book.balances[BalanceKey(self._desk.scene.settlement, WETH.address)]

    def _delta_usd(self) -> Decimal:
        return self._usd(WETH.address, unhedged(self._desk.hedger, WETH.address))

    def _usd(self, token: Address, amount: int) -> Decimal:
        market = self._desk.gauges.market
        price_e36 = market.usd_per_unit_e36[token] if market else 0
        return Decimal(amount * price_e36).scaleb(-36)


def possible_losses(desk: Desk) -> list[Possible]:
    """Return what each method says may be lost, once value at risk and the verdict on it are known; none before."""
    days = var_days(desk.ledger)
    verdicts = {one.method: one for one in judge(days) if one.zone is not None}
    tails = desk.risk.clock.tails
    if not tails or not verdicts:
        return []
    return [
        Possible(
            method=method,
            var_usd=Decimal(round(tail.value_at_risk_usd)),
            shortfall_usd=Decimal(round(tail.expected_shortfall_usd)),
            verdict=verdicts[method].sentence,
        )
        for method, tail in tails.items()
        if method in verdicts
    ]


class RiskWatch:
    """What the desk's risk made of one request: read back from its ledger."""

    def __init__(self, desk: Desk, number: int) -> None:
        self._desk, self._number = desk, number
        self._from_ms = time.time_ns() // 1_000_000

    @property
    def is_normal(self) -> bool:
        """Whether delta is."""
        state = self._desk.risk.monitor.states.get(_METRIC)
        return state is not None and state.phase is Phase.NORMAL

    def found(self) -> list[Warned]:
        """Return the warning that came and went, if any."""
        until_ms = time.time_ns() // 1_000_000
        record = self._desk.risk.record
        moved = [
            one.transition
            for one in record.transitions(self._from_ms, until_ms + 1)
            if (one.transition.name, one.transition.key) == _METRIC
        ]
        if not moved:
            return []
        asked = [
            f"{one.kind.value} {one.subject} ({_TOLD.get(one.status, one.status.value)})"
            for one in record.commands(self._from_ms, until_ms + 1)
            if _METRIC[0] in one.reason
        ]
        return [
            Warned(
                number=self._number,
                metric=f"{_METRIC[0]}[{_METRIC[1]}]",
                phases=tuple(one.after.value for one in moved),
                worst_pct=max((Decimal(str(one.value or 0)) for one in moved), key=abs),
                asked=tuple(asked),
                after_pct=Decimal(str(moved[-1].value or 0)),
                lasted_s=Decimal(moved[-1].at_ms - moved[0].at_ms) / 1000,
            )
        ]
