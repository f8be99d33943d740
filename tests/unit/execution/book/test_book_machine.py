"""The book equals a model of the chain after every step, whatever is undone, comes twice, or was adopted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pmm.domain import USDC, WETH, BlockRef, ChainChange, ChainEvent, TokenMoved, keccak256
from pmm.execution.book import (
    AccountKind,
    BalanceKey,
    BookScope,
    Cause,
    ChainReading,
    InventoryBook,
    reconcile,
)
from tests.helpers.hedging import LENDING, POOL, SETTLEMENT, place

_ACCOUNTS = (SETTLEMENT, LENDING, POOL)
_SCOPE = BookScope(
    accounts={SETTLEMENT: AccountKind.CONTRACT, LENDING: AccountKind.CONTRACT},
    tokens=(WETH.address, USDC.address),
)
_MOVE = st.tuples(
    st.sampled_from(_ACCOUNTS),
    st.sampled_from(_ACCOUNTS),
    st.sampled_from(_SCOPE.tokens),
    st.integers(0, 10**20),
)


class BookMachine(RuleBasedStateMachine):
    """A chain of transfers, some of them silent, with reorganisations, told late, twice, or in pieces."""

    def __init__(self) -> None:
        super().__init__()
        start = BlockRef(number=0, hash=b"\0" * 32, parent_hash=b"", time_s=0)
        self.blocks: list[tuple[BlockRef, tuple[ChainEvent, ...], dict[BalanceKey, int]]] = [(start, (), {})]
        self.told: list[tuple[BlockRef, tuple[ChainEvent, ...]]] = [(start, ())]
        self.numbers = 0
        self.book = InventoryBook(scope=_SCOPE)
        reconcile(self.book, self.reading())
        self.silent = False
        self.silent_blocks: set[bytes] = set()

    def reading(self) -> ChainReading:
        balances = {BalanceKey(account, token): 0 for account in _SCOPE.accounts for token in _SCOPE.tokens}
        for _, _, deltas in self.blocks:
            for key, amount in deltas.items():
                balances[key] += amount
        return ChainReading(block=self.blocks[-1][0], balances=balances, lending={})

    @rule(moves=st.lists(_MOVE, max_size=4), silent=st.sampled_from([0, 0, 0, 1, -1]))
    def mine(self, moves: list[Any], silent: int) -> None:
        parent = self.blocks[-1][0]
        self.numbers += 1
        ref = BlockRef(
            number=parent.number + 1,
            hash=keccak256(f"{self.numbers}".encode()),
            parent_hash=parent.hash,
            time_s=self.numbers,
        )
        events: list[ChainEvent] = []
        deltas: dict[BalanceKey, int] = {}
        for index, (sender, receiver, token, amount) in enumerate(moves):
            events.append(
                TokenMoved(
                    place=place(ref, b"t" * 32, index),
                    token=token,
                    sender=sender,
                    receiver=receiver,
                    amount=amount,
                )
            )
            for account, sign in ((sender, -1), (receiver, 1)):
                if account in _SCOPE.accounts:
                    key = BalanceKey(account, token)
                    deltas[key] = deltas.get(key, 0) + sign * amount
        if silent:
            key = BalanceKey(SETTLEMENT, USDC.address)
            deltas[key] = deltas.get(key, 0) + silent
            self.silent = True
            self.silent_blocks.add(ref.hash)
        self.blocks.append((ref, tuple(events), deltas))

    @rule(depth=st.integers(1, 3))
    def reorganise(self, depth: int) -> None:
        for _ in range(min(depth, len(self.blocks) - 1)):
            ref, _, _ = self.blocks.pop()
            # A silent change goes with its block, as silently.
            self.silent = self.silent or ref.hash in self.silent_blocks
        self.mine([], 0)

    @rule(twice=st.booleans())
    def tell(self, twice: bool) -> None:
        common = 0
        chain = [(ref, events) for ref, events, _ in self.blocks]
        while common < min(len(self.told), len(chain)) and self.told[common][0].hash == chain[common][0].hash:
            common += 1
        removed = [one for _, events in reversed(self.told[common:]) for one in reversed(events)]
        added = [one for _, events in chain[common:] for one in events]
        step = ChainChange(removed=tuple(removed), added=tuple(added), head=chain[-1][0], finalised=0)
        for _ in range(1 + twice):
            self.book.apply(step)
        self.told = chain

    @rule()
    def compare(self) -> None:
        outcome = reconcile(self.book, self.reading())
        if self.told[-1][0].hash != self.blocks[-1][0].hash:
            assert all(one.cause is Cause.REORG_IN_PROGRESS for one in outcome.differences)
            return
        if not self.silent:
            causes = {one.cause for one in outcome.differences}
            assert causes <= {Cause.LIQUIDATION_OR_REORG}, outcome.differences
        self.silent = False
        assert self.book.balances == self.reading().balances
        assert reconcile(self.book, self.reading()).clean

    @invariant()
    def equals_the_chain(self) -> None:
        told_all = self.told[-1][0].hash == self.blocks[-1][0].hash
        if told_all and not self.silent and not self.book.stale:
            assert self.book.balances == self.reading().balances


TestBook = BookMachine.TestCase
TestBook.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def _never_undoes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(InventoryBook, "_undo", lambda self, event: None)


def _counts_twice(patch: pytest.MonkeyPatch) -> None:
    do = InventoryBook._do

    def twice(self: Any, event: ChainEvent) -> None:
        self._applied.pop(event.place.key, None)
        do(self, event)

    patch.setattr(InventoryBook, "_do", twice)


def _is_one_unit_off(patch: pytest.MonkeyPatch) -> None:
    changes = InventoryBook._changes

    def off(self: Any, event: ChainEvent) -> Any:
        if isinstance(event, TokenMoved) and event.amount > 3:
            event = replace(event, amount=event.amount - 1)
        return changes(self, event)

    patch.setattr(InventoryBook, "_changes", off)


@pytest.mark.parametrize("plant", [_never_undoes, _counts_twice, _is_one_unit_off])
def test_machine__planted_fault__is_seen(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    wide = settings(
        max_examples=5_000,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises((AssertionError, KeyError, ExceptionGroup)):
        run_state_machine_as_test(BookMachine, settings=wide)


def test_book__silent_change_adopted_in_a_block_that_is_replaced__waits_for_the_next_reading() -> None:
    machine = BookMachine()
    machine.mine([], 1)
    machine.tell(twice=False)
    machine.compare()
    machine.reorganise(1)
    machine.mine([], 0)
    machine.tell(twice=False)
    machine.compare()
    machine.reorganise(2)
    machine.mine([(SETTLEMENT, "0x00000000000000000000000000000000000000A2", USDC.address, 1)], 0)
    machine.tell(twice=False)
    machine.equals_the_chain()
    machine.compare()
    assert not machine.book.stale
