"""What happened on the chain that concerns the desk, each with the place where it stands.

An event is one log. ``(block hash, log index)`` names it for ever: the same log in the block that replaced its own
after a reorganisation is another event.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pmm.domain.tokens import Address


class LendingMarket(StrEnum):
    """Where supply and debt stand; the numbers of the contracts are 1 and 2."""

    AAVE_V3 = "aave_v3"
    COMPOUND_V2 = "compound_v2"


class LendingAction(StrEnum):
    """What changed a lending position."""

    SUPPLY = "supply"
    WITHDRAW = "withdraw"
    BORROW = "borrow"
    REPAY = "repay"
    LIQUIDATION = "liquidation"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRef:
    """One block of one branch; ``time_s`` is its unix time."""

    number: int
    hash: bytes
    parent_hash: bytes
    time_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlace:
    """Where a log stands."""

    block: BlockRef
    transaction_hash: bytes
    log_index: int

    @property
    def key(self) -> tuple[bytes, int]:
        """Name of the event, unique over all branches."""
        return self.block.hash, self.log_index


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """One of our orders was filled; ``settled_by`` is 1inch's router, OKX's contract or our settlement contract.

    Where the settling contract does not say who took or how much (1inch's event does not), the amounts come from the
    token transfers of the same transaction; ``taker`` is then the other side of those transfers.
    """

    place: EventPlace
    order_hash: bytes
    settled_by: Address
    taker: Address
    maker_asset: Address
    taker_asset: Address
    making_amount: int
    taking_amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMoved:
    """A transfer to or from an account of ours, base units."""

    place: EventPlace
    token: Address
    sender: Address
    receiver: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingChanged:
    """A lending account's supply or debt of one token changed by ``amount`` base units, without interest.

    A liquidation takes ``amount`` of collateral ``token``, and on Aave pays ``debt_amount`` of ``debt_token`` in the
    same log. Compound counts seized collateral in its own shares (``token`` is the cToken) and names the debt paid in
    a REPAY of its own.
    """

    place: EventPlace
    market: LendingMarket
    action: LendingAction
    account: Address
    token: Address
    amount: int
    debt_token: Address | None = None
    debt_amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersCancelled:
    """Orders died without a fill; ``what`` is the event's name in the contract, ``words`` its arguments in order."""

    place: EventPlace
    contract: Address
    what: str
    words: tuple[int, ...]


ChainEvent = OrderFilled | TokenMoved | LendingChanged | OrdersCancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainChange:
    """One step of the chain as the desk follows it.

    Attributes:
        removed: events of blocks that are no longer part of the chain, newest first.
        added: events of blocks that are, oldest first.
        head: newest block after the step.
        finalised: highest block number that no reorganisation undoes.
    """

    removed: tuple[ChainEvent, ...]
    added: tuple[ChainEvent, ...]
    head: BlockRef
    finalised: int
