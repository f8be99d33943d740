from __future__ import annotations

import pytest

from pmm.domain import UINT256_MAX, parse_bytes, parse_uint
from pmm.errors import InvalidInput


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("007", 7), ("0x0", 0), ("0xfF", 255), (str(UINT256_MAX), UINT256_MAX), (5, 5),
     (hex(UINT256_MAX), UINT256_MAX), (2**53 - 1, 2**53 - 1)],
)  # fmt: skip
def test_parse_uint__number__is_read(value: object, expected: int) -> None:
    assert parse_uint(value, "salt") == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("-1", "expected a number >= 0"),
        (-1, "expected a number >= 0"),
        (str(UINT256_MAX + 1), "at most 256 bits, found 257"),
        (hex(UINT256_MAX + 1), "at most 256 bits"),
        ("9" * 5000, "expected a decimal string"),
        (2**53, "send it as a string"),
        (1e18, "expected a decimal string or 0x hex, found 1e"),
        (True, "expected a decimal string"),
        (None, "expected a decimal string"),
        ("", "expected a decimal string"),
        ("0x", "expected a decimal string"),
        ("1e18", "expected a decimal string"),
        ("1_000", "expected a decimal string"),
        (" 1", "expected a decimal string"),
        ("\u0661", "expected a decimal string"),
        ("+1", "expected a decimal string"),
    ],
)
def test_parse_uint__anything_else__raises_and_names_the_field(value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"makingAmount: .*{message}"):
        parse_uint(value, "makingAmount")


def test_parse_bytes__even_hex__is_read() -> None:
    assert parse_bytes("0x", "extension") == b""
    assert parse_bytes("0xAbcd", "extension", 2) == b"\xab\xcd"


@pytest.mark.parametrize(
    ("value", "message"),
    [("0xabc", "odd number"), ("0xzz", "not a hex digit"), ("abcd", "expected 0x hex"), (None, "expected 0x hex"),
     ("0xabcd", "expected 3 bytes, found 2")],
)  # fmt: skip
def test_parse_bytes__anything_else__raises_and_names_the_field(value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"signature: .*{message}"):
        parse_bytes(value, "signature", 3)
