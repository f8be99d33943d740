"""What the chain says that our settlement contract holds."""

from __future__ import annotations

from pmm.domain import USDC, WETH, BlockRef
from pmm.execution.book import BalanceKey, ChainReading
from tests.helpers.quoting import MAKER

BLOCK = 100


def reading(**held: int) -> ChainReading:
    tokens = {"weth": WETH.address, "usdc": USDC.address}
    return ChainReading(
        block=BlockRef(number=BLOCK, hash=b"\1" * 32, parent_hash=b"\2" * 32, time_s=1),
        balances={BalanceKey(account=MAKER, token=tokens[name]): amount for name, amount in held.items()},
        lending={},
    )
