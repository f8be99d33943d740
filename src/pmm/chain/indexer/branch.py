"""A node's chain held against ours: what is ours still, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pmm.chain.indexer.block_source import BlockSource
from pmm.chain.indexer.bloom import bloom_of
from pmm.chain.indexer.errors import NodeIncomplete, NodeLied, ReorgBelowFinality
from pmm.chain.indexer.index_store import IndexStore, Place
from pmm.chain.indexer.node_answers import Header, LogAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Blocks above ``ancestor``, the highest block of ours that the node has too; each a child of the one before."""

    ancestor: int
    headers: tuple[Header, ...]


def find_branch(node: BlockSource, store: IndexStore, place: Place, *, tip: Header, most: int) -> Branch:
    """Return the node's chain up to ``tip``, at most ``most`` blocks of it.

    Raises:
        ReorgBelowFinality: the node has none of our blocks from the finalised one on.
        NodeLied: its blocks do not follow each other.
    """
    known = store.known(place.finalised)
    lowest = min(known)
    head = place.head.number
    # Mostly nothing was given up: the head is asked alone first.
    ancestor = head if _agrees(node, known, [head]) == head else None
    if ancestor is None:
        numbers = [number for number in sorted(known) if number <= min(head, tip.block.number)]
        ancestor = _agrees(node, known, numbers)
    if ancestor is None:
        raise ReorgBelowFinality(
            f"expected {node.name} to have block {lowest} 0x{known[lowest].hex()}, which is final, found another one "
            "or none; find out which chain is right: correct the nodes, or move the ledger away and start it from "
            "the chain anew"
        )
    last = min(tip.block.number, ancestor + most)
    headers = node.headers(range(ancestor + 1, last + 1))
    return Branch(ancestor=ancestor, headers=_linked(node, known[ancestor], headers, tip))


def _agrees(node: BlockSource, known: dict[int, bytes], numbers: Sequence[int]) -> int | None:
    """Return the highest of these numbers where the node has our block."""
    found = node.headers(numbers)
    common = [
        number
        for number, header in zip(numbers, found, strict=True)
        if header is not None and header.block.hash == known.get(number)
    ]
    return max(common, default=None)


def _linked(
    node: BlockSource, parent: bytes, headers: Sequence[Header | None], tip: Header
) -> tuple[Header, ...]:
    linked: list[Header] = []
    for header in headers:
        if header is None:
            raise NodeIncomplete(
                f"expected every block up to {tip.block.number} from {node.name}, found a gap"
            )
        if header.block.parent_hash != parent:
            raise NodeLied(
                f"expected block {header.block.number} of {node.name} to be a child of 0x{parent.hex()}, found it to "
                f"be one of 0x{header.block.parent_hash.hex()}"
            )
        linked.append(header)
        parent = header.block.hash
    if linked and linked[-1].block.number == tip.block.number and parent != tip.block.hash:
        raise NodeLied(f"expected head 0x{tip.block.hash.hex()} of {node.name}, found 0x{parent.hex()} there")
    return tuple(linked)


def complete_logs(
    node: BlockSource, headers: Sequence[Header], *, check_bloom: bool
) -> list[list[LogAnswer]]:
    """Return all logs of each block; raises NodeLied where they are not those that its header speaks of.

    The filter in the header is made of every address and topic of the block's logs: a log left out or invented shows,
    unless others of the same block set the same bits.
    """
    found = node.block_logs([header.block.hash for header in headers])
    for header, logs in zip(headers, found, strict=True):
        check_place(node, header, logs)
        if check_bloom and bloom_of(logs) != header.bloom:
            raise NodeLied(
                f"expected the logs of block {header.block.number} of {node.name} to make up its bloom filter, found "
                f"{len(logs)} logs that do not: some are missing or made up"
            )
    return found


def check_place(node: BlockSource, header: Header, logs: Sequence[LogAnswer]) -> None:
    """Raise NodeLied for a log of another block or branch, or two logs in one place."""
    block = header.block
    wanted = "0x" + block.hash.hex()
    for log in logs:
        if log.blockHash != wanted or int(log.blockNumber, 16) != block.number or log.removed:
            raise NodeLied(
                f"expected logs of block {block.number} {wanted} from {node.name}, found one of block "
                f"{int(log.blockNumber, 16)} {log.blockHash}{' that is removed' if log.removed else ''}"
            )
    bodies = {(log.logIndex, log.transactionHash, log.address, *log.topics, log.data) for log in logs}
    if len({body[0] for body in bodies}) != len(bodies):
        raise NodeLied(f"expected one log in each place of block {block.number} of {node.name}, found two")
