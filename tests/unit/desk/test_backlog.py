"""What happened while the desk was away is taken in as a whole, and hedged once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pmm.chain.indexer import ChainFeed, Delivery
from pmm.desk.backlog import Backlog
from pmm.domain import USDC, WETH
from pmm.execution.book import AccountKind, BookScope, InventoryBook
from pmm.execution.hedging import HedgedAsset, HedgeLedger, Hedger, HedgerPolicy, Immediate, LegDesk
from pmm.execution.ledger import LedgerTransaction
from pmm.ledger import open_ledger
from tests.helpers.fake_chain import SETTLEMENT, TAKER, WATCH, FakeChain, LogSpec, fill, transfer
from tests.helpers.hedging import ETHER, FakeSender, FlatRoute, market
from tests.helpers.indexing import Site, hashes, open_site

_MOST_READS = 20


class _BoundedFeed(ChainFeed):
    """Fails where it is asked without end."""

    reads = 0

    def pending(self, t: LedgerTransaction, consumer: str) -> Delivery | None:
        self.reads += 1
        assert self.reads < _MOST_READS, "the backlog is read without end"
        return super().pending(t, consumer)


@dataclass
class World:
    chain: FakeChain
    site: Site
    hedger: Hedger
    sender: FakeSender
    backlog: Backlog

    def turn(self) -> list[int]:
        """Take in what waits and hedge; return the numbers of the fills that came."""
        changes = self.backlog.take_in(market(), 1, followed=False)
        self.hedger.step(now_ms=1, market=market())
        return [number for change in changes for number in hashes(change.added)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    ledger = open_ledger(tmp_path / "ledger.sqlite", chain_id=1, maker=SETTLEMENT)
    chain, sender = FakeChain(), FakeSender()
    chain.mine()
    site = open_site(ledger, chain)
    site.catch_up()
    hedger = Hedger(
        ledger=HedgeLedger(ledger),
        routes=(FlatRoute(),),
        desk=LegDesk(sender),
        policy=HedgerPolicy(
            accounts=frozenset(WATCH.accounts),
            assets=(HedgedAsset(asset=WETH, quote=USDC, strategy=Immediate()),),
        ),
    )
    book = InventoryBook(scope=BookScope(accounts={SETTLEMENT: AccountKind.CONTRACT}, tokens=WATCH.tokens))
    # Two steps a delivery: each fill of three events is one of its own.
    backlog = Backlog(ledger, book, hedger, _BoundedFeed(most_steps=2))
    backlog.begin()
    yield World(chain, site, hedger, sender, backlog)
    ledger.close()


def traded(number: int, *, sells: int = 0, buys: int = 0) -> tuple[LogSpec, ...]:
    """A fill in which we sell or buy, with its transfers."""
    usdc = (sells or buys) * 3_000 // 10**12
    ours, theirs = ((WETH, sells), (USDC, usdc)) if sells else ((USDC, usdc), (WETH, buys))
    return (
        transfer(theirs[0].address, TAKER, SETTLEMENT, theirs[1]),
        transfer(ours[0].address, SETTLEMENT, TAKER, ours[1]),
        fill(number, making=ours[1], taking=theirs[1]),
    )


def test_backlog__that_nets_to_nothing__is_taken_in_and_not_hedged(world: World) -> None:
    world.chain.mine(*traded(1, sells=ETHER))
    world.chain.mine(*traded(2, buys=ETHER))
    world.site.catch_up()
    assert world.turn() == [1, 2]
    assert world.sender.submitted == []
    assert world.hedger.open_delta(WETH.address) == 0


def test_backlog__of_several_fills__is_hedged_by_one_trade_of_their_sum(world: World) -> None:
    for number in (1, 2, 3):
        world.chain.mine(*traded(number, sells=ETHER))
    world.site.catch_up()
    assert world.turn() == [1, 2, 3]
    assert len(world.sender.submitted) == 1
    assert world.hedger.in_flight(WETH.address) == 3 * ETHER


def test_steps__that_undo_each_other__are_passed_and_what_waits_behind_comes(world: World) -> None:
    world.chain.mine(transfer(WETH.address, TAKER, SETTLEMENT, 1))
    world.site.catch_up()
    world.chain.reorg(1, traded(2, sells=ETHER))
    world.site.catch_up()
    assert world.turn() == [2]
    assert world.turn() == []
    assert len(world.sender.submitted) == 1
