"""The hedger's books in memory: what is open, what was claimed, what stands on which block. No I/O.

Methods that say what happens return what must be written; :meth:`HedgeAccounts.apply` makes it true here. A crash in
between leaves the ledger, which is what counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pmm.domain import Address
from pmm.execution.hedging.records import (
    Entry,
    EntryKind,
    HedgeBatch,
    HedgeState,
    Intent,
    IntentState,
    Leg,
    LegState,
    SeenTransaction,
)
from pmm.execution.hedging.transaction_deltas import TransactionDelta

_Key = tuple[bytes, bytes]
_BROUGHT = (LegState.SETTLED, LegState.FINAL)
_ENDED = (LegState.FINAL, LegState.FAILED)


class HedgeAccounts:
    """Entries, intents and legs that are not over yet, or stand on blocks that may still be undone."""

    def __init__(self, state: HedgeState) -> None:
        self.cursor: tuple[int, bytes] | None = None
        self._entries: dict[str, Entry] = {}
        self._intents: dict[str, Intent] = {}
        self._legs: dict[str, Leg] = {}
        self._seen: dict[_Key, SeenTransaction] = {}
        self.apply(
            HedgeBatch(
                entries=state.entries,
                intents=state.intents,
                legs=state.legs,
                seen=state.seen,
                cursor=state.cursor,
            )
        )

    def apply(self, batch: HedgeBatch) -> None:
        """Take over what is written."""
        for entry in batch.entries:
            self._entries[entry.key] = entry
        for key, intent_id in batch.claims:
            self._entries[key] = replace(self._entries[key], intent_id=intent_id)
        for intent in batch.intents:
            self._intents[intent.intent_id] = intent
        for leg in batch.legs:
            self._legs[leg.key] = leg
        for key_of_seen in batch.unseen:
            self._seen.pop(key_of_seen, None)
        for one in batch.seen:
            self._seen[one.key] = one
        if batch.cursor is not None:
            self.cursor = batch.cursor

    # ------------------------------------------------------------------------------------------------ reading

    def open_entries(self, asset: Address) -> tuple[Entry, ...]:
        """Return the entries of an asset that no intent has claimed."""
        return tuple(one for one in self._entries.values() if one.asset == asset and one.intent_id is None)

    def open_delta(self, asset: Address) -> int:
        """Return delta that nobody has decided about yet, base units."""
        return sum(one.amount for one in self.open_entries(asset))

    def in_flight(self, asset: Address) -> int:
        """Return what intents under way will still change our position by, base units."""
        live = (one for one in self._intents.values() if one.asset == asset and not one.over)
        return sum(one.trade - self.got(one.intent_id) for one in live)

    def got(self, intent_id: str) -> int:
        """Return what the settled legs of an intent changed our position by, base units."""
        return sum(leg.got for leg in self.legs_of(intent_id) if leg.state in _BROUGHT)

    def live_intents(self) -> tuple[Intent, ...]:
        """Return the intents that are not over."""
        return tuple(one for one in self._intents.values() if not one.over)

    def intent(self, intent_id: str) -> Intent:
        """Return an intent; raises KeyError for one that is over and final."""
        return self._intents[intent_id]

    def commanded(self, intent_id: str) -> bool:
        """Tell whether an intent does what the operator or the risk engine asked for."""
        return any(
            one.kind is EntryKind.COMMAND for one in self._entries.values() if one.intent_id == intent_id
        )

    def legs_of(self, intent_id: str) -> tuple[Leg, ...]:
        """Return the legs of an intent, oldest first."""
        return tuple(leg for leg in self._legs.values() if leg.intent_id == intent_id)

    def legs(self, states: Collection[LegState]) -> tuple[Leg, ...]:
        """Return the legs in one of these states, oldest first."""
        return tuple(leg for leg in self._legs.values() if leg.state in states)

    def seen(self, transaction_hashes: Collection[bytes]) -> SeenTransaction | None:
        """Return what one of these transactions did, where it is part of the chain as we follow it."""
        return next((one for one in self._seen.values() if one.transaction_hash in transaction_hashes), None)

    # -------------------------------------------------------------------------------------------- what happens

    def entries_of(
        self,
        removed: Iterable[TransactionDelta],
        added: Iterable[TransactionDelta],
        *,
        assets: Collection[Address],
        at_ms: int,
        known: Collection[str],
        edges_usd_wad: Mapping[_Key, int],
    ) -> tuple[Entry, ...]:
        """Return the entries of a step of the chain: one per fill's transaction and asset, and one per undone one.

        A transaction whose fill stands in the books already, or that never stood there, gives none: a step may come
        twice. ``known`` are the keys that the ledger has for these blocks.
        """
        found: dict[str, Entry] = {}
        steps = [(one, EntryKind.UNDO, -1) for one in removed] + [(one, EntryKind.FILL, 1) for one in added]
        for one, kind, sign in steps:
            named = {token for fill in one.fills for token in (fill.maker_asset, fill.taker_asset)}
            for index, asset in enumerate(sorted(named.intersection(assets))):
                base = f"{one.place.block.hash.hex()}:{one.place.transaction_hash.hex()}:{asset}"
                fills = _count(f"{EntryKind.FILL}:{base}", known, found)
                undone = _count(f"{EntryKind.UNDO}:{base}", known, found)
                if (fills == undone) is not (kind is EntryKind.FILL):
                    continue
                key = f"{kind}:{base}:{fills if kind is EntryKind.FILL else undone}"
                found[key] = Entry(
                    key=key,
                    kind=kind,
                    asset=asset,
                    amount=sign * one.deltas.get(asset, 0),
                    at_ms=at_ms,
                    # The edge is the whole transaction's: it counts once.
                    edge_usd_wad=0 if index else sign * edges_usd_wad.get(one.key, 0),
                    block_number=one.place.block.number,
                    block_hash=one.place.block.hash,
                    transaction_hash=one.place.transaction_hash,
                )
        return tuple(found.values())

    def undone_legs(self, removed: Iterable[TransactionDelta]) -> tuple[Leg, ...]:
        """Return the settled legs that a reorganisation took away."""
        gone = {one.key for one in removed}
        return tuple(
            leg for leg in self.legs((LegState.SETTLED,)) if (leg.block_hash, leg.settled_by) in gone
        )

    def reopened(self, leg: Leg, *, at_ms: int) -> HedgeBatch:
        """Return an undone leg as unknown and its intent as not over: whoever sent it knows what comes next."""
        intent = self._intents[leg.intent_id]
        left = self.got(intent.intent_id) - intent.trade
        entries: tuple[Entry, ...] = ()
        if intent.over and left:
            entries = (self._entry(EntryKind.RESIDUAL, intent, -left, -_edge_of(intent, left), at_ms),)
        undone = replace(
            leg, state=LegState.UNKNOWN, got=0, block_number=0, block_hash=b"", detail="its block was undone"
        )
        unwinding = intent.state in (IntentState.UNWINDING, IntentState.FAILED, IntentState.STUCK)
        state = IntentState.UNWINDING if unwinding else IntentState.OPEN
        return HedgeBatch(
            entries=entries, intents=(intent.moved(state, "a block was undone"),), legs=(undone,)
        )

    def settled(self, leg: Leg, seen: SeenTransaction) -> HedgeBatch:
        """Return a leg that stands in a block, with what it brought of its intent's asset."""
        done = replace(
            leg,
            state=LegState.SETTLED,
            got=seen.delta(self._intents[leg.intent_id].asset),
            block_number=seen.block_number,
            block_hash=seen.block_hash,
            settled_by=seen.transaction_hash,
            detail="",
        )
        return HedgeBatch(legs=(done,))

    def closed(self, intent: Intent, state: IntentState, *, at_ms: int, detail: str = "") -> HedgeBatch:
        """Return the end of an intent: what it traded too little or too much is open again.

        What a command asked for and a failed intent did not do stays commanded: it is tried again, whatever the
        strategy says.
        """
        left = self.got(intent.intent_id) - intent.trade
        kind = EntryKind.RESIDUAL if state is IntentState.DONE else EntryKind.RETURN
        if state is IntentState.FAILED and self.commanded(intent.intent_id):
            kind = EntryKind.COMMAND
        if kind is EntryKind.RETURN:
            # It keeps its age: a batch that was due is due again.
            claimed = [one.at_ms for one in self._entries.values() if one.intent_id == intent.intent_id]
            at_ms = min(claimed, default=at_ms)
        entries = (self._entry(kind, intent, left, _edge_of(intent, left), at_ms),) if left else ()
        return HedgeBatch(entries=entries, intents=(intent.moved(state, detail),))

    def final(self, finalised: int) -> HedgeBatch:
        """Return the settled legs that no reorganisation undoes any more, and the end of what was seen below."""
        legs = tuple(
            replace(leg, state=LegState.FINAL)
            for leg in self.legs((LegState.SETTLED,))
            if leg.block_number <= finalised
        )
        open_legs = self.legs((LegState.SENDING, LegState.SUBMITTED, LegState.UNKNOWN))
        # A leg of which we do not know the transaction yet may be any of those seen.
        forgotten = (
            ()
            if open_legs
            else tuple(key for key, one in self._seen.items() if one.block_number <= finalised)
        )
        return HedgeBatch(legs=legs, unseen=forgotten, finalised=finalised)

    def forget(self) -> None:
        """Drop from memory what is over and final; the ledger keeps it."""
        over = {
            one.intent_id
            for one in self._intents.values()
            if one.over and all(leg.state in _ENDED for leg in self.legs_of(one.intent_id))
        }
        self._entries = {key: one for key, one in self._entries.items() if one.intent_id not in over}
        self._legs = {key: leg for key, leg in self._legs.items() if leg.intent_id not in over}
        for intent_id in over:
            del self._intents[intent_id]

    @staticmethod
    def _entry(kind: EntryKind, intent: Intent, amount: int, edge_usd_wad: int, at_ms: int) -> Entry:
        key = f"{kind}:{intent.intent_id}:{intent.closings}"
        return Entry(
            key=key, kind=kind, asset=intent.asset, amount=amount, at_ms=at_ms, edge_usd_wad=edge_usd_wad
        )


def _edge_of(intent: Intent, left: int) -> int:
    """Return the part of an intent's edge that goes with what it did not trade, rounded down; all of it at most."""
    missing = min(max(-left if intent.trade > 0 else left, 0), abs(intent.trade))
    return intent.edge_usd_wad * missing // abs(intent.trade) if missing else 0


def _count(base: str, *places: Collection[str]) -> int:
    number = 0
    while any(f"{base}:{number}" in place for place in places):
        number += 1
    return number
