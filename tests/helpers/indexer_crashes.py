"""An indexer and a consumer that are killed at a numbered step, over a chain that forks meanwhile."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pmm.chain.indexer import ChainFeed
from pmm.ledger import Ledger, SchemaModule, open_ledger
from pmm.ledger.schemas import ALL
from tests.helpers.crashes import CrashingStore, Fuse
from tests.helpers.fake_chain import SETTLEMENT, FakeChain, fill, noise
from tests.helpers.indexing import SMALL, open_site
from tests.helpers.replicas import Report, in_child, read_all

STEPS = ("before begin", "after begin", "half written", "before commit", "after commit")
CONSUMER = "book"
_LINES = SchemaModule(
    name="testbook",
    version=1,
    tables="""
CREATE TABLE IF NOT EXISTS testbook_lines (
    block_hash BLOB NOT NULL,
    log_index INTEGER NOT NULL,
    order_number TEXT NOT NULL,
    PRIMARY KEY (block_hash, log_index)
) STRICT, WITHOUT ROWID;
""",
)
_ADD = "INSERT INTO testbook_lines (block_hash, log_index, order_number) VALUES (?, ?, ?)"
_TAKE = "DELETE FROM testbook_lines WHERE block_hash = ? AND log_index = ? RETURNING order_number"
_BOOKED = "SELECT block_hash, log_index FROM testbook_lines ORDER BY block_hash, log_index"
_EXPECTED = (
    "SELECT e.block_hash, e.log_index FROM chain_events e JOIN chain_blocks b ON b.hash = e.block_hash "
    "WHERE b.canonical = 1 ORDER BY e.block_hash, e.log_index"
)


def open_book(where: Path | str) -> Ledger:
    return open_ledger(where, chain_id=1, maker=SETTLEMENT, modules=(*ALL, _LINES))


def move_chain(chain: FakeChain, chance: random.Random) -> None:
    """Let the chain grow or fork a little, never below what is final."""
    if chance.random() < 0.4:
        depth = min(chance.randrange(1, 5), chain.head.number - chain.finalised)
        chain.reorg(depth, *([fill(chance.randrange(10**6))] for _ in range(chance.randrange(depth + 2))))
    for _ in range(chance.randrange(1, 4)):
        chain.mine(*(fill(chance.randrange(10**6)) for _ in range(chance.randrange(3))), noise(1))
    chain.finalised = max(chain.finalised, chain.head.number - 5)


def consume(ledger: Ledger, feed: ChainFeed, *, acknowledge_apart: bool = False) -> None:
    """Book what changed; ``acknowledge_apart`` plants the fault of two transactions."""
    with ledger.transaction() as t:
        delivery = feed.pending(t, CONSUMER)
        if delivery is None:
            return
        for event in delivery.change.removed:
            assert t.query(_TAKE, event.place.key), "taken back without having come"
        for event in delivery.change.added:
            t.execute(_ADD, (*event.place.key, str(event.place.block.number)))
        if not acknowledge_apart:
            feed.acknowledge(t, CONSUMER, delivery)
    if acknowledge_apart:
        with ledger.transaction() as t:
            feed.acknowledge(t, CONSUMER, delivery)


@dataclass
class Campaign:
    """Kills one indexer after the other over one ledger, and checks after each."""

    where: Path | str
    seed: int
    acknowledge_apart: bool = False
    chain: FakeChain = field(default_factory=FakeChain)
    kills: Counter[str] = field(default_factory=Counter)

    def kill_once(self, number: int) -> None:
        step = None if number % 6 == 5 else STEPS[(number - number // 6) % len(STEPS)]
        chance = random.Random(f"{self.seed} {number}")
        after, moment_s = chance.randrange(1, 14), chance.uniform(0.002, 0.06)

        def body(report: Report) -> None:
            if step is None:
                threading.Thread(target=_burn, args=(moment_s,), daemon=True).start()
            self._live(Fuse(report, step, after), random.Random(f"{self.seed} {number} chain"), report)

        child, reader = in_child(body)
        said = read_all(reader)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), said
        assert os.WTERMSIG(status) == signal.SIGKILL
        self.kills[step or "any moment"] += 1
        # The chain is where the child left it: its moves are played again.
        chance = random.Random(f"{self.seed} {number} chain")
        for _ in range(said.count("moved\n")):
            move_chain(self.chain, chance)
        self._check()

    def _live(self, fuse: Fuse, chance: random.Random, report: Callable[[str], None]) -> None:
        ledger = open_book(self.where)
        ledger._store = CrashingStore(ledger._store, fuse)
        site = open_site(ledger, self.chain, policy=SMALL)
        for _ in range(10_000):
            report("moved\n")
            move_chain(self.chain, chance)
            site.catch_up()
            consume(ledger, site.feed, acknowledge_apart=self.acknowledge_apart)

    def _check(self) -> None:
        ledger = open_book(self.where)
        try:
            site = open_site(ledger, self.chain, policy=SMALL)
            site.catch_up()
            wanted = sorted(
                (bytes.fromhex(block.hash[2:]), index)
                for block in self.chain.blocks
                for index, spec in enumerate(block.logs)
                if spec.address == SETTLEMENT
            )
            assert sorted((bytes(one), index) for one, index in ledger.read(_EXPECTED)) == wanted
            consume(ledger, site.feed)
            assert sorted((bytes(one), index) for one, index in ledger.read(_BOOKED)) == wanted
        finally:
            ledger.close()


def _burn(after_s: float) -> None:
    time.sleep(after_s)
    os.kill(os.getpid(), signal.SIGKILL)


def run_campaign(
    where: Path | str, *, kills: int, seed: int, acknowledge_apart: bool = False
) -> dict[str, Any]:
    """Kill so many indexers and return figures; fails at the first thing that does not hold."""
    campaign = Campaign(where, seed, acknowledge_apart)
    for number in range(kills):
        campaign.kill_once(number)
    return {
        "kills": dict(campaign.kills),
        "blocks": campaign.chain.head.number,
        "finalised": campaign.chain.finalised,
    }
