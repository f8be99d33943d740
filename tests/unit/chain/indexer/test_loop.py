"""The loop goes on over what passes by itself and ends over what needs a person."""

import threading

import pytest

from pmm.chain.indexer import IndexerLoop, ReorgBelowFinality
from pmm.domain import ChainChange
from pmm.ledger import Ledger
from tests.helpers.fake_chain import FakeChain, fill
from tests.helpers.indexing import Site, hashes, open_site

_DEADLINE_S = 10.0


class Script:
    """Runs the next line each time the loop waits, and stops it after the last."""

    def __init__(self, *lines: object) -> None:
        self.lines = list(lines)
        self.read: list[bytes] = []
        self.loop: IndexerLoop | None = None

    def wait(self) -> None:
        if not self.lines:
            assert self.loop is not None
            self.loop.stop()
            return
        line = self.lines.pop(0)
        assert callable(line)
        line()

    def seen(self, block: bytes) -> None:
        self.read.append(block)


def run(site: Site, *lines: object) -> tuple[IndexerLoop, list[ChainChange]]:
    told: list[ChainChange] = []
    script = Script(*lines)
    loop = script.loop = IndexerLoop(site.indexer, heads=script, probe=site.pool.probe, on_change=told.append)
    loop.run()
    return loop, told


def test_run__new_heads__are_told_after_they_are_durable(ledger: Ledger) -> None:
    chain = FakeChain()
    site = open_site(ledger, chain)
    loop, told = run(site, lambda: chain.mine(fill(1)), lambda: chain.mine(fill(2)))
    assert hashes([event for change in told for event in change.added]) == [1, 2]
    assert hashes(site.canonical()) == [1, 2]
    assert (loop.trouble, loop.stuck) == ("", None)


def test_run__node_down_for_a_while__notes_it_and_goes_on(ledger: Ledger) -> None:
    chain = FakeChain()
    site = open_site(ledger, chain)
    troubles: list[str] = []

    def down() -> None:
        site.nodes[0].down = True

    def up() -> None:
        assert loop_script.loop is not None
        troubles.append(loop_script.loop.trouble)
        site.nodes[0].down = False
        chain.mine(fill(1))

    loop_script = Script(down, up)
    loop = loop_script.loop = IndexerLoop(site.indexer, heads=loop_script, probe=site.pool.probe)
    loop.run()
    assert loop_script.read[-1:] == [bytes.fromhex(chain.head.hash[2:])]
    assert "ConnectError" in troubles[0]
    assert loop.trouble == ""
    assert hashes(site.canonical()) == [1]


def test_run__below_finality__ends_and_says_why(ledger: Ledger) -> None:
    chain = FakeChain()
    chain.mine_empty(20)
    chain.finalised = 12
    site = open_site(ledger, chain)
    script = Script(lambda: chain.reorg(10, *([] for _ in range(12))))
    loop = script.loop = IndexerLoop(site.indexer, heads=script, probe=site.pool.probe)
    with pytest.raises(ReorgBelowFinality):
        loop.run()
    assert isinstance(loop.stuck, ReorgBelowFinality)


def test_stop__from_another_thread__ends_the_loop(ledger: Ledger) -> None:
    site = open_site(ledger, FakeChain())
    waiting, go_on = threading.Event(), threading.Event()

    class Heads:
        def wait(self) -> None:
            waiting.set()
            go_on.wait(_DEADLINE_S)

        def seen(self, block: bytes) -> None:
            pass

    loop = IndexerLoop(site.indexer, heads=Heads(), probe=site.pool.probe)
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert waiting.wait(_DEADLINE_S)
    loop.stop()
    go_on.set()
    thread.join(timeout=_DEADLINE_S)
    assert not thread.is_alive()
