"""What RouterHooks reads out of the two hook fields of an order of ours on 1inch's domain.

Pre-interaction: private taker and just-in-time inventory.

| bytes         | field                                                                                    |
|---------------|------------------------------------------------------------------------------------------|
| 0             | flags: bit 0 private taker; the other bits zero                                          |
| 1             | source: 0 none, 1 Aave withdraw, 2 Aave borrow, 3 Compound redeem, 4 Compound borrow     |
| 2-21 if bit 0 | full address of the only taker, not zero                                                 |

Post-interaction: what becomes of the taker asset that came in.

| bytes         | field                                                                                    |
|---------------|------------------------------------------------------------------------------------------|
| 0             | action: 0 none, 1 supply to Aave, 2 supply to Compound, 3 repay debt, 4 hedge            |
| 1             | flags: bit 0 required (a failure reverts the fill); zero for action 0                    |
| 2-5           | gas floor of a best-effort action, at least 100,000; zero if required or action 0        |
| 6             | action 3: market, 1 Aave V3, 2 Compound V2                                               |
| 6-7           | action 4: share of the taking amount to sell, in bps, 1 to 10,000                        |
| 8-23          | action 4: minimum of the maker asset for that share of the whole order, not zero         |
| 24-55         | action 4: plan word for the hedger                                                       |
| 56 to the end | action 4: route bytes for the hedger                                                     |

``RouterHookTerms`` puts both into an extension. The same tables with their reasons: contracts/HOOKS.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from pmm.domain.tokens import ZERO_ADDRESS, Address, address_from_bytes, address_to_bytes
from pmm.domain.words import check_uint
from pmm.errors import InvalidInput

# RouterHooks.MIN_GAS_FLOOR
MIN_GAS_FLOOR = 100_000
_BPS = 10_000
# What AtomicHedger.swapExactIn sells through: Uniswap V3, V2, V4. It judges the rest of the plan itself.
_SWAP_SOURCES = (1, 7, 8)
_PRE_HEAD = 2
_POST_HEAD = 6
_POST_HEDGE = 56

_E = TypeVar("_E", bound=IntEnum)


class InventorySource(IntEnum):
    """Where the lending account takes what the settlement lacks of the maker asset."""

    NONE = 0
    AAVE_WITHDRAW = 1
    AAVE_BORROW = 2
    COMPOUND_REDEEM = 3
    COMPOUND_BORROW = 4


class LendingMarket(IntEnum):
    """The markets of the lending account."""

    AAVE_V3 = 1
    COMPOUND_V2 = 2


class PostAction(IntEnum):
    """What is done with the taker asset after a fill."""

    NONE = 0
    SUPPLY_AAVE = 1
    SUPPLY_COMPOUND = 2
    REPAY = 3
    HEDGE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PreHook:
    """Payload of ``preInteraction``."""

    private_taker: Address | None = None
    source: InventorySource = InventorySource.NONE

    def __post_init__(self) -> None:
        if self.private_taker == ZERO_ADDRESS:
            raise InvalidInput("private_taker: expected an address or None, found the zero address")

    def encode(self) -> bytes:
        """Return the payload, without the hooks address that 1inch strips."""
        if self.private_taker is None:
            return bytes((0, self.source))
        return bytes((1, self.source)) + address_to_bytes(self.private_taker)

    @classmethod
    def decode(cls, data: bytes) -> PreHook:
        """Read a payload; raise InvalidInput for whatever RouterHooks refuses."""
        _check_length("preInteraction", data, _PRE_HEAD, exact=False)
        flags = data[0]
        if flags > 1:
            raise InvalidInput(f"preInteraction: expected flags of 0 or 1, found {flags}")
        source = _member(InventorySource, data[1], "preInteraction: source")
        _check_length("preInteraction", data, _PRE_HEAD + 20 * flags)
        taker = address_from_bytes(data[_PRE_HEAD:]) if flags else None
        return cls(private_taker=taker, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryHedge:
    """Sell a share of the taker asset that came in for the maker asset, through the hedger.

    ``minimum_out`` is in base units of the maker asset, for ``share_bps`` of the whole order's taking amount.
    """

    share_bps: int
    minimum_out: int
    plan: int
    route: bytes = b""

    def __post_init__(self) -> None:
        check_uint(self.share_bps, "share_bps", 16)
        check_uint(self.minimum_out, "minimum_out", 128)
        check_uint(self.plan, "plan")
        if not 1 <= self.share_bps <= _BPS:
            raise InvalidInput(f"share_bps: expected 1 to {_BPS}, found {self.share_bps}")
        if self.minimum_out == 0:
            raise InvalidInput("minimum_out: expected a number above zero, found 0")
        if self.plan >> 248 not in _SWAP_SOURCES:
            raise InvalidInput(f"plan: expected a source of {_SWAP_SOURCES}, found {self.plan >> 248}")
        if self.plan % 2**128:
            raise InvalidInput("plan: expected no minimum profit beside minimum_out, found one")

    def amounts(self, taking_amount: int, order_taking_amount: int) -> tuple[int, int]:
        """Return what RouterHooks sells (rounded down) and asks for at least (rounded up) in a fill."""
        amount_in = taking_amount * self.share_bps // _BPS
        return amount_in, -(-self.minimum_out * taking_amount // order_taking_amount)

    def encode(self) -> bytes:
        return (
            self.share_bps.to_bytes(2, "big")
            + self.minimum_out.to_bytes(16, "big")
            + self.plan.to_bytes(32, "big")
            + self.route
        )

    @classmethod
    def decode(cls, data: bytes) -> InventoryHedge:
        """Read what follows the head of the payload."""
        return cls(
            share_bps=int.from_bytes(data[:2], "big"),
            minimum_out=int.from_bytes(data[2:18], "big"),
            plan=int.from_bytes(data[18:50], "big"),
            route=data[50:],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PostHook:
    """Payload of ``postInteraction``.

    ``required`` decides whether a failure reverts the fill or is told by an event. A best-effort action signs
    the gas it must be given at least, so that a taker cannot make it fail by giving little.
    """

    action: PostAction = PostAction.NONE
    required: bool = False
    gas_floor: int = 0
    market: LendingMarket | None = None
    hedge: InventoryHedge | None = None

    def __post_init__(self) -> None:
        check_uint(self.gas_floor, "gas_floor", 32)
        if (self.market is not None) != (self.action is PostAction.REPAY):
            raise InvalidInput(f"market: expected one for REPAY alone, found {self.market!r}")
        if (self.hedge is not None) != (self.action is PostAction.HEDGE):
            raise InvalidInput(f"hedge: expected one for HEDGE alone, found {self.hedge!r}")
        if self.action is PostAction.NONE and self.required:
            raise InvalidInput("required: expected False where there is no action, found True")
        if self.required or self.action is PostAction.NONE:
            if self.gas_floor:
                raise InvalidInput(f"gas_floor: expected 0 without best effort, found {self.gas_floor}")
        elif self.gas_floor < MIN_GAS_FLOOR:
            raise InvalidInput(f"gas_floor: expected at least {MIN_GAS_FLOOR}, found {self.gas_floor}")

    def encode(self) -> bytes:
        """Return the payload, without the hooks address that 1inch strips."""
        head = bytes((self.action, self.required)) + self.gas_floor.to_bytes(4, "big")
        if self.market is not None:
            return head + bytes((self.market,))
        return head + (self.hedge.encode() if self.hedge is not None else b"")

    @classmethod
    def decode(cls, data: bytes) -> PostHook:
        """Read a payload; raise InvalidInput for whatever RouterHooks refuses."""
        _check_length("postInteraction", data, _POST_HEAD, exact=False)
        action = _member(PostAction, data[0], "postInteraction: action")
        if data[1] > 1:
            raise InvalidInput(f"postInteraction: expected flags of 0 or 1, found {data[1]}")
        market = hedge = None
        if action is PostAction.HEDGE:
            _check_length("postInteraction", data, _POST_HEDGE, exact=False)
            hedge = InventoryHedge.decode(data[_POST_HEAD:])
        elif action is PostAction.REPAY:
            _check_length("postInteraction", data, _POST_HEAD + 1)
            market = _member(LendingMarket, data[_POST_HEAD], "postInteraction: market")
        else:
            _check_length("postInteraction", data, _POST_HEAD)
        return cls(
            action=action,
            required=bool(data[1]),
            gas_floor=int.from_bytes(data[2:6], "big"),
            market=market,
            hedge=hedge,
        )


def _check_length(name: str, data: bytes, expected: int, *, exact: bool = True) -> None:
    if len(data) < expected or (exact and len(data) != expected):
        raise InvalidInput(f"{name}: expected {expected} bytes, found {len(data)}")


def _member(kind: type[_E], value: int, name: str) -> _E:
    try:
        return kind(value)
    except ValueError as error:
        raise InvalidInput(
            f"{name}: expected one of {[int(item) for item in kind]}, found {value}"
        ) from error
