"""The sender of everything that spends inventory, against a node in memory that mines late and is read late."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmm.chain.sender import LedgerTransactionStore, LocalTransactionKey, TransactionIntent, TransactionState
from pmm.desk.stock import Stock, StockedSender
from pmm.domain import WETH, SigningKey
from pmm.execution.book import ChainReading
from pmm.ledger import open_ledger
from tests.helpers.fake_pool import FakePool
from tests.helpers.quoting import MAKER
from tests.unit.desk.stock_reading import reading
from tests.unit.desk.test_stock import Promises, move, swap


@dataclass
class Site:
    """A settlement contract of which the balance at each block follows from what was mined."""

    held: int
    node: FakePool
    stock: Stock
    sender: StockedSender
    asked: int = 0

    def at(self, block: int) -> ChainReading:
        mined = [one for found in self.node.blocks[: block + 1] for one in found]
        spent = sum(self.spent(one.data) for one in mined)
        read = reading(weth=self.held - spent)
        return replace(read, block=replace(read.block, number=block))

    def spent(self, data: str) -> int:
        found = self.stock.spent_by(MAKER, bytes.fromhex(data[2:]))
        return found[1] if found else 0

    def turn(self, lag: int = 0) -> None:
        self.sender.step()
        self.stock.look(self.at(self.node.head - lag), self.sender.open_records)

    def ask(self, amount: int, *, moved: bool = False, key: str = "") -> bool:
        self.asked += 1
        to, data = move(amount) if moved else swap(amount)
        name = key or f"hedge:{self.asked}"
        done = self.sender.submit(TransactionIntent(key=name, purpose="p", to=to, data=data))
        return not done.refused

    @property
    def left(self) -> int:
        """What the contract holds once all that was sent is mined."""
        return self.held - sum(
            self.spent(one.data) for one in {one.hash: one for one in self.node.sent}.values()
        )


@contextmanager
def opened(held: int, promised: int) -> Iterator[Site]:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite", chain_id=1, maker=MAKER)
        node = FakePool()
        stock = Stock(MAKER, Promises({WETH.address: promised}))
        sender = StockedSender(
            stock=stock,
            node=node,
            key=LocalTransactionKey(SigningKey.generate(secrets.token_bytes)),
            store=LedgerTransactionStore(ledger),
            chain_id=1,
        )
        try:
            yield Site(held=held, node=node, stock=stock, sender=sender)
        finally:
            ledger.close()


_TURN = st.tuples(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=3),
    st.integers(0, 2),
)


@settings(max_examples=40, deadline=None)
@given(promised=st.integers(0, 100), turns=st.lists(_TURN, min_size=1, max_size=6))
def test_submit__mined_late_and_read_late__what_is_promised_is_never_spent(
    promised: int, turns: list[tuple[int, list[tuple[int, bool]], int]]
) -> None:
    with opened(100, promised) as site:
        for lag, asked, mined in turns:
            site.turn(lag)
            for amount, moved in asked:
                site.ask(amount, moved=moved)
            site.node.mine(mined)
            assert site.left >= promised


def test_submit__more_than_is_left_in_the_turn__is_refused_and_what_fits_goes() -> None:
    with opened(100, 30) as site:
        assert not site.ask(1), "nothing was counted yet"
        site.turn()
        assert site.ask(50)
        assert not site.ask(21, moved=True)
        assert site.ask(20, moved=True)
        assert site.left == 30


def test_submit__same_key_again__is_what_became_of_it_whatever_is_left() -> None:
    with opened(100, 30) as site:
        site.turn()
        assert site.ask(70, key="hedge:a")
        assert site.ask(70, key="hedge:a")
        assert len(site.node.sent) == 1


def test_submit__answer_is_lost__counts_as_sent() -> None:
    with opened(100, 30) as site:
        site.turn()
        site.node.lose_answer = True
        assert site.ask(70)
        (record,) = site.sender.open_records
        assert record.state is not TransactionState.PENDING
        assert not site.ask(1)
        site.turn()
        assert not site.ask(1)


@pytest.mark.parametrize("mined", [False, True])
def test_submit__journal_goes_while_one_is_under_way__nothing_more_is_sent(mined: bool) -> None:
    with opened(100, 0) as site:
        site.turn()
        assert site.ask(10)
        site.node.mine(int(mined))
        assert isinstance(site.stock._reservations, Promises)
        site.stock._reservations.readable = False
        site.turn()
        assert not site.ask(1)
        site.stock._reservations.readable = True
        site.turn()
        assert site.ask(1)
