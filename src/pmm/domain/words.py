"""Unsigned integers and byte strings as they arrive on the wire: checked parsing and fixed-width hex.

Every message names the field, what was expected and what was found.
"""

from __future__ import annotations

import re

from pmm.errors import InvalidInput

UINT256_MAX = (1 << 256) - 1
MASK_160 = (1 << 160) - 1
# JavaScript and many JSON libraries round integers above this: such a number may already be wrong.
_JSON_SAFE_INTEGER = (1 << 53) - 1
_DECIMAL = re.compile(r"[0-9]{1,100}", re.ASCII)
_HEX_UINT = re.compile(r"0x[0-9a-fA-F]{1,100}", re.ASCII)
_HEX_BYTES = re.compile(r"0x(?:[0-9a-fA-F]{2})*", re.ASCII)


def excerpt(value: object, limit: int = 60) -> str:
    """Return ``repr(value)``, shortened, for an error message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def check_uint(value: int, name: str, bits: int = 256) -> int:
    """Return ``value`` if it is an integer of at most ``bits`` bits; raise InvalidInput naming the field."""
    if type(value) is not int:
        raise InvalidInput(
            f"{name}: expected an integer, found {excerpt(value)} of type {type(value).__name__}"
        )
    if value < 0:
        raise InvalidInput(f"{name}: expected a number >= 0, found {value}")
    if value >> bits:
        raise InvalidInput(f"{name}: expected at most {bits} bits, found {value.bit_length()} bits")
    return value


def is_uint(value: int, bits: int = 256) -> bool:
    """Tell whether :func:`check_uint` lets a value pass, where naming the field would cost more than the check."""
    return type(value) is int and value >= 0 and not value >> bits


def parse_uint(value: object, name: str, bits: int = 256) -> int:
    """Parse a decimal string, a ``0x`` hex string or a small JSON integer; raise InvalidInput otherwise."""
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value):
            return check_uint(int(value), name, bits)
        if _HEX_UINT.fullmatch(value):
            return check_uint(int(value, 16), name, bits)
        if value.startswith("-"):
            raise InvalidInput(f"{name}: expected a number >= 0, found {excerpt(value)}")
    elif type(value) is int:
        if value > _JSON_SAFE_INTEGER:
            raise InvalidInput(
                f"{name}: JSON numbers above 2^53-1 lose digits in many programs; send it as a string: "
                f"{excerpt(str(value))}"
            )
        return check_uint(value, name, bits)
    raise InvalidInput(f"{name}: expected a decimal string or 0x hex, found {excerpt(value)}")


def parse_bytes(value: object, name: str, length: int | None = None) -> bytes:
    """Parse ``0x`` hex into bytes, of exactly ``length`` bytes when given; raise InvalidInput otherwise."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise InvalidInput(f"{name}: expected 0x hex, found {excerpt(value)}")
    if not _HEX_BYTES.fullmatch(value):
        flaw = "an odd number of digits" if len(value) % 2 else "a character that is not a hex digit"
        raise InvalidInput(f"{name}: expected 0x hex, found {flaw} in {excerpt(value)}")
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise InvalidInput(f"{name}: expected {length} bytes, found {len(data)}")
    return data


def to_hex(data: bytes) -> str:
    """Return ``data`` as lower-case ``0x`` hex."""
    return "0x" + data.hex()


def word_hex(value: int) -> str:
    """Return a uint256 as ``0x`` and 64 hex digits."""
    return f"0x{value:064x}"
