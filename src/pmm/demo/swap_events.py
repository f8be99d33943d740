"""What a Uniswap V3 pool took and gave in a transaction, by its own event."""

from __future__ import annotations

from typing import Any

from pmm.domain import Address, Token

_SWAP_TOPIC = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"  # Uniswap V3 Swap


def pool_amounts(receipt: dict[str, Any]) -> tuple[int, int] | None:
    """Return the amounts of token0 and token1, positive what the pool took; None without a swap."""
    for log in receipt["logs"]:
        if log["topics"][0] == _SWAP_TOPIC:
            words = bytes.fromhex(log["data"][2:])
            first, second = (int.from_bytes(words[i : i + 32], "big", signed=True) for i in (0, 32))
            return first, second
    return None


def swap_amounts(receipt: dict[str, Any], one: Token, other: Token) -> dict[Address, int] | None:
    """Return the same by token, for a pool of these two."""
    amounts = pool_amounts(receipt)
    if amounts is None:
        return None
    # A pool's tokens are in the order of their addresses.
    tokens = sorted((one.address, other.address), key=lambda address: int(address, 16))
    return dict(zip(tokens, amounts, strict=True))
