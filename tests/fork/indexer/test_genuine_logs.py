"""On the fork: what the indexer tells is what the contracts did, through real reorganisations."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pmm.chain.deployments import load_deployment
from pmm.chain.indexer import (
    ChainFeed,
    EventDecoder,
    Indexer,
    IndexPolicy,
    IndexStore,
    KnownOrder,
    OrderLookup,
    WatchList,
    topics,
    watch_list,
)
from pmm.chain.lending_reader import find_lending
from pmm.chain.node_pool import NodePool
from pmm.chain.web3_node import Web3Node
from pmm.domain import (
    USDC,
    WETH,
    Address,
    ChainChange,
    ChainEvent,
    LendingAction,
    LendingChanged,
    LendingMarket,
    OrderFilled,
    OrdersCancelled,
    TokenMoved,
    parse_address,
)
from pmm.execution import CONTRACT_VENUES, Settlement
from pmm.ledger import Ledger, open_ledger
from pmm.localnet.funding import balance_of
from pmm.localnet.placement import ChainBuilder
from tests.fork.server.site import TAKER, Deployed, Server, fill, serving

TOKENS = (WETH, USDC)
POLICY = IndexPolicy(rollback_after_s=0)


class Follower:
    """An indexer on the fork with a ledger of its own."""

    def __init__(self, deployed: Deployed, path: Path, lookup: OrderLookup = lambda _hash: None) -> None:
        self.watch = _watched(deployed)
        self.ledger: Ledger = open_ledger(path, chain_id=1, maker=self.watch.settlement)
        self.pool = NodePool([deployed.rpc.url], timeout_s=20)
        self.indexer = Indexer(
            nodes=self.pool,
            store=IndexStore(self.ledger),
            watch=self.watch,
            decoder=EventDecoder(self.watch, lookup),
            policy=POLICY,
        )
        self.feed = ChainFeed()

    def catch_up(self) -> None:
        while self.indexer.step() is not None:
            pass

    def read_on(self, consumer: str = "test") -> ChainChange:
        self.catch_up()
        with self.ledger.transaction() as t:
            delivery = self.feed.pending(t, consumer)
            assert delivery is not None
            self.feed.acknowledge(t, consumer, delivery)
        return delivery.change

    def canonical(self) -> list[ChainEvent]:
        with self.ledger.transaction() as t:
            delivery = self.feed.pending(t, "nobody yet")
        assert delivery is not None
        return list(delivery.change.added)

    def close(self) -> None:
        self.ledger.close()
        self.pool.close()


def _watched(deployed: Deployed) -> WatchList:
    settlement = parse_address(deployed.settlement)
    lending = find_lending(Web3Node(deployed.rpc.url, timeout_s=30), settlement, TOKENS)
    return watch_list(load_deployment(deployed.record), TOKENS, lending=lending)


@pytest.fixture
def follower(deployed: Deployed, tmp_path: Path) -> Iterator[Follower]:
    found = Follower(deployed, tmp_path / "ledger.sqlite")
    yield found
    found.close()


def held(deployed: Deployed, watch: WatchList) -> dict[tuple[Address, Address], int]:
    return {
        (account, token): balance_of(deployed.rpc, token, account)
        for account in watch.accounts
        for token in watch.tokens
    }


def moved(events: list[ChainEvent], watch: WatchList) -> dict[tuple[Address, Address], int]:
    """Sum of all transfers, per account and token."""
    sums: dict[tuple[Address, Address], int] = defaultdict(int)
    for event in events:
        if isinstance(event, TokenMoved):
            sums[event.sender, event.token] -= event.amount
            sums[event.receiver, event.token] += event.amount
    return {(account, token): sums[account, token] for account in watch.accounts for token in watch.tokens}


def difference(
    after: dict[tuple[Address, Address], int], before: dict[tuple[Address, Address], int]
) -> dict[tuple[Address, Address], int]:
    return {key: after[key] - before[key] for key in after}


def kinds(events: tuple[ChainEvent, ...], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("known", [False, True])
def test_fill__on_both_venues__is_told_to_the_unit(
    server: Server, chain: ChainBuilder, deployed: Deployed, tmp_path: Path, known: bool
) -> None:
    answers = [server.quote(settlement=venue.value) for venue in CONTRACT_VENUES]
    orders = {answer.signed.order_hash: answer.signed.order for answer in answers}

    def lookup(order_hash: bytes) -> KnownOrder | None:
        order = orders.get(order_hash)
        if order is None:
            return None
        return KnownOrder(
            maker_asset=order.maker_asset,
            taker_asset=order.taker_asset,
            making_amount=order.making_amount,
            taking_amount=order.taking_amount,
        )

    follower = Follower(deployed, tmp_path / "ledger.sqlite", lookup if known else lambda _hash: None)
    before = held(deployed, follower.watch)
    follower.read_on()
    for answer in answers:
        fill(chain, answer)
    told = follower.read_on()
    found = {event.order_hash: event for event in kinds(told.added, OrderFilled)}
    assert set(found) == set(orders)
    for answer in answers:
        event, order = found[answer.signed.order_hash], answer.signed.order
        assert (event.maker_asset, event.making_amount) == (order.maker_asset, order.making_amount)
        assert (event.taker_asset, event.taking_amount) == (order.taker_asset, order.taking_amount)
        assert (event.taker, event.settled_by) == (TAKER, answer.signed.domain.verifying_contract)
    assert moved(list(told.added), follower.watch) == difference(held(deployed, follower.watch), before)
    follower.close()


@pytest.mark.parametrize("venue", CONTRACT_VENUES)
@pytest.mark.parametrize("way", ["anvil_reorg", "rollback"])
def test_reorg__takes_a_fill_out__is_told_and_the_books_equal_the_chain(
    server: Server, chain: ChainBuilder, deployed: Deployed, follower: Follower, venue: Settlement, way: str
) -> None:
    follower.read_on()
    before = held(deployed, follower.watch)
    snapshot = deployed.rpc.call("evm_snapshot")
    fill(chain, server.quote(settlement=venue.value))
    deployed.rpc.call("anvil_mine", "0x2")
    (filled,) = kinds(follower.read_on().added, OrderFilled)
    if way == "anvil_reorg":
        # Empty blocks in the place of the last four, the fill among them.
        deployed.rpc.call("anvil_reorg", 4, [])
    else:
        deployed.rpc.call("evm_revert", snapshot)
    told = follower.read_on()
    assert kinds(told.removed, OrderFilled) == [filled]
    assert told.added == ()
    assert held(deployed, follower.watch) == before
    assert not any(isinstance(event, OrderFilled) for event in follower.canonical())


def test_lending__on_genuine_markets__is_told_and_the_books_equal_the_chain(
    lending_desk: Deployed, tmp_path: Path
) -> None:
    follower = Follower(lending_desk, tmp_path / "ledger.sqlite")
    follower.read_on()
    (account,) = follower.watch.lending_accounts
    before = held(lending_desk, follower.watch)
    steps = (
        ("withdraw(uint256,address,uint256)", USDC, 1_000 * 10**6, LendingAction.WITHDRAW),
        ("borrow(uint256,address,uint256)", WETH, 10**18, LendingAction.BORROW),
        ("repay(uint256,address,uint256)", WETH, 10**17, LendingAction.REPAY),
        ("supply(uint256,address,uint256)", USDC, 500 * 10**6, LendingAction.SUPPLY),
    )
    with ChainBuilder(lending_desk.rpc) as chain:
        operator = chain.read(lending_desk.settlement, "operator()", returns=("address",))
        for number, market in ((1, LendingMarket.AAVE_V3), (2, LendingMarket.COMPOUND_V2)):
            for signature, token, amount, action in steps:
                if action in (LendingAction.REPAY, LendingAction.SUPPLY):
                    chain.transact(token.address, "transfer(address,uint256)", account, amount, sender=TAKER)
                chain.transact(account, signature, number, token.address, amount, sender=operator)
                told = follower.read_on()
                (found,) = kinds(told.added, LendingChanged)
                assert (found.market, found.action, found.account) == (market, action, account)
                assert (found.token, found.amount) == (token.address, amount)
    after = held(lending_desk, follower.watch)
    told_since = [event for event in follower.canonical() if event.place.block.number > _first(follower)]
    assert moved(told_since, follower.watch) == difference(after, before)
    follower.close()


def _first(follower: Follower) -> int:
    """Block that the present test began at: that of the last supply of the fixture."""
    supplies = [
        event.place.block.number
        for event in follower.canonical()
        if isinstance(event, LendingChanged) and event.amount == 300_000 * 10**6
    ]
    return max(supplies)


def test_cancel__of_a_lane__is_told_with_its_words(
    deployed: Deployed, chain: ChainBuilder, follower: Follower
) -> None:
    follower.read_on()
    signer = deployed.owner
    chain.transact(deployed.settlement, "initLanes(address,uint256)", signer, 2, sender=deployed.owner)
    chain.transact(deployed.settlement, "pauseSigner(address)", signer, sender=deployed.owner)
    chain.transact(deployed.settlement, "cancelLane(address,uint40)", signer, 1, sender=deployed.owner)
    found = [(event.what, event.words[0]) for event in kinds(follower.read_on().added, OrdersCancelled)]
    assert [what for what, _ in found] == ["LanesInitialised", "SignerPaused", "LaneCancelled"]
    assert {word for _, word in found} == {int(signer, 16)}


def test_topics__of_our_settlement__are_those_of_its_abi() -> None:
    abi = json.loads((Path(topics.__file__).parents[1] / "abis" / "RfqSettlement.json").read_text())
    signatures = {
        f"{one['name']}({','.join(given['type'] for given in one['inputs'])})"
        for one in abi
        if one["type"] == "event"
    }
    known = {topics.topic(signature) for signature in signatures}
    assert {topics.SETTLEMENT_FILLED, *topics.SETTLEMENT_CANCELS} <= known


def test_soak__random_fills_and_reorgs__the_ledger_equals_one_filled_from_scratch(
    deployed: Deployed, chain: ChainBuilder, journal: Path, tmp_path: Path
) -> None:
    follower = Follower(deployed, tmp_path / "ledger.sqlite")
    booked: dict[tuple[bytes, int], ChainEvent] = {}
    first = follower.read_on()
    _book(booked, first)
    before = held(deployed, follower.watch)
    start = first.head.number
    chance = random.Random(5)
    with serving(deployed, journal, max_live_quotes=200) as server:
        for _ in range(30):
            if chance.random() < 0.7:
                venue = chance.choice(CONTRACT_VENUES)
                fill(chain, server.quote(settlement=venue.value, amount=str(10**16)))
            deployed.rpc.call("anvil_mine", hex(chance.randrange(0, 3)))
            head = int(deployed.rpc.call("eth_blockNumber"), 16)
            if chance.random() < 0.3 and head - start > 3:
                deployed.rpc.call("anvil_reorg", chance.randrange(1, min(5, head - start)), [])
            if chance.random() < 0.6:
                _book(booked, follower.read_on())
            server.catch_up()
    _book(booked, follower.read_on())
    fresh = Follower(deployed, tmp_path / "fresh.sqlite")
    fresh.catch_up()
    assert follower.canonical() == fresh.canonical()
    in_order = sorted(booked.values(), key=lambda event: (event.place.block.number, event.place.log_index))
    assert in_order == fresh.canonical()
    fills = [event.order_hash for event in in_order if isinstance(event, OrderFilled)]
    assert len(fills) == len(set(fills)) > 3
    since = [event for event in in_order if event.place.block.number > start]
    assert moved(since, follower.watch) == difference(held(deployed, follower.watch), before)
    follower.close()
    fresh.close()


def _book(booked: dict[tuple[bytes, int], ChainEvent], told: ChainChange) -> None:
    """Keep a consumer's book; fails where something is told twice or taken back that never came."""
    for event in told.removed:
        del booked[event.place.key]
    for event in told.added:
        assert event.place.key not in booked
        booked[event.place.key] = event
