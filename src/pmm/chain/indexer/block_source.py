"""What following needs of a node, and of the nodes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pmm.chain.indexer.node_answers import Header, LogAnswer

LogQuery = Mapping[str, Any]
"""Address and topics of ``eth_getLogs``."""


class BlockSource(Protocol):
    """One node. Every method raises ChainError for no answer, a refusal or nonsense."""

    @property
    def name(self) -> str:
        """How messages call it; never its key."""
        ...

    def head(self) -> Header:
        """Newest block."""
        ...

    def finalised(self) -> int | None:
        """Number of the newest finalised block; None where the node knows no finality."""
        ...

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """Blocks of its chain by number; None where it has none."""
        ...

    def header(self, block_hash: bytes) -> Header | None:
        """A block of any branch that it still knows."""
        ...

    def block_logs(self, hashes: Sequence[bytes]) -> list[list[LogAnswer]]:
        """All logs of each block."""
        ...

    def range_logs(self, first: int, last: int, queries: Sequence[LogQuery]) -> list[LogAnswer]:
        """Logs of blocks ``first`` to ``last`` that answer one of the queries; one may come twice."""
        ...


class Nodes(Protocol):
    """Several nodes."""

    def in_order(self) -> Sequence[BlockSource]:
        """Those that may be asked, the chosen one first."""
        ...

    def distrust(self, node: BlockSource, why: str) -> None:
        """Leave a node for a while."""
        ...
