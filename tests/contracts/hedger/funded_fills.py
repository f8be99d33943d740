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

from pmm.domain import (
    USDC,
    WETH,
    Address,
    FillArgs,
    FundingPlan,
    FundingSource,
    MakerTraits,
    OwnDomainTerms,
    RfqOrder,
    SignedOrder,
    SigningKey,
    TakerTraits,
    build_salt,
    lender_route,
    settlement_domain,
    sign_order,
)

CONTRACTS = Path(__file__).parents[3] / "contracts"
ONE_WETH = 10**18
_MINIMUM_PROFIT = 2**128 - 1
_TAKER_PAYS = 0


class SettlementTrick(IntEnum):
    """As in contracts/mocks/MockSettlement.sol."""

    NONE = 0
    COLLECT_NOTHING = 1
    PAY_ONE_UNIT_LESS = 2
    CALL_DURING_COLLECT = 3


class TokenTrick(IntEnum):
    """As in contracts/mocks/MockTrickToken.sol."""

    NONE = 0
    REFUSE_TRANSFER = 1
    REFUSE_APPROVAL = 2
    BURN_ONE_UNIT_ON_TRANSFER_FROM = 3
    CALL_ON_TRANSFER = 4


class LenderTrick(IntEnum):
    """As in contracts/mocks/MockLender.sol."""

    NONE = 0
    NO_CALLBACK = 1
    CALLBACK_TWICE = 2
    OTHER_TOKEN = 3
    OTHER_AMOUNT = 4
    OTHER_DATA = 5
    OTHER_INITIATOR = 6
    OTHER_CALLER = 7
    LEND_ONE_UNIT_LESS = 8
    PULL_ONE_UNIT_LESS = 9
    ANSWER_FALSE = 10
    CALL_BEFORE = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class FundedFill:
    """One funded fill: what the settlement contract is told, and what it should cost.

    Attributes:
        cost: what closing the position takes, base units of the taker asset.
        fee: what the lender keeps, base units of the maker asset.
    """

    taker: str
    receiver: str
    making_amount: int
    taking_amount: int
    plan: int
    cost: int
    fee: int = 0
    route: bytes = b""
    maker_asset: str = WETH.address
    taker_asset: str = USDC.address

    @property
    def profit(self) -> int:
        """What is left for the maker."""
        return self.taking_amount - self.cost

    @property
    def min_profit(self) -> int:
        return self.plan & _MINIMUM_PROFIT

    def asking(self, min_profit: int) -> FundedFill:
        """Return the same fill with another minimum profit."""
        return replace(self, plan=self.plan & ~_MINIMUM_PROFIT | min_profit)

    def funded_by(self, source: FundingSource, lender: str = "") -> FundedFill:
        """Return the same fill with another source in its plan; ``lender`` is that of ERC-3156."""
        route = self.route[20:] if self.plan >> 248 == FundingSource.ERC3156_LOAN else self.route
        if source is FundingSource.ERC3156_LOAN:
            route = lender_route(Address(lender), route)
        return replace(self, plan=self.plan & (2**248 - 1) | source << 248, route=route)

    def arguments(self) -> tuple[Any, ...]:
        """Return the struct that MockSettlement's ``fund`` takes."""
        return (
            self.taker,
            self.receiver,
            self.maker_asset,
            self.taker_asset,
            self.making_amount,
            self.taking_amount,
            self.plan,
            self.route,
        )

    def entry(self) -> tuple[str, tuple[Any, ...]]:
        """Return the hedger's function for this fill, and its arguments."""
        arguments = self.arguments()[1:-1]
        return ("fundFillByRoute", (*arguments, self.route)) if self.route else ("fundFill", arguments)

    def terms(self, private_taker: str | None = None) -> OwnDomainTerms:
        """What the order of this fill signs beside its words."""
        return OwnDomainTerms(
            private_taker=Address(private_taker) if private_taker else None,
            funding_plan=FundingPlan.decode(self.plan),
            route=self.route,
        )


def external(name: str, address: str) -> Any:
    """Return a third-party contract with the ABI fragments of contracts/external."""
    return ape.Contract(address, abi=json.loads((CONTRACTS / "external" / f"{name}.json").read_text()))


def sign_fill(
    settlement: Any,
    key: SigningKey,
    fill: FundedFill,
    nonce: int,
    private_taker: str | None = None,
    **traits: Any,
) -> SignedOrder:
    """Return the order of a funded fill on our domain, signed."""
    extension = fill.terms(private_taker).encode()
    order = RfqOrder(
        salt=build_salt(epoch=0, upper=1, extension=extension),
        maker=Address(settlement.address),
        maker_asset=Address(fill.maker_asset),
        taker_asset=Address(fill.taker_asset),
        making_amount=fill.making_amount,
        taking_amount=fill.taking_amount,
        maker_traits=MakerTraits.for_quote(
            lane=0, nonce=nonce, expiration_s=ape.chain.pending_timestamp + 60, has_extension=True, **traits
        ).encode(),
    )
    return sign_order(order, settlement_domain(ape.chain.chain_id, order.maker), key, extension)


def fill_call(
    signed_order: SignedOrder,
    *,
    target: str | None = None,
    interaction: bytes = b"",
    amount: int | None = None,
) -> tuple[Any, ...]:
    """Return the arguments of ``fillOrderFunded`` that fill the whole order, or ``amount`` of it."""
    args = FillArgs(
        target=Address(target) if target else None,
        extension=signed_order.extension,
        interaction=interaction,
    )
    traits, packed = args.encode(TakerTraits(maker_amount=True))
    order = signed_order.order
    words = order.encode()
    return (
        tuple(int.from_bytes(words[i : i + 32], "big") for i in range(0, 256, 32)),
        signed_order.signature.r_bytes,
        signed_order.signature.vs_bytes,
        order.making_amount if amount is None else amount,
        traits.encode(),
        packed,
    )


def moved(before: Mapping[Any, int], after: Mapping[Any, int]) -> dict[Any, int]:
    """Return what changed, by key."""
    return {key: after[key] - before[key] for key in before if after[key] != before[key]}


def decode_error(error_types: Any, data: str | bytes | None) -> tuple[Any, ...]:
    """Return (error name, *values); addresses lower case; a bare revert is ("",)."""
    raw = data if isinstance(data, bytes) else bytes.fromhex((data or "0x")[2:])
    if not raw:
        return ("",)
    name, types = error_types[raw[:4]]
    # Uniswap V2 leaves dirt behind its reasons.
    return (name, *decode(types, raw[4:], strict=False))


def _joined(*words: int | str) -> bytes:
    values: Sequence[int] = [int(word, 16) if isinstance(word, str) else word for word in words]
    return b"".join(value.to_bytes(32, "big") for value in values)


def loan_data(fill: FundedFill) -> bytes:
    """Return the data that a lender is given for ``fill`` and hands back, as AtomicHedger encodes it."""
    assets = (fill.maker_asset, fill.taker_asset)
    return _joined(fill.receiver, *assets, fill.making_amount, fill.plan)


def v3_swap_data(fill: FundedFill) -> bytes:
    """The same of the Uniswap V3 pool whose swap closes ``fill``."""
    return _joined(int(fill.taker_asset, 16) | _TAKER_PAYS << 160)


def v2_swap_data(fill: FundedFill) -> bytes:
    """The same of the pair whose flash swap funds ``fill``."""
    return _joined(fill.maker_asset, fill.making_amount, fill.receiver, fill.cost)


def v4_swap_data(fill: FundedFill, *, recipient: str | None = None, sells: bool = False) -> bytes:
    """The same of the Uniswap V4 manager."""
    assets = (fill.taker_asset, fill.maker_asset)
    return _joined(*assets, fill.making_amount, recipient or fill.receiver, fill.plan, int(sells))
