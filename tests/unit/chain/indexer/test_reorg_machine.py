"""Random forks, restarts, repeated and late steps against the simplest model: the chain itself."""

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pmm.chain.indexer import ChainFeed, NoUsableNode
from pmm.domain import ChainEvent, OrderFilled
from pmm.ledger import Ledger, open_ledger
from tests.helpers.fake_chain import SETTLEMENT, FakeBlock, FakeChain, LogSpec, fill, noise
from tests.helpers.indexing import SMALL, Site, open_site

Key = tuple[bytes, int]


def expected_keys(blocks: list[FakeBlock]) -> list[tuple[Key, int]]:
    """Every fill of a chain: its place and its order."""
    return [
        ((bytes.fromhex(block.hash[2:]), index), int(spec.topics[1], 16))
        for block in blocks
        for index, spec in enumerate(block.logs)
        if spec.address == SETTLEMENT
    ]


def told_keys(events: list[ChainEvent]) -> list[tuple[Key, int]]:
    return [
        (event.place.key, int.from_bytes(event.order_hash, "big"))
        for event in events
        if isinstance(event, OrderFilled)
    ]


# A block's logs: f a fill of a new order, r one of an order filled before, n noise.
SHAPES = st.sampled_from(["f", "ff", "fn", "r", "n", ""])


class ReorgMachine(RuleBasedStateMachine):
    """Two nodes, one of which may be late or lie for a moment; two consumers that read at their own pace."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger: Ledger | None = None
        self.site: Site | None = None
        self.chain = FakeChain()
        self.late = FakeChain()
        self.orders = 0
        self.books: dict[str, dict[Key, int]] = {"eager": {}, "lazy": {}}
        self.seen: FakeBlock | None = None

    @initialize(shapes=st.lists(SHAPES, min_size=6, max_size=16))
    def begin(self, shapes: list[str]) -> None:
        # Here, since an example may well be without some of the rules.
        for shape in shapes:
            self.chain.mine(*self._logs(shape))
        self.open()
        self.all_settles()

    def open(self) -> None:
        self.ledger = open_ledger(Path(self.folder.name) / "ledger.sqlite", chain_id=1, maker=SETTLEMENT)
        self.site = open_site(self.ledger, self.chain, self.late, policy=SMALL)

    def teardown(self) -> None:
        if self.ledger is not None:
            self.ledger.close()
        self.folder.cleanup()

    def _logs(self, shape: str) -> list[LogSpec]:
        logs: list[LogSpec] = []
        for one in shape:
            if one == "n":
                logs.append(noise(len(logs)))
                continue
            self.orders += one == "f"
            logs.append(fill(self.orders if one == "f" else max(self.orders // 2, 1)))
        return logs

    @rule(shapes=st.lists(SHAPES, min_size=1, max_size=9), settle=st.booleans())
    def mine(self, shapes: list[str], settle: bool) -> None:
        for shape in shapes:
            self.chain.mine(*self._logs(shape))
        if settle:
            self.all_settles()

    @rule(
        depth=st.integers(1, 4),
        shapes=st.lists(SHAPES, max_size=6),
        first=st.booleans(),
        settle=st.booleans(),
    )
    def fork(self, depth: int, shapes: list[str], first: bool, settle: bool) -> None:
        """Replace the newest blocks, never those that are final; the other branch may be shorter."""
        self.chain.mine(*self._logs("f"))
        if first:
            self.all_settles()
        depth = min(depth, len(self.chain.blocks) - 1 - self.chain.finalised)
        if depth > 0:
            self.chain.reorg(depth, *(self._logs(shape) for shape in shapes))
        if settle:
            self.all_settles()

    @rule()
    def finalise(self) -> None:
        self.chain.finalised = max(self.chain.finalised, self.chain.head.number - 4)

    @rule()
    def back_to_what_was_indexed(self) -> None:
        """A branch that was left may win again, the very same blocks."""
        if self.seen is not None and self.chain.finalised < self.chain.head.number:
            parent = self.chain.blocks[-2]
            if self.seen.parent == parent.hash:
                self.chain.blocks[-1] = self.seen

    @rule(lag=st.integers(0, 3))
    def second_node_follows(self, lag: int) -> None:
        """The other node has the chain up to some blocks ago, whatever it had before."""
        assert self.site is not None
        self.late.blocks = self.chain.blocks[: max(1, len(self.chain.blocks) - lag)]
        self.late.finalised = min(self.chain.finalised, len(self.late.blocks) - 1)

    @rule()
    def restart(self) -> None:
        assert self.ledger is not None
        self.ledger.close()
        self.open()

    @rule(times=st.integers(1, 3), shape=SHAPES)
    def step(self, times: int, shape: str) -> None:
        assert self.site is not None
        self.chain.mine(*self._logs(shape))
        for _ in range(times):
            self.site.clock.now_s += 61
            try:
                self.site.indexer.step()
            except NoUsableNode:
                return
        self.seen = self.chain.head

    @rule(lie=st.sampled_from(["drop", "twist"]), second=st.booleans())
    def step_with_a_lie(self, lie: str, second: bool) -> None:
        assert self.site is not None
        node = self.site.nodes[second]
        node.lie = lambda method, _params, result: (
            (result[:-1] if lie == "drop" else [{**log, "blockHash": "0x" + "11" * 32} for log in result])
            if method == "eth_getLogs"
            else result
        )
        self.step(1, "f")
        node.lie = None

    @rule(name=st.sampled_from(["eager", "lazy"]))
    def consume(self, name: str) -> None:
        """Read on; told twice, or taken back without having come, fails at once."""
        assert self.ledger is not None
        book = self.books[name]
        with self.ledger.transaction() as t:
            feed = ChainFeed(most_steps=5 if name == "lazy" else 10_000)
            delivery = feed.pending(t, name)
            if delivery is None:
                return
            feed.acknowledge(t, name, delivery)
        for key, _ in told_keys(list(delivery.change.removed)):
            del book[key]
        for key, order in told_keys(list(delivery.change.added)):
            assert key not in book, "told twice"
            book[key] = order

    @rule()
    def all_settles(self) -> None:
        """With both nodes honest and equal, indexer and consumers end at the chain."""
        assert self.site is not None
        self.second_node_follows(0)
        self.site.clock.now_s += 61
        self.site.catch_up()
        wanted = expected_keys(self.chain.blocks)
        assert told_keys(self.site.canonical()) == wanted
        for name, book in self.books.items():
            for _ in range(200):
                self.consume(name)
            assert book == dict(wanted)

    @invariant()
    def canonical_blocks_are_one_chain(self) -> None:
        if self.ledger is None:
            return
        rows = self.ledger.read(
            "SELECT number, hash, parent_hash FROM chain_blocks WHERE canonical = 1 ORDER BY number"
        )
        for (low, low_hash, _), (high, _, parent) in pairwise(rows):
            assert high > low
            if high == low + 1:
                assert parent == low_hash


ReorgMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestReorgMachine = ReorgMachine.TestCase
