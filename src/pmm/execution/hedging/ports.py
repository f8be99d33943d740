"""What the hedger needs from outside: who takes its legs, and routes that say what a hedge costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pmm.domain import Address
from pmm.execution.hedging.records import ContractCall, Leg, PerpOrder


class ReportState(StrEnum):
    """What became of something handed over under a key."""

    ABSENT = "absent"
    """Never taken: it may be handed over, again under the same key."""
    REFUSED = "refused"
    """Not taken, and would not be: it reverts, gas costs too much, the venue says no."""
    PENDING = "pending"
    UNKNOWN = "unknown"
    DONE = "done"
    """In a block without revert, or filled as far as it ever will be."""
    FAILED = "failed"
    """Reverted, cancelled or replaced by something else, and no reorganisation changes that: it will never happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The answer about one key.

    Attributes:
        references: every transaction hash it was sent under, or its order id.
        filled: change of the position where the venue is not the chain, base units.
    """

    state: ReportState
    references: tuple[bytes, ...] = ()
    filled: int = 0
    detail: str = ""


class TransactionSender(Protocol):
    """Sends transactions of the operator. ``key`` names a call for ever: the same key is never sent twice.

    Both methods may raise; nothing is known of the call then.
    """

    def submit(self, key: str, call: ContractCall) -> Report:
        """Record the call durably and hand it to a node."""
        ...

    def report(self, key: str) -> Report:
        """Return what is known of a call, ABSENT where it was never recorded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpPosition:
    """A position on a perp venue: base units of the asset, negative where short; entry price per base unit."""

    venue: str
    asset: Address
    amount: int
    entry_usd_e36: int


class PerpAccount(Protocol):
    """Our account on a perp venue. ``key`` is the client order id: the same one is never placed twice."""

    @property
    def venue(self) -> str:
        """Name of the venue."""
        ...

    def submit(self, key: str, order: PerpOrder) -> Report:
        """Place an order, immediate or cancel."""
        ...

    def report(self, key: str) -> Report:
        """Return what became of an order, ABSENT where the venue never had it."""
        ...

    def positions(self) -> tuple[PerpPosition, ...]:
        """Return the positions as last heard."""
        ...


class ChargeKind(StrEnum):
    """What a perp venue takes or gives beside the price."""

    FEE = "fee"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpCharge:
    """One amount at a venue, US dollars x 10**18, negative where we paid; ``key`` names it for ever."""

    key: str
    venue: str
    asset: Address
    kind: ChargeKind
    usd_wad: int


class PerpCharges(Protocol):
    """What a perp venue charged."""

    def charges(self) -> tuple[PerpCharge, ...]:
        """Return every fee and funding payment so far."""
        ...


class LegDesk:
    """Hands each leg to whom it is for; raises KeyError for a venue that was not given."""

    def __init__(self, sender: TransactionSender, perps: tuple[PerpAccount, ...] = ()) -> None:
        self._sender = sender
        self._perps = {one.venue: one for one in perps}

    def submit(self, leg: Leg) -> Report:
        """Hand a leg over."""
        if isinstance(leg.call, ContractCall):
            return self._sender.submit(leg.key, leg.call)
        return self._perps[leg.call.venue].submit(leg.key, leg.call)

    def report(self, leg: Leg) -> Report:
        """Ask what became of a leg."""
        if isinstance(leg.call, ContractCall):
            return self._sender.report(leg.key)
        return self._perps[leg.call.venue].report(leg.key)
