"""ABI encoding of single calls from a human-readable signature."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.grammar import parse
from eth_utils.crypto import keccak


@lru_cache(maxsize=1024)
def _split(signature: str) -> tuple[bytes, tuple[str, ...]]:
    name, _, rest = signature.partition("(")
    # eth_abi's grammar has no empty tuple.
    components = () if rest == ")" else parse(f"({rest}").components
    types = tuple(component.to_type_str() for component in components)
    return keccak(text=f"{name}({','.join(types)})")[:4], types


def selector(signature: str) -> bytes:
    """Return the four-byte selector of ``name(type,...)``."""
    return _split(signature)[0]


def encode_call(signature: str, *arguments: Any) -> bytes:
    """Return calldata for ``name(type,...)``; raises eth_abi's EncodingError on values that do not fit."""
    head, types = _split(signature)
    return head + encode(types, arguments)


def encode_arguments(types: Sequence[str], *arguments: Any) -> bytes:
    """Return ABI-encoded constructor arguments."""
    return encode(types, arguments)


def decode_result(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Decode return data; addresses come back lower case."""
    return decode(types, data)
