"""The hedger's tables in the desk's ledger (``pmm.ledger.schemas.hedging``): one batch is one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from pmm.domain import Address
from pmm.execution.hedging.call_text import calls_from_text, calls_to_text
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
from pmm.execution.ledger import DeskLedger, LedgerRow, LedgerTransaction

Acknowledge = Callable[[LedgerTransaction], None]
"""Moves the indexer's place of the hedger on, in the transaction that books what was read."""

_ENTRY = "entry_key, kind, asset, amount, at_ms, edge_usd_wad, block_number, block_hash, transaction_hash, intent_id"
_INTENT = (
    "intent_id, asset, trade, waived, route, strategy, reason, created_ms, cost_usd_wad, edge_usd_wad, state, "
    "detail, closings"
)
_LEG = (
    'leg_key, intent_id, number, attempt, call, undo, undoes, state, "references", settled_by, got, block_number, '
    "block_hash, detail"
)
# Intents whose story may go on: not over, or with a leg that a reorganisation may still undo.
_LIVE = (
    "SELECT intent_id FROM hedging_intents WHERE state IN ('open', 'unwinding') UNION "
    "SELECT intent_id FROM hedging_legs WHERE state NOT IN ('final', 'failed')"
)
_PUT_INTENT = (
    f"INSERT INTO hedging_intents ({_INTENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
    "ON CONFLICT (intent_id) DO UPDATE SET state = excluded.state, detail = excluded.detail, route = excluded.route, "
    "cost_usd_wad = excluded.cost_usd_wad, closings = excluded.closings"
)
_PUT_LEG = (
    f"INSERT INTO hedging_legs ({_LEG}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
    'ON CONFLICT (leg_key) DO UPDATE SET state = excluded.state, "references" = excluded."references", '
    "settled_by = excluded.settled_by, got = excluded.got, block_number = excluded.block_number, "
    "block_hash = excluded.block_hash, detail = excluded.detail"
)
_CURSOR = "hedger"


class HedgeLedger:
    """Reads and writes the hedger's books; raises SetupError while the database is down."""

    def __init__(self, ledger: DeskLedger) -> None:
        self._ledger = ledger

    def write(self, batch: HedgeBatch, also: Acknowledge | None = None) -> None:
        """Write a batch, durably or not at all, and what ``also`` writes with it."""
        if batch.empty and also is None:
            return
        with self._ledger.transaction() as transaction:
            _write(transaction, batch)
            if also is not None:
                also(transaction)

    def load(self) -> HedgeState:
        """Return what is open or may still change."""
        read = self._ledger.read
        entries = read(
            f"SELECT {_ENTRY} FROM hedging_entries WHERE intent_id IS NULL OR intent_id IN ({_LIVE}) "  # noqa: S608
            "ORDER BY seq"
        )
        intents = read(
            f"SELECT {_INTENT} FROM hedging_intents WHERE intent_id IN ({_LIVE}) ORDER BY seq"  # noqa: S608
        )
        legs = read(f"SELECT {_LEG} FROM hedging_legs WHERE intent_id IN ({_LIVE}) ORDER BY seq")  # noqa: S608
        seen = read("SELECT block_number, block_hash, transaction_hash, deltas FROM hedging_seen")
        cursor = read("SELECT block_number, block_hash FROM hedging_cursor WHERE name = ?", (_CURSOR,))
        return HedgeState(
            entries=tuple(map(_entry, entries)),
            intents=tuple(map(_intent, intents)),
            legs=tuple(map(_leg, legs)),
            seen=tuple(
                SeenTransaction(
                    block_number=number,
                    block_hash=bytes(block),
                    transaction_hash=bytes(transaction),
                    deltas=tuple((Address(token), int(amount)) for token, amount in json.loads(deltas)),
                )
                for number, block, transaction, deltas in seen
            ),
            cursor=(cursor[0][0], bytes(cursor[0][1])) if cursor else None,
        )

    def keys_of_blocks(self, block_hashes: Iterable[bytes]) -> frozenset[str]:
        """Return the keys of every entry that stands on one of these blocks."""
        sql = "SELECT entry_key FROM hedging_entries WHERE block_hash = ?"
        return frozenset(row[0] for block in block_hashes for row in self._ledger.read(sql, (block,)))

    def knows_entry(self, key: str) -> bool:
        """Tell whether an entry was ever written."""
        return bool(self._ledger.read("SELECT 1 FROM hedging_entries WHERE entry_key = ?", (key,)))

    def intent_of(self, key: str) -> Intent | None:
        """Return the intent that claimed an entry, None where none has."""
        rows = self._ledger.read(
            f"SELECT {_INTENT} FROM hedging_intents WHERE intent_id = "  # noqa: S608
            "(SELECT intent_id FROM hedging_entries WHERE entry_key = ?)",
            (key,),
        )
        return _intent(rows[0]) if rows else None

    def intents(self, *, most: int) -> tuple[Intent, ...]:
        """Return the newest intents, newest first, for reports."""
        rows = self._ledger.read(
            f"SELECT {_INTENT} FROM hedging_intents ORDER BY seq DESC LIMIT ?",  # noqa: S608
            (most,),
        )
        return tuple(map(_intent, rows))


def _write(transaction: LedgerTransaction, batch: HedgeBatch) -> None:
    transaction.executemany(_PUT_INTENT, map(_intent_row, batch.intents))
    claimed = dict(batch.claims)
    transaction.executemany(
        f"INSERT INTO hedging_entries ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [_entry_row(entry, claimed.pop(entry.key, entry.intent_id)) for entry in batch.entries],
    )
    transaction.executemany(
        "UPDATE hedging_entries SET intent_id = ? WHERE entry_key = ? AND intent_id IS NULL",
        [(intent_id, key) for key, intent_id in claimed.items()],
    )
    transaction.executemany(_PUT_LEG, map(_leg_row, batch.legs))
    transaction.executemany(
        "INSERT INTO hedging_seen (block_hash, transaction_hash, block_number, deltas) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (block_hash, transaction_hash) DO NOTHING",
        [
            (
                one.block_hash,
                one.transaction_hash,
                one.block_number,
                json.dumps([[token, str(amount)] for token, amount in one.deltas]),
            )
            for one in batch.seen
        ],
    )
    # Behind what joined: a transaction may join below the finalised block, and is forgotten at once.
    transaction.executemany(
        "DELETE FROM hedging_seen WHERE block_hash = ? AND transaction_hash = ?", batch.unseen
    )
    if batch.cursor is not None:
        transaction.execute(
            "INSERT INTO hedging_cursor (name, block_number, block_hash) VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash",
            (_CURSOR, *batch.cursor),
        )


def _entry_row(entry: Entry, intent_id: str | None) -> LedgerRow:
    return (
        entry.key,
        entry.kind.value,
        entry.asset,
        str(entry.amount),
        entry.at_ms,
        str(entry.edge_usd_wad),
        entry.block_number,
        entry.block_hash,
        entry.transaction_hash,
        intent_id,
    )


def _entry(row: LedgerRow) -> Entry:
    key, kind, asset, amount, at_ms, edge, number, block, transaction, intent_id = row
    return Entry(
        key=key,
        kind=EntryKind(kind),
        asset=Address(asset),
        amount=int(amount),
        at_ms=at_ms,
        edge_usd_wad=int(edge),
        block_number=number,
        block_hash=bytes(block),
        transaction_hash=bytes(transaction),
        intent_id=intent_id,
    )


def _intent_row(intent: Intent) -> LedgerRow:
    return (
        intent.intent_id,
        intent.asset,
        str(intent.trade),
        str(intent.waived),
        intent.route,
        intent.strategy,
        intent.reason,
        intent.created_ms,
        str(intent.cost_usd_wad),
        str(intent.edge_usd_wad),
        intent.state.value,
        intent.detail,
        intent.closings,
    )


def _intent(row: LedgerRow) -> Intent:
    key, asset, trade, waived, route, strategy, reason, created_ms, cost, edge, state, detail, closings = row
    return Intent(
        intent_id=key,
        asset=Address(asset),
        trade=int(trade),
        waived=int(waived),
        route=route,
        strategy=strategy,
        reason=reason,
        created_ms=created_ms,
        cost_usd_wad=int(cost),
        edge_usd_wad=int(edge),
        state=IntentState(state),
        detail=detail,
        closings=closings,
    )


def _leg_row(leg: Leg) -> LedgerRow:
    return (
        leg.key,
        leg.intent_id,
        leg.number,
        leg.attempt,
        calls_to_text((leg.call,)),
        calls_to_text(leg.undo),
        leg.undoes,
        leg.state.value,
        json.dumps([one.hex() for one in leg.references]),
        leg.settled_by,
        str(leg.got),
        leg.block_number,
        leg.block_hash,
        leg.detail,
    )


def _leg(row: LedgerRow) -> Leg:
    (
        key,
        intent_id,
        number,
        attempt,
        call,
        undo,
        undoes,
        state,
        references,
        settled_by,
        got,
        block,
        hash_,
        detail,
    ) = row
    return Leg(
        key=key,
        intent_id=intent_id,
        number=number,
        attempt=attempt,
        call=calls_from_text(call)[0],
        undo=calls_from_text(undo),
        undoes=undoes,
        state=LegState(state),
        references=tuple(bytes.fromhex(one) for one in json.loads(references)),
        settled_by=bytes(settled_by),
        got=int(got),
        block_number=block,
        block_hash=bytes(hash_),
        detail=detail,
    )
