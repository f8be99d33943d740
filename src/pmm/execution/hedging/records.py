"""What the hedger keeps for ever: entries of delta, intents to trade it away, and the legs they are made of.

The books close: for every intent, the entries it claimed add up to ``-trade + waived + carry``, and what its legs
brought (``got``) differs from ``trade`` by the residual that is entered again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pmm.domain import Address


class EntryKind(StrEnum):
    """Where a piece of delta comes from."""

    FILL = "fill"
    UNDO = "undo"
    """A reorganisation took the fill away."""
    CARRY = "carry"
    """What a strategy left open of the entries it claimed."""
    RETURN = "return"
    """What a failed intent did not trade."""
    RESIDUAL = "residual"
    """What a hedge traded more or less than it was to, or the undoing of it."""
    COMMAND = "command"
    """Asked for by the operator or the risk engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A piece of delta to be hedged.

    Attributes:
        key: unique for ever; the same event gives the same key.
        amount: base units of ``asset`` that we are longer by, negative where shorter.
        edge_usd_wad: what the trade earned at fair prices before its hedge, 0 where nothing was earned.
        block_number, block_hash, transaction_hash: where it happened; 0 and empty for what has no place.
        intent_id: the intent that claimed it, None while it is open.
    """

    key: str
    kind: EntryKind
    asset: Address
    amount: int
    at_ms: int
    edge_usd_wad: int = 0
    block_number: int = 0
    block_hash: bytes = b""
    transaction_hash: bytes = b""
    intent_id: str | None = None


class IntentState(StrEnum):
    """How far an intent is; the last three are over."""

    OPEN = "open"
    UNWINDING = "unwinding"
    """A leg failed for good: what the others did is being taken back."""
    DONE = "done"
    FAILED = "failed"
    STUCK = "stuck"
    """A leg failed and could not be taken back: the operator must look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A decision to change our position in ``asset`` by ``trade`` base units (negative: sell), once.

    Attributes:
        waived: delta that the strategy leaves unhedged for good (a hedge ratio below one).
        cost_usd_wad: full cost of the route as it was ranked.
        edge_usd_wad: edge of the entries it claimed.
        closings: how often it ended or was opened again.
    """

    intent_id: str
    asset: Address
    trade: int
    waived: int
    route: str
    strategy: str
    reason: str
    created_ms: int
    cost_usd_wad: int
    edge_usd_wad: int
    state: IntentState = IntentState.OPEN
    detail: str = ""
    closings: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is done for it, unless a reorganisation undoes what was."""
        return self.state in (IntentState.DONE, IntentState.FAILED, IntentState.STUCK)

    def moved(self, state: IntentState, detail: str = "") -> Intent:
        """Return the intent in another state."""
        return replace(self, state=state, detail=detail, closings=self.closings + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCall:
    """One transaction of the operator; ``gas_units`` is what it is expected to take.

    ``last_block``: its prices are too old after it, and it is not to be mined any more. None: they never are.
    ``gas_price_cap_wei``: the most per gas at which it is worth it. None: whatever the sender pays.
    """

    to: Address
    data: bytes
    purpose: str
    gas_units: int
    last_block: int | None = None
    gas_price_cap_wei: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpOrder:
    """One order on a perp venue: change the position in ``asset`` by ``amount``, at ``limit_usd_e36`` or better."""

    venue: str
    asset: Address
    amount: int
    limit_usd_e36: int
    purpose: str


LegCall = ContractCall | PerpOrder


class LegState(StrEnum):
    """How far a leg is."""

    PLANNED = "planned"
    SENDING = "sending"
    """Recorded before it is handed over: whether it was is not known after a crash."""
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    """The answer was lost: nothing is sent until whoever took it says what became of it."""
    SETTLED = "settled"
    """In a block, or filled, with what it brought."""
    FINAL = "final"
    """Settled below the finalised block."""
    FAILED = "failed"
    """Will never happen."""


IN_FLIGHT = frozenset({LegState.SENDING, LegState.SUBMITTED, LegState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One transaction or order of an intent.

    Attributes:
        key: idempotency key under which it is submitted.
        number: order within the intent; ``attempt`` counts repairs of it.
        undoes: number of the leg that it takes back, None for one that goes forward.
        undo: calls that would take it back.
        references: transaction hashes or order ids it may be found under, as last heard.
        settled_by: the one of them that did it.
        got: what it changed our position in the intent's asset by.
    """

    key: str
    intent_id: str
    number: int
    attempt: int
    call: LegCall
    undo: tuple[LegCall, ...] = ()
    undoes: int | None = None
    state: LegState = LegState.PLANNED
    references: tuple[bytes, ...] = ()
    settled_by: bytes = b""
    got: int = 0
    block_number: int = 0
    block_hash: bytes = b""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTransaction:
    """What a transaction in a block of the chain changed our position by, base units per token."""

    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    deltas: tuple[tuple[Address, int], ...]

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Block hash and transaction hash."""
        return self.block_hash, self.transaction_hash

    def delta(self, token: Address) -> int:
        """Return the change of one token."""
        return dict(self.deltas).get(token, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeBatch:
    """What is written in one durable step: new entries, intents and legs as they are now, and the cursor.

    Attributes:
        claims: pairs of an entry's key and the intent that claims it.
        seen, unseen: transactions that joined the chain, and (block hash, transaction hash) of those that left it.
        cursor: number and hash of the newest block whose events are in the ledger, None where it stays.
        finalised: transactions below it are forgotten.
    """

    entries: tuple[Entry, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    intents: tuple[Intent, ...] = ()
    legs: tuple[Leg, ...] = ()
    seen: tuple[SeenTransaction, ...] = ()
    unseen: tuple[tuple[bytes, bytes], ...] = ()
    cursor: tuple[int, bytes] | None = None
    finalised: int = 0

    def __add__(self, later: HedgeBatch) -> HedgeBatch:
        """Return both in one; of the same intent or leg the later one counts."""
        return HedgeBatch(
            entries=(*self.entries, *later.entries),
            claims=(*self.claims, *later.claims),
            intents=tuple({one.intent_id: one for one in (*self.intents, *later.intents)}.values()),
            legs=tuple({one.key: one for one in (*self.legs, *later.legs)}.values()),
            seen=(*self.seen, *later.seen),
            unseen=(*self.unseen, *later.unseen),
            cursor=later.cursor or self.cursor,
            finalised=max(self.finalised, later.finalised),
        )

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == HedgeBatch()


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeState:
    """What a restart needs: entries that are open or belong to a live intent, and what may still be undone."""

    entries: tuple[Entry, ...] = ()
    intents: tuple[Intent, ...] = ()
    legs: tuple[Leg, ...] = ()
    seen: tuple[SeenTransaction, ...] = ()
    cursor: tuple[int, bytes] | None = None
