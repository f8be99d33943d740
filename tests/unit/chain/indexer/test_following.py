"""The ledger holds the events of the chain that stands, each once, whatever came and went before."""

import json

import httpx
import pytest

from pmm.chain.indexer import IndexPolicy, IndexStore, NoUsableNode, ReorgBelowFinality, WatchList
from pmm.domain import USDC, WETH, OrderFilled, TokenMoved
from pmm.errors import InvalidInput, InvariantViolated
from pmm.ledger import Ledger
from tests.helpers.fake_chain import SETTLEMENT, TAKER, FakeChain, FakeNode, fill, noise, transfer
from tests.helpers.indexing import hashes, open_site


def test_step__first__begins_before_the_settlement_contract(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    begun, moved = site.catch_up()
    assert (begun.head.number, begun.added) == (0, ())
    assert hashes(list(moved.added)) == [1]
    assert site.indexer.step() is None


def test_step__fill_and_transfers__are_told_with_their_place(either_ledger: Ledger) -> None:
    chain = FakeChain()
    block = chain.mine(
        noise(1),
        transfer(WETH.address, SETTLEMENT, TAKER, 10**18),
        transfer(USDC.address, TAKER, SETTLEMENT, 3_000 * 10**6),
        fill(2**255 + 1),
        transfer(WETH.address, TAKER, TAKER, 5),
    )
    site = open_site(either_ledger, chain)
    site.catch_up()
    paid, received, filled = site.canonical()
    assert isinstance(paid, TokenMoved)
    assert isinstance(received, TokenMoved)
    assert isinstance(filled, OrderFilled)
    assert (paid.sender, paid.receiver, paid.amount) == (SETTLEMENT, TAKER, 10**18)
    assert received.receiver == SETTLEMENT
    assert filled.order_hash == (2**255 + 1).to_bytes(32, "big")
    assert (filled.maker_asset, filled.taker_asset, filled.taker) == (WETH.address, USDC.address, TAKER)
    assert (filled.making_amount, filled.taking_amount) == (10**18, 3_000 * 10**6)
    assert filled.place.key == (bytes.fromhex(block.hash[2:]), 3)
    assert filled.place.block.time_s == 1_700_000_012


@pytest.mark.parametrize("depth", [1, 2, 5, 7])
def test_step__reorg__removes_newest_first_and_adds_the_other_branch(
    either_ledger: Ledger, depth: int
) -> None:
    chain = FakeChain()
    for number in range(1, 9):
        chain.mine(fill(number))
    site = open_site(either_ledger, chain)
    site.catch_up()
    site.read_on()
    chain.reorg(depth, *([fill(100 + number)] for number in range(depth + 1)))
    site.catch_up()
    told = site.read_on()
    assert hashes(list(told.removed)) == list(range(8, 8 - depth, -1))
    assert hashes(list(told.added)) == [100 + number for number in range(depth + 1)]
    assert hashes(site.canonical()) == list(range(1, 9 - depth)) + [100 + n for n in range(depth + 1)]


def test_step__reorg_and_back__counts_each_fill_once(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    chain.mine(fill(2))
    other = chain.copy()
    other.reorg(1, [fill(3)])
    site = open_site(either_ledger, chain)
    site.catch_up()
    site.read_on()
    site.nodes[0].chain = other
    site.catch_up()
    site.nodes[0].chain = chain
    chain.mine()
    site.catch_up()
    told = site.read_on()
    assert (told.removed, told.added) == ((), ())
    assert hashes(site.canonical()) == [1, 2]


def test_step__fill_moves_to_a_later_block__leaves_and_joins(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine_empty(2)
    chain.mine(fill(7))
    site = open_site(either_ledger, chain)
    site.catch_up()
    site.read_on()
    chain.reorg(1, [], [fill(7)])
    site.catch_up()
    told = site.read_on()
    assert hashes(list(told.removed)) == hashes(list(told.added)) == [7]
    assert told.added[0].place.block.number == 4
    assert hashes(site.canonical()) == [7]


def test_step__rolled_back__gives_the_blocks_up(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 6):
        chain.mine(fill(number))
    site = open_site(either_ledger, chain)
    site.catch_up()
    chain.roll_back(3)
    site.catch_up()
    assert hashes(site.canonical()) == [1, 2]
    chain.mine(fill(9))
    site.catch_up()
    assert hashes(site.canonical()) == [1, 2, 9]


def test_advance__place_moved_meanwhile__is_refused_and_writes_nothing(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(ledger, chain)
    site.catch_up()
    store = IndexStore(ledger)
    before = store.place()
    assert before is not None
    chain.mine(fill(2))
    site.catch_up()
    with pytest.raises(InvariantViolated, match="alone on the ledger"):
        store.advance(before, ancestor=0, added=(), head=before.head, finalised=0)
    assert hashes(site.canonical()) == [1, 2]


def test_step__head_lower_for_a_moment__keeps_the_blocks(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    chain.mine(fill(2))
    patient = open_site(ledger, chain, policy=IndexPolicy(rollback_after_s=36))
    patient.catch_up()
    kept = list(chain.blocks)
    chain.roll_back(1)
    assert patient.indexer.step() is None
    patient.clock.now_s += 35
    assert patient.indexer.step() is None
    chain.blocks = kept
    assert patient.indexer.step() is None
    chain.roll_back(1)
    assert patient.indexer.step() is None
    assert hashes(patient.canonical()) == [1, 2]
    patient.clock.now_s += 36
    assert patient.indexer.step() is not None
    assert hashes(patient.canonical()) == [1]


def test_step__finality_unknown__is_taken_by_depth(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine_empty(12)
    site = open_site(ledger, chain)
    site.nodes[0].lie = lambda method, params, result: None if params[0] == "finalized" else result
    assert site.catch_up()[-1].finalised == 4


def test_step__finality_told_too_high__is_not_believed(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine_empty(12)
    chain.finalised = 12
    site = open_site(ledger, chain)
    assert site.catch_up()[-1].finalised == 8


def test_step__reorg_below_finality__is_refused_and_loses_nothing(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 13):
        chain.mine(fill(number))
    chain.finalised = 6
    site = open_site(either_ledger, chain)
    site.catch_up()
    kept = list(chain.blocks)
    chain.reorg(7, *([] for _ in range(8)))
    for _ in range(2):
        with pytest.raises(
            ReorgBelowFinality, match=r"block 6 0x[0-9a-f]{64}, which is final, .* find out which"
        ):
            site.indexer.step()
    assert hashes(site.canonical()) == list(range(1, 13))
    chain.blocks = kept
    chain.mine(fill(13))
    site.catch_up()
    assert hashes(site.canonical()) == list(range(1, 14))


def test_step__reorg_down_to_finality__heals(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 13):
        chain.mine(fill(number))
    chain.finalised = 6
    site = open_site(either_ledger, chain)
    site.catch_up()
    chain.reorg(6, *([fill(100 + number)] for number in range(7)))
    site.catch_up()
    assert hashes(site.canonical()) == [*range(1, 7), *range(100, 107)]


@pytest.mark.parametrize("most_range", [None, 1, 3])
def test_catch_up__long_history__is_read_in_ranges_that_the_node_takes(
    either_ledger: Ledger, most_range: int | None
) -> None:
    chain = FakeChain()
    for number in range(1, 60):
        chain.mine(*([fill(number)] if number % 7 == 0 else [noise(number)] if number % 3 == 0 else []))
    chain.finalised = 50
    site = open_site(either_ledger, chain)
    site.nodes[0].most_range = most_range
    site.catch_up()
    assert hashes(site.canonical()) == list(range(7, 60, 7))
    # Of the past only blocks with events are kept, and those that may still be replaced.
    numbers = [number for (number,) in either_ledger.read("SELECT number FROM chain_blocks ORDER BY number")]
    assert numbers == [0, *range(7, 50, 7), *range(50, 60)] or numbers == [*range(7, 50, 7), *range(50, 60)]


def test_catch_up__node_refuses_a_range_with_one_answer_for_the_batch__gets_smaller_ones(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = FakeChain()
    for number in range(1, 60):
        chain.mine(*([fill(number)] if number % 7 == 0 else []))
    chain.finalised = 50
    site = open_site(ledger, chain)
    honest = FakeNode.handle_request

    def refuses(node: FakeNode, request: httpx.Request) -> httpx.Response:
        query = json.loads(request.content)[0]["params"][0]
        ranged = isinstance(query, dict) and "fromBlock" in query
        if ranged and int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 3:
            error = {"code": -32005, "message": "limit exceeded"}
            return httpx.Response(200, json={"jsonrpc": "2.0", "id": None, "error": error})
        return honest(node, request)

    monkeypatch.setattr(FakeNode, "handle_request", refuses)
    site.catch_up()
    assert hashes(site.canonical()) == list(range(7, 60, 7))


def test_catch_up__reorg_while_away__heals(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 9):
        chain.mine(fill(number))
    site = open_site(either_ledger, chain)
    site.catch_up()
    chain.reorg(4, *([fill(100 + number)] for number in range(40)))
    chain.finalised = 36
    again = open_site(either_ledger, chain)
    again.catch_up()
    assert hashes(again.canonical()) == [1, 2, 3, 4, *range(100, 140)]


def test_step__node_down__says_so_and_goes_on_later(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(ledger, chain)
    site.nodes[0].down = True
    with pytest.raises(NoUsableNode, match=r"from http://node0\.test, found ConnectError"):
        site.indexer.step()
    site.nodes[0].down = False
    site.catch_up()
    assert hashes(site.canonical()) == [1]


def test_step__other_watch_list__is_refused(ledger: Ledger) -> None:
    chain = FakeChain()
    open_site(ledger, chain).catch_up()
    other = WatchList(settlement=SETTLEMENT, accounts=(SETTLEMENT, TAKER), tokens=(), start_block=1)
    with pytest.raises(InvalidInput, match="give --ledger another path"):
        open_site(ledger, chain, watch=other).indexer.step()
