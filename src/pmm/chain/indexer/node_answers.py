"""Blocks and logs as a node gives them, checked for form only."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import msgspec

from pmm.domain import BlockRef
from pmm.errors import ChainError

_HASH_DIGITS = 66


def _hex(digits: str) -> msgspec.Meta:
    return msgspec.Meta(pattern=rf"^0x[0-9a-fA-F]{digits}\Z")


# Sizes keep every number within the 64 bits of a column.
_Number = Annotated[str, _hex("{1,15}")]
_Word = Annotated[str, _hex("{64}")]
_Contract = Annotated[str, _hex("{40}")]
_Bloom = Annotated[str, _hex("{0,512}")]
_Data = Annotated[str, _hex("*")]


class HeaderAnswer(msgspec.Struct, frozen=True):
    """Fields of a block that following needs; hex as the node writes it."""

    number: _Number
    hash: _Word
    parentHash: _Word  # noqa: N815 - the node's name
    timestamp: _Number
    logsBloom: _Bloom  # noqa: N815


class LogAnswer(msgspec.Struct, frozen=True):
    """One log; hex as the node writes it."""

    address: _Contract
    topics: list[_Word]
    data: _Data
    blockHash: _Word  # noqa: N815
    blockNumber: _Number  # noqa: N815
    transactionHash: _Word  # noqa: N815
    logIndex: _Number  # noqa: N815
    removed: bool = False

    @property
    def index(self) -> int:
        """Place in the block."""
        return int(self.logIndex, 16)

    @property
    def words(self) -> list[int]:
        """Data as 32-byte numbers; what is left over is dropped."""
        digits = self.data[2:]
        return [int(digits[at : at + 64], 16) for at in range(0, len(digits) - 63, 64)]


class Header:
    """A block of one branch with the bloom of its logs."""

    def __init__(self, answer: HeaderAnswer) -> None:
        """Raises ChainError where a field has not its form."""
        try:
            if len(answer.hash) != _HASH_DIGITS or len(answer.parentHash) != _HASH_DIGITS:
                raise ValueError("hash")
            self.block = BlockRef(
                number=int(answer.number, 16),
                hash=bytes.fromhex(answer.hash[2:]),
                parent_hash=bytes.fromhex(answer.parentHash[2:]),
                time_s=int(answer.timestamp, 16),
            )
        except ValueError as error:
            raise ChainError(f"expected a block header, found a field {error} without its form") from None
        self._bloom = answer.logsBloom

    @cached_property
    def bloom(self) -> int:
        """2,048 bits; 0 where the node leaves it out."""
        return int(self._bloom, 16) if len(self._bloom) > len("0x") else 0
