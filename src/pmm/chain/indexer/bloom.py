"""The bloom filter of a block's logs: yellow paper, section 4.3.1 (M3:2048)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from pmm.chain.indexer.node_answers import LogAnswer
from pmm.domain.native_backends import keccak256

_BITS = 2_048


@lru_cache(maxsize=16_384)
def _bits(entry: str) -> int:
    digest = keccak256(bytes.fromhex(entry[2:]))
    mask = 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[at : at + 2], "big") % _BITS)
    return mask


def bloom_of(logs: Iterable[LogAnswer]) -> int:
    """Return the filter that holds addresses and topics of these logs, and nothing else."""
    mask = 0
    for log in logs:
        mask |= _bits(log.address.lower())
        for topic in log.topics:
            mask |= _bits(topic)
    return mask


def may_hold(bloom: int, log: LogAnswer) -> bool:
    """Tell whether a block with this filter may hold the log: False is certain."""
    mask = bloom_of((log,))
    return bloom & mask == mask
