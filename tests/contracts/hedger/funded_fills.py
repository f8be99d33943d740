"""What a funded fill is to the tests of AtomicHedger: its terms, its calldata, its refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import ape
from eth_abi.abi import decode

from pmm.domain import USDC, WETH, Address, FillArgs, FundingSource, SignedOrder, TakerTraits

CONTRACTS = Path(__file__).parents[3] / "contracts"
SWAP_FEE_PIPS = 500
ONE_WETH = 10**18
SOURCES = (
    FundingSource.UNISWAP_V3_SWAP,
    FundingSource.MORPHO_BLUE_LOAN,
    FundingSource.BALANCER_V2_LOAN,
    FundingSource.AAVE_V3_LOAN,
)
LOANS = SOURCES[1:]


class SettlementTrick(IntEnum):
    """As in contracts/mocks/MockSettlement.sol."""

    NONE = 0
    COLLECT_NOTHING = 1
    COLLECT_ONE_UNIT_LESS = 2
    CALL_DURING_COLLECT = 3


class TokenTrick(IntEnum):
    """As in contracts/mocks/MockTrickToken.sol."""

    NONE = 0
    REFUSE_TRANSFER = 1
    REFUSE_APPROVAL = 2
    BURN_ONE_UNIT_ON_TRANSFER_FROM = 3
    CALL_ON_TRANSFER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedFill:
    """One funded fill: the arguments of ``fundFill`` but for the order hash, and what it should cost.

    Attributes:
        cost: what the swap pool takes for closing the position, base units of the taker asset.
    """

    taker: str
    receiver: str
    making_amount: int
    taking_amount: int
    plan: int
    cost: int
    maker_asset: str = WETH.address
    taker_asset: str = USDC.address

    @property
    def profit(self) -> int:
        """What is left for the maker."""
        return self.taking_amount - self.cost

    def funded_by(self, source: FundingSource) -> FundedFill:
        """Return the same fill with another source in its plan."""
        return replace(self, plan=self.plan & (2**248 - 1) | source << 248)

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments in the order of ``fundFill``."""
        return (
            b"\x11" * 32,
            self.taker,
            self.receiver,
            self.maker_asset,
            self.taker_asset,
            self.making_amount,
            self.taking_amount,
            self.plan,
        )


def external(name: str, address: str) -> Any:
    """Return a third-party contract with the ABI fragments of contracts/external."""
    return ape.Contract(address, abi=json.loads((CONTRACTS / "external" / f"{name}.json").read_text()))


def fill_call(signed_order: SignedOrder, *, target: str | None = None) -> tuple[Any, ...]:
    """Return the arguments of ``fillOrderFunded`` that fill the whole order."""
    args = FillArgs(target=Address(target) if target else None, extension=signed_order.extension)
    traits, packed = args.encode(TakerTraits(maker_amount=True))
    order = signed_order.order
    words = order.encode()
    return (
        tuple(int.from_bytes(words[i : i + 32], "big") for i in range(0, 256, 32)),
        signed_order.signature.r_bytes,
        signed_order.signature.vs_bytes,
        order.making_amount,
        traits.encode(),
        packed,
    )


def moved(before: Mapping[Any, int], after: Mapping[Any, int]) -> dict[Any, int]:
    """Return what changed, by key."""
    return {key: after[key] - before[key] for key in before if after[key] != before[key]}


def decode_error(error_types: Any, data: str | None) -> tuple[Any, ...]:
    """Return (error name, *values); addresses lower case; a bare revert is ("",)."""
    raw = bytes.fromhex((data or "0x")[2:])
    if not raw:
        return ("",)
    name, types = error_types[raw[:4]]
    return (name, *decode(types, raw[4:]))


def loan_data(fill: FundedFill, pool: str) -> bytes:
    """Return the data that a lender is given for ``fill`` and hands back, as AtomicHedger encodes it."""
    words: Sequence[int] = (
        int(fill.receiver, 16),
        int(fill.maker_asset, 16),
        int(fill.taker_asset, 16),
        fill.making_amount,
        fill.taking_amount,
        fill.plan & (2**128 - 1),
        int(pool, 16),
    )
    return b"".join(word.to_bytes(32, "big") for word in words)


def swap_data(fill: FundedFill) -> bytes:
    """Return the data that the pool of a flash swap is given for ``fill``, as AtomicHedger encodes it."""
    words: Sequence[int] = (
        int(fill.taker_asset, 16),
        int(fill.maker_asset, 16),
        fill.making_amount,
        fill.taking_amount,
        fill.plan & (2**128 - 1) | 1 << 255,
    )
    return b"".join(word.to_bytes(32, "big") for word in words)
