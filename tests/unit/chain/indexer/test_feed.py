"""Consumers read at their own pace, each event once, in parts where there is much."""

import pytest

from pmm.chain.indexer import ChainFeed
from pmm.domain import USDC, WETH, ChainChange
from pmm.ledger import Ledger
from tests.helpers.fake_chain import SETTLEMENT, TAKER, FakeChain, LogSpec, fill, transfer
from tests.helpers.indexing import hashes, open_site


def test_pending__before_the_first_step__is_none(ledger: Ledger) -> None:
    with ledger.transaction() as t:
        assert ChainFeed().pending(t, "book") is None


def test_pending__not_acknowledged__comes_again(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    site.catch_up()
    for _ in range(2):
        with either_ledger.transaction() as t:
            delivery = site.feed.pending(t, "book")
        assert delivery is not None
        assert hashes(delivery.change.added) == [1]
    site.read_on("book")
    assert site.read_on("book").added == ()


def test_pending__two_consumers__have_places_of_their_own(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    site.catch_up()
    site.read_on("book")
    chain.mine(fill(2))
    site.catch_up()
    assert hashes(list(site.read_on("book").added)) == [2]
    assert hashes(list(site.read_on("hedger").added)) == [1, 2]


def test_pending__much__comes_in_parts(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for number in range(1, 8):
        chain.mine(fill(number))
    site = open_site(either_ledger, chain)
    site.feed = ChainFeed(most_steps=3)
    site.catch_up()
    parts: list[list[int]] = []
    more = True
    while more:
        with either_ledger.transaction() as t:
            delivery = site.feed.pending(t, "book")
            assert delivery is not None
            site.feed.acknowledge(t, "book", delivery)
        parts.append(hashes(delivery.change.added))
        more = delivery.more
    assert parts == [[1, 2, 3], [4, 5, 6], [7]]


def _whole_fill(number: int, transaction: int = 0) -> tuple[LogSpec, ...]:
    """A fill with both its transfers: three events of one transaction."""
    return (
        transfer(USDC.address, TAKER, SETTLEMENT, 3_000 * 10**6, transaction),
        transfer(WETH.address, SETTLEMENT, TAKER, 10**18, transaction),
        fill(number, transaction=transaction),
    )


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 8])
def test_pending__much__never_cuts_a_transaction_in_two(either_ledger: Ledger, most: int) -> None:
    chain = FakeChain()
    chain.mine(*_whole_fill(1), *_whole_fill(2, 1))
    chain.mine(*_whole_fill(3))
    site = open_site(either_ledger, chain)
    site.feed = ChainFeed(most_steps=most)
    site.catch_up()
    joined = _read_in_parts(either_ledger, site.feed)
    chain.reorg(2, [], [], _whole_fill(4))
    site.catch_up()
    left = _read_in_parts(either_ledger, site.feed)
    assert [number for part in joined for number in hashes(part.added)] == [1, 2, 3]
    assert sorted(number for part in left for number in hashes(part.removed)) == [1, 2, 3]
    assert [number for part in left for number in hashes(part.added)] == [4]
    for part in (*joined, *left):
        for events in (part.added, part.removed):
            count: dict[tuple[bytes, bytes], int] = {}
            for event in events:
                key = (event.place.block.hash, event.place.transaction_hash)
                count[key] = count.get(key, 0) + 1
            assert set(count.values()) <= {3}


def _read_in_parts(ledger: Ledger, feed: ChainFeed) -> list[ChainChange]:
    parts: list[ChainChange] = []
    more = True
    while more:
        with ledger.transaction() as t:
            delivery = feed.pending(t, "book")
            assert delivery is not None
            feed.acknowledge(t, "book", delivery)
        parts.append(delivery.change)
        more = delivery.more
    return parts


def test_pending__block_with_more_than_a_part__is_never_cut(either_ledger: Ledger) -> None:
    chain = FakeChain()
    for numbers in ((1,), (2, 3, 4), (5, 6, 7, 8, 9), (10,), ()):
        chain.mine(*(fill(number) for number in numbers))
    site = open_site(either_ledger, chain)
    site.feed = ChainFeed(most_steps=3)
    site.catch_up()
    parts = []
    while change := site.read_on("book"):
        if not change.added:
            break
        parts.append(hashes(change.added))
    assert parts == [[1], [2, 3, 4], [5, 6, 7, 8, 9, 10]]
    chain.reorg(4, [fill(20)], [fill(21)], [], [], [])
    site.catch_up()
    gone = site.read_on("book")
    assert hashes(gone.removed) == [10]
    assert hashes(site.read_on("book").removed) == [9, 8, 7, 6, 5]


def test_pending__came_and_went_meanwhile__is_not_told(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    site.catch_up()
    site.read_on()
    chain.mine(fill(2))
    site.catch_up()
    chain.reorg(1, [fill(3)])
    site.catch_up()
    told = site.read_on()
    assert (told.removed, hashes(told.added)) == ((), [3])
    assert told.head.number == 2


def test_skip_to_now__new_consumer__hears_only_what_comes(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    site.catch_up()
    with either_ledger.transaction() as t:
        site.feed.skip_to_now(t, "late")
    chain.mine(fill(2))
    site.catch_up()
    assert hashes(list(site.read_on("late").added)) == [2]


def test_acknowledge__transaction_taken_back__leaves_the_place(either_ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine(fill(1))
    site = open_site(either_ledger, chain)
    site.catch_up()
    try:
        with either_ledger.transaction() as t:
            delivery = site.feed.pending(t, "book")
            assert delivery is not None
            site.feed.acknowledge(t, "book", delivery)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert hashes(list(site.read_on("book").added)) == [1]
