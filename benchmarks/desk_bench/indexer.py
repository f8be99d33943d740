"""How fast the indexer catches up: blocks per second of its own time, from answers of a node recorded in memory.

Everything of the product is in it: parsing, checks, decoding, the durable commit of each step (SQLite, FULL). Only
the node and the network are not.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx

from desk_bench.log_chain import SETTLEMENT, LogChain, mine_logs
from desk_bench.recorded_node import Recorded, Recorder
from desk_bench.rows import Row, row
from pmm.chain.indexer import EventDecoder, Indexer, IndexPolicy, IndexStore
from pmm.chain.node_pool import NodePool
from pmm.errors import SetupError
from pmm.ledger import Ledger, open_ledger
from pmm.localnet.anvil import AnvilNode

_BLOCKS = 6_000
_RUNS = 3
_TARGET, _GOAL = 2_000, 10_000
# The same blocks, but none final: each read whole by its hash, its bloom filter made again.
_LIVE = IndexPolicy(finality_blocks=10**9, least_depth=10**9)


def measure() -> list[Row]:
    """Return the rows; raises SetupError where the ledger does not hold what was mined."""
    with AnvilNode() as node, node.rpc(timeout_s=120) as rpc:
        chain = mine_logs(rpc, _BLOCKS)
        one = _best(chain, node.url, nodes=1, policy=IndexPolicy())
        two = _best(chain, node.url, nodes=2, policy=IndexPolicy())
        few = replace(chain, blocks=chain.blocks // 4)
        live = _best(few, node.url, nodes=1, policy=_LIVE)
    return [
        row(
            f"indexer catch-up, {_BLOCKS:,} blocks recorded on anvil, {chain.events:,} events of ours",
            one,
            "1/s",
            _TARGET,
            _GOAL,
        ),
        row("the same, every range held against a second node", two, "1/s"),
        row("blocks that are not final: whole, with bloom filter", live, "1/s"),
    ]


def _best(chain: LogChain, url: str, *, nodes: int, policy: IndexPolicy) -> float:
    recorders = [Recorder() for _ in range(nodes)]
    _run(chain, url, recorders, policy)
    runs = [_run(chain, url, [Recorded(one.answers) for one in recorders], policy) for _ in range(_RUNS)]
    return max(runs)


def _run(chain: LogChain, url: str, transports: Sequence[httpx.BaseTransport], policy: IndexPolicy) -> float:
    """Catch up on an empty ledger; return blocks per second."""
    with tempfile.TemporaryDirectory(prefix="pmm-bench-") as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite", chain_id=1, maker=SETTLEMENT)
        pool = NodePool([url] * len(transports), transports=list(transports), clock=_still)
        indexer = Indexer(
            nodes=pool,
            store=IndexStore(ledger),
            watch=chain.watch,
            decoder=EventDecoder(chain.watch),
            policy=policy,
        )
        begun = indexer.step()
        assert begun is not None
        head = 0
        started_s = time.perf_counter()
        while head < chain.blocks and (change := indexer.step()) is not None:
            head = change.head.number
        elapsed_s = time.perf_counter() - started_s
        _check(ledger, head)
        ledger.close()
        return head / elapsed_s


def _check(ledger: Ledger, head: int) -> None:
    ((found,),) = ledger.read("SELECT count(*) FROM chain_events")
    if found != head // 10 * 3:
        raise SetupError(f"expected {head // 10 * 3} events up to block {head}, found {found}")


def _still() -> float:
    """A clock that stands: every run asks the same questions."""
    return 0.0
