"""Which token a pool took, by its own event."""

from __future__ import annotations

from pmm.demo.swap_events import pool_amounts, swap_amounts
from pmm.domain import USDC, WETH

_SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"


def _receipt(amount0: int, amount1: int) -> dict[str, object]:
    words = b"".join(one.to_bytes(32, "big", signed=True) for one in (amount0, amount1)) + bytes(96)
    other = {"topics": ["0xddf2"], "data": "0x"}
    return {"logs": [other, {"topics": [_SWAP], "data": "0x" + words.hex()}]}


def test_swap_amounts__usdc_is_token0__whatever_order_they_are_named_in() -> None:
    expected = {USDC.address: -4_723_015_550, WETH.address: 15 * 10**17}
    receipt = _receipt(-4_723_015_550, 15 * 10**17)
    assert swap_amounts(receipt, WETH, USDC) == expected
    assert swap_amounts(receipt, USDC, WETH) == expected


def test_swap_amounts__no_swap__is_none() -> None:
    assert swap_amounts({"logs": [{"topics": ["0xddf2"], "data": "0x"}]}, WETH, USDC) is None
    assert pool_amounts({"logs": []}) is None
