"""Catching up where nothing is given up any more: ranges of blocks, one query for each kind of log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from pmm.chain.indexer.block_source import BlockSource, LogQuery
from pmm.chain.indexer.bloom import may_hold
from pmm.chain.indexer.branch import check_place, complete_logs
from pmm.chain.indexer.decoding import EventDecoder
from pmm.chain.indexer.errors import NodeIncomplete, NodeLied
from pmm.chain.indexer.index_store import NewBlock
from pmm.chain.indexer.node_answers import Header, LogAnswer
from pmm.chain.rpc import NodeUnreachable, RpcError
from pmm.domain import BlockRef
from pmm.errors import ChainError


class History:
    """Reads ranges; a node that refuses one gets a smaller one."""

    def __init__(
        self,
        queries: Sequence[LogQuery],
        decoder: EventDecoder,
        *,
        most_blocks: int,
        check_bloom: bool,
        distrust: Callable[[BlockSource, str], None],
    ) -> None:
        self._distrust = distrust
        self._queries = queries
        self._decoder = decoder
        self._most = most_blocks
        self._blocks = most_blocks
        self._check_bloom = check_bloom

    def read(
        self, node: BlockSource, witness: BlockSource | None, head: BlockRef, last: int
    ) -> tuple[list[NewBlock], BlockRef]:
        """Return the blocks with events after ``head``, and the block that was reached.

        Every log is one of the block that the node has at its number, and the first block follows ``head``. Where
        a ``witness``, another node, has other logs, the node's whole blocks tell which of the two left some out.

        Raises NodeLied where that does not hold, ChainError as nodes do.
        """
        first = head.number + 1
        last = min(last, head.number + self._blocks)
        logs = self._logs(node, first, last)
        if logs is None:
            self._blocks = max(1, (last - first + 1) // 2)
            return self.read(node, witness, head, last)
        # Slowly: what was refused once is likely to be refused again.
        self._blocks = min(self._most, self._blocks + self._blocks // 4 + 1)
        by_number: dict[int, list[LogAnswer]] = defaultdict(list)
        for log in logs:
            by_number[int(log.blockNumber, 16)].append(log)
        headers = self._headers(node, head, sorted({first, *by_number, last}), last)
        for number, found in by_number.items():
            self._check(node, headers[number], found)
        if witness is not None:
            self._hear(node, witness, (first, last), by_number)
        added = [
            NewBlock(block=headers[number].block, events=events)
            for number in sorted(by_number)
            if (events := self._decoder.events(headers[number].block, by_number[number]))
        ]
        return added, headers[last].block

    def _logs(self, node: BlockSource, first: int, last: int) -> list[LogAnswer] | None:
        """Return the logs of a range; None where the node wants a smaller one."""
        try:
            return node.range_logs(first, last, self._queries)
        except (RpcError, NodeUnreachable):
            # Too many blocks or logs: nodes say it in many ways, some by running out of time.
            if first == last:
                raise
            return None

    @staticmethod
    def _headers(node: BlockSource, head: BlockRef, numbers: Sequence[int], last: int) -> dict[int, Header]:
        if numbers[-1] != last or numbers[0] != head.number + 1:
            raise NodeLied(
                f"expected logs of blocks {head.number + 1} to {last} from {node.name}, found some of {numbers[0]} "
                f"and {numbers[-1]}"
            )
        found: dict[int, Header] = {}
        before = head
        for number, header in zip(numbers, node.headers(numbers), strict=True):
            if header is None:
                raise NodeIncomplete(
                    f"expected block {number} of {node.name}, which calls it final, found none"
                )
            if number == before.number + 1 and header.block.parent_hash != before.hash:
                raise NodeLied(
                    f"expected block {number} of {node.name} to be a child of 0x{before.hash.hex()}, found it to be "
                    f"one of 0x{header.block.parent_hash.hex()}"
                )
            found[number] = header
            before = header.block
        return found

    def _check(self, node: BlockSource, header: Header, logs: Sequence[LogAnswer]) -> None:
        check_place(node, header, logs)
        if self._check_bloom and not all(may_hold(header.bloom, log) for log in logs):
            raise NodeLied(
                f"expected logs of block {header.block.number} of {node.name} that its bloom filter holds, found "
                "others"
            )

    def _hear(
        self,
        node: BlockSource,
        witness: BlockSource,
        span: tuple[int, int],
        by_number: Mapping[int, Sequence[LogAnswer]],
    ) -> None:
        try:
            theirs = self._logs(witness, *span) if (witness.finalised() or 0) >= span[1] else None
        except ChainError:
            return
        if theirs is None:
            return
        ours = [log for logs in by_number.values() for log in logs]
        differing = {int(number, 16) for number, *_ in _names(ours) ^ _names(theirs)}
        numbers = sorted(number for number in differing if span[0] <= number <= span[1])
        headers = [header for header in node.headers(numbers) if header is not None]
        for header, logs in zip(
            headers, complete_logs(node, headers, check_bloom=self._check_bloom), strict=True
        ):
            block = header.block
            if self._decoder.events(block, logs) != self._decoder.events(
                block, by_number.get(block.number, ())
            ):
                raise NodeLied(
                    f"expected all logs of block {block.number} among those of blocks {span[0]} to {span[1]} of "
                    f"{node.name}, found some left out"
                )
        if differing:
            self._distrust(
                witness, f"expected the logs of blocks {numbers} that {node.name} proves, found others"
            )


def _names(logs: Iterable[LogAnswer]) -> set[tuple[str, ...]]:
    return {
        (log.blockNumber, log.blockHash, log.logIndex, log.address, log.data, *log.topics) for log in logs
    }
