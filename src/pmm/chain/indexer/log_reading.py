"""Addresses out of logs."""

from __future__ import annotations

from functools import lru_cache

from pmm.domain import Address, address_from_bytes

_ADDRESS_DIGITS = 40


@lru_cache(maxsize=8_192)
def topic_address(digits: str) -> Address:
    """Return the address that a topic, or an address as nodes write it, ends with."""
    return address_from_bytes(bytes.fromhex(digits[-_ADDRESS_DIGITS:]))


def word_address(word: int) -> Address:
    """Return the address in a word of data; its upper bytes are dropped, as Solidity's own decoder refuses others."""
    return address_from_bytes((word & ((1 << 160) - 1)).to_bytes(20, "big"))
