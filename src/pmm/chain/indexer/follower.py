"""One step along the chain: the branch of the best node that can be believed, and the place it leads to."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pmm.chain.indexer.block_source import BlockSource, Nodes
from pmm.chain.indexer.branch import Branch, complete_logs, find_branch
from pmm.chain.indexer.decoding import EventDecoder
from pmm.chain.indexer.errors import NodeIncomplete, NodeLied, NoUsableNode, ReorgBelowFinality
from pmm.chain.indexer.history import History
from pmm.chain.indexer.index_store import IndexStore, NewBlock, Place, check_watched
from pmm.chain.indexer.node_answers import Header
from pmm.chain.indexer.watch_list import WatchList
from pmm.chain.rpc import RpcError
from pmm.domain import BlockRef, ChainChange
from pmm.errors import ChainError

_MOST_GAPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPolicy:
    """How the chain is followed.

    Attributes:
        finality_blocks: a block this deep is final where a node knows no finality itself, and none that is less deep
            than ``least_depth`` ever is, whatever a node says (mainnet finalises two epochs, 64 slots, back).
        history_blocks: most blocks of one range; a node that refuses it gets smaller ones.
        live_blocks: most blocks that one step reads one by one.
        rollback_after_s: how long every node must be without our head before it is given up for a lower one: a
            chain under consensus does not get shorter, a node that lags does not know our head. 0 on a development
            node, whose chain is rolled back at will.
        check_bloom: whether logs are held against the filter in the header.
    """

    finality_blocks: int = 64
    least_depth: int = 32
    history_blocks: int = 2_000
    live_blocks: int = 64
    rollback_after_s: float = 36.0
    check_bloom: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """What a node leads to."""

    ancestor: int
    added: list[NewBlock]
    head: BlockRef
    finalised: int


class _Behind(Exception):
    def __init__(self, tip: Header) -> None:
        self.tip = tip


class Indexer:
    """Follows the chain into the ledger. One at a time; drive it with :meth:`step`."""

    def __init__(
        self,
        *,
        nodes: Nodes,
        store: IndexStore,
        watch: WatchList,
        decoder: EventDecoder,
        policy: IndexPolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = nodes
        self._store = store
        self._watch = watch
        self._decoder = decoder
        self._policy = policy
        self._clock = clock
        self._behind_since_s: float | None = None
        self._gaps: Counter[str] = Counter()
        self._history = History(
            watch.queries(),
            decoder,
            most_blocks=policy.history_blocks,
            check_bloom=policy.check_bloom,
            distrust=nodes.distrust,
        )

    def step(self) -> ChainChange | None:
        """Move on by one step; None where there is nothing new.

        Everything is read from the ledger anew, so that a step after an exception, or after a crash, begins where the
        last committed one ended.

        Raises:
            NoUsableNode: no node answers, or those that do contradict themselves; try again later.
            ReorgBelowFinality: all nodes there are answer, and give up a final block; a person must decide.
            InvalidInput: the ledger was filled with another watch list.
            SetupError: the ledger is down.
        """
        place = self._store.place()
        if place is None:
            return self._ask(self._begin)
        check_watched(place, self._watch.fingerprint)
        return self._follow(place)

    def _follow(self, place: Place) -> ChainChange | None:
        behind: list[tuple[BlockSource, Header]] = []
        deep: ReorgBelowFinality | None = None
        said: list[str] = []
        nodes = self._nodes.in_order()
        for index, node in enumerate(nodes):
            witness = next((other for at, other in enumerate(nodes) if at != index), None)
            try:
                found = self._twice(node, partial(self._look, node, witness, place))
            except _Behind as lower:
                behind.append((node, lower.tip))
            except ReorgBelowFinality as error:
                deep = error
                self._nodes.distrust(node, str(error))
            except ChainError as error:
                said.append(str(error))
                self._note_gap(node, error)
            else:
                self._behind_since_s = None
                self._gaps[node.name] = 0
                return self._commit(place, found) if found else None
        everyone = len(nodes) == self._nodes.count and not said
        try:
            if behind:
                return self._roll_back(place, behind, everyone=everyone)
            if deep is not None:
                raise deep
        except ReorgBelowFinality as error:
            # One that is silent or left may know better: a node far behind looks like a chain that was given up.
            if everyone:
                raise
            said.append(str(error))
        raise NoUsableNode(
            "; ".join(said) or "expected a node that can be trusted, found none; wait, or name others"
        )

    def _note_gap(self, node: BlockSource, error: ChainError) -> None:
        """Leave a node that lacks what it speaks of time and again."""
        if isinstance(error, NodeIncomplete):
            self._gaps[node.name] += 1
            if self._gaps[node.name] >= _MOST_GAPS:
                self._gaps[node.name] = 0
                self._nodes.distrust(node, str(error))

    def _twice(self, node: BlockSource, look: Callable[[], _Next | None]) -> _Next | None:
        """Look again where the node contradicts itself: its chain may have moved between two questions."""
        with contextlib.suppress(NodeLied, RpcError):
            return look()
        try:
            return look()
        except NodeLied as error:
            self._nodes.distrust(node, str(error))
            raise

    def _look(self, node: BlockSource, witness: BlockSource | None, place: Place) -> _Next | None:
        tip = node.head()
        if tip.block.hash == place.head.hash:
            return self._settled(node, place)
        if tip.block.number < place.head.number:
            raise _Behind(tip)
        finalised = self._finalised(node, tip, place)
        # A short stretch is read whole, which leaves nothing to the node's honesty.
        if finalised - place.head.number > self._policy.live_blocks:
            branch = find_branch(node, self._store, place, tip=tip, most=1)
            if branch.ancestor == place.head.number:
                added, head = self._history.read(node, witness, place.head, finalised)
                return _Next(ancestor=head.number, added=added, head=head, finalised=finalised)
        return self._live(node, place, tip, finalised)

    def _live(self, node: BlockSource, place: Place, tip: Header, finalised: int) -> _Next:
        branch = find_branch(node, self._store, place, tip=tip, most=self._policy.live_blocks)
        return self._read(node, branch, place, finalised)

    def _read(self, node: BlockSource, branch: Branch, place: Place, finalised: int) -> _Next:
        logs = complete_logs(node, branch.headers, check_bloom=self._policy.check_bloom)
        added = [
            NewBlock(block=header.block, events=self._decoder.events(header.block, found))
            for header, found in zip(branch.headers, logs, strict=True)
        ]
        head = added[-1].block if added else self._ancestor(node, branch, place)
        return _Next(ancestor=branch.ancestor, added=added, head=head, finalised=finalised)

    def _ancestor(self, node: BlockSource, branch: Branch, place: Place) -> BlockRef:
        """Return the block that a branch without blocks ends at: the chain was rolled back to it."""
        if branch.ancestor == place.head.number:
            return place.head
        (header,) = node.headers([branch.ancestor])
        if header is None or header.block.hash != self._store.known(branch.ancestor)[branch.ancestor]:
            raise NodeLied(f"expected block {branch.ancestor} of {node.name} again, found another or none")
        return header.block

    def _settled(self, node: BlockSource, place: Place) -> _Next | None:
        """Note that more is final, where the head is ours already."""
        finalised = self._finalised(node, None, place)
        if finalised <= place.finalised:
            return None
        return _Next(ancestor=place.head.number, added=[], head=place.head, finalised=finalised)

    def _finalised(self, node: BlockSource, tip: Header | None, place: Place) -> int:
        top = (tip.block if tip else place.head).number
        told = node.finalised()
        deep = top - (self._policy.finality_blocks if told is None else self._policy.least_depth)
        return max(place.finalised, min(deep, deep if told is None else told))

    def _commit(self, place: Place, found: _Next) -> ChainChange:
        return self._store.advance(
            place, ancestor=found.ancestor, added=found.added, head=found.head, finalised=found.finalised
        )

    def _roll_back(
        self, place: Place, behind: list[tuple[BlockSource, Header]], *, everyone: bool
    ) -> ChainChange | None:
        """Give up our head for a lower one, once no node has had it for long enough."""
        if any(node.header(place.head.hash) is not None for node, _ in behind):
            self._behind_since_s = None
            return None
        now_s = self._clock()
        if self._behind_since_s is None:
            self._behind_since_s = now_s
        if now_s - self._behind_since_s < self._policy.rollback_after_s:
            return None
        node, tip = max(behind, key=lambda one: one[1].block.number)
        found = self._twice(node, lambda: self._live(node, place, tip, place.finalised))
        if not everyone:
            # One that is silent or left may have our head, and fills of ours below it.
            raise NoUsableNode(
                f"expected every node to be without our head {place.head.number} before it is given up for a lower "
                f"one, found {node.name} at {tip.block.number} and others silent or left; bring them back, or wait "
                "for a longer chain"
            )
        self._behind_since_s = None
        return self._commit(place, found) if found else None

    def _begin(self, node: BlockSource) -> ChainChange:
        start = max(self._watch.start_block - 1, 0)
        (header,) = node.headers([start])
        if header is None:
            raise ChainError(
                f"expected block {start}, the one before our settlement contract, from {node.name}, found none; "
                "check that it is a node of the right chain and keeps its history"
            )
        place = self._store.begin(header.block, self._watch.fingerprint)
        return ChainChange(removed=(), added=(), head=place.head, finalised=place.finalised)

    def _ask(self, question: Callable[[BlockSource], ChainChange]) -> ChainChange:
        said: list[str] = []
        for node in self._nodes.in_order():
            try:
                return question(node)
            except ChainError as error:
                said.append(str(error))
        raise NoUsableNode(
            "; ".join(said) or "expected a node that can be trusted, found none; wait, or name others"
        )
