"""Several nodes, one of them chosen by health, without going back and forth between two that are alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from pmm.chain.indexer.block_source import BlockSource
from pmm.chain.indexer.http_blocks import HttpBlocks
from pmm.chain.indexer.node_answers import Header
from pmm.chain.node_pool.score import HealthWindow
from pmm.errors import ChainError, InvalidInput

DEFAULT_TIMEOUT_S = 5.0
_MOST_TROUBLE_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPolicy:
    """When another node is chosen.

    Attributes:
        margin: how many points of health another node must have more.
        distrust_s: how long a node that contradicted itself is left alone.
        usable: below this health the chosen node is left for any better one.
    """

    margin: float = 10.0
    distrust_s: float = 60.0
    usable: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One node as metrics show it.

    Attributes:
        name: scheme, host and port.
        chosen: whether it is the one that is asked first.
        health: 0 to 100, 0.7 x sync + 0.3 x response; 0 while it is distrusted.
        sync: 0 to 100.
        response: 0 to 100.
        mean_ms: mean time of an answer within the window; None without one.
        head: newest block that it told within the window.
        trouble: what it did last that was not right, empty if nothing.
        lies: how often it contradicted itself or went back behind its own head.
    """

    name: str
    chosen: bool
    health: float
    sync: float
    response: float
    mean_ms: float | None
    head: int | None
    distrusted: bool
    trouble: str
    lies: int


class PooledNode(HttpBlocks):
    """A node whose answers are counted."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        clock: Callable[[], float],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.window = HealthWindow(clock)
        self.trouble = ""
        self.lies = 0
        self.distrusted_until_s = float("-inf")
        super().__init__(
            url, timeout_s=timeout_s, observe=self.window.saw_call, transport=transport, clock=clock
        )

    def head(self) -> Header:
        """Newest block; one below the last is noted."""
        try:
            found = super().head()
        except ChainError as error:
            self.trouble = str(error)[:_MOST_TROUBLE_CHARACTERS]
            raise
        number = found.block.number
        last = self.window.head
        if last is not None and number < last:
            self.lies += 1
            self.trouble = f"its head went back from {last} to {number}"
        self.window.saw_head(number)
        return found


class NodePool:
    """Implements ``Nodes`` over HTTP. ``urls`` in order of preference; ``transports`` are for tests.

    Raises InvalidInput without a node.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        policy: PoolPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        transports: Sequence[httpx.BaseTransport | None] = (),
    ) -> None:
        if not urls:
            raise InvalidInput("nodes: expected at least one address, found none; set PMM_RPC_URL")
        self._clock = clock
        self._policy = policy or PoolPolicy()
        given = list(transports) or [None] * len(urls)
        self.nodes: tuple[PooledNode, ...] = tuple(
            PooledNode(url, timeout_s=timeout_s, clock=clock, transport=transport)
            for url, transport in zip(urls, given, strict=True)
        )
        self._chosen = self.nodes[0]
        self._lock = threading.Lock()
        self.switches = 0

    def in_order(self) -> Sequence[PooledNode]:
        """Return the nodes that may be asked, the chosen one first, then by health; none while all are distrusted.

        The only node of a pool is always asked: whatever it says is checked, and there is no other.
        """
        with self._lock:
            if len(self.nodes) == 1:
                return self.nodes
            now_s, best = self._clock(), self._best_head()
            trusted = [node for node in self.nodes if node.distrusted_until_s <= now_s]
            trusted.sort(key=lambda node: -node.window.score(best))
            if not trusted:
                return ()
            chosen = self._choose(trusted, best)
            return chosen, *(node for node in trusted if node is not chosen)

    def distrust(self, node: BlockSource, why: str) -> None:
        """Leave a node alone for a while."""
        for one in self.nodes:
            if one is node:
                one.lies += 1
                one.trouble = why[:_MOST_TROUBLE_CHARACTERS]
                one.distrusted_until_s = self._clock() + self._policy.distrust_s

    def probe(self) -> None:
        """Ask every node that may be asked for its head, side by side; failures count and are not raised."""
        with ThreadPoolExecutor(max_workers=len(self.nodes), thread_name_prefix="probe") as pool:
            list(pool.map(_probe, self.nodes))

    def states(self) -> tuple[NodeState, ...]:
        """Return every node as it stands, in the order given."""
        now_s, best = self._clock(), self._best_head()
        return tuple(self._state(node, now_s, best) for node in self.nodes)

    def close(self) -> None:
        """Close the connections."""
        for node in self.nodes:
            node.close()

    def _state(self, node: PooledNode, now_s: float, best: int | None) -> NodeState:
        distrusted = node.distrusted_until_s > now_s
        return NodeState(
            name=node.name,
            chosen=node is self._chosen,
            health=0.0 if distrusted else node.window.score(best),
            sync=node.window.sync(best),
            response=node.window.response,
            mean_ms=node.window.mean_ms,
            head=node.window.head,
            distrusted=distrusted,
            trouble=node.trouble,
            lies=node.lies,
        )

    def _choose(self, trusted: Sequence[PooledNode], best: int | None) -> PooledNode:
        first, chosen = trusted[0], self._chosen
        mine, theirs = chosen.window.score(best), first.window.score(best)
        stays = chosen in trusted and not (
            theirs >= mine + self._policy.margin or (mine < self._policy.usable and theirs > mine)
        )
        if not stays and first is not chosen:
            self._chosen = first
            self.switches += 1
        return self._chosen

    def _best_head(self) -> int | None:
        """Newest head that a trusted node told."""
        now_s = self._clock()
        heads = [
            head
            for node in self.nodes
            if node.distrusted_until_s <= now_s and (head := node.window.head) is not None
        ]
        return max(heads, default=None)


def _probe(node: PooledNode) -> None:
    try:
        node.head()
    except ChainError as error:
        node.trouble = str(error)[:_MOST_TROUBLE_CHARACTERS]
