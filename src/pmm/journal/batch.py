"""One transaction for everything that waits: read, decide against what all replicas have admitted, write, commit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pmm.domain import Address, Decision, RefusalReason
from pmm.execution import AdmittedQuote, QuoteRecord, Receipt, Settlement, StoredQuote
from pmm.execution.admission_rules import key_conflict
from pmm.journal.decoding import STORED_COLUMNS, stored_quote
from pmm.journal.encoding import nonce_space, outcome_row, quote_row, snapshot_row
from pmm.journal.entries import Entry
from pmm.journal.schema import (
    DELETE_BINDINGS,
    INSERT_BINDING,
    INSERT_OUTCOME,
    INSERT_QUOTE,
    INSERT_SNAPSHOT,
)
from pmm.journal.store import BadRecord, Row, Statement, Store, StoreDown, UnsyncedStore
from pmm.journal.totals import COUNT, USD, Totals, asset_name, names_of, taker_name

_READ_BINDING = (
    f"SELECT body_hash, {', '.join('quotes.' + name.strip() for name in STORED_COLUMNS.split(','))} "  # noqa: S608
    "FROM bindings JOIN quotes ON quotes.order_hash = bindings.order_hash "
    "WHERE bindings.relayer = ? AND bindings.idempotency_key = ?"
)
_READ_LEASE = "SELECT fence FROM leases WHERE nonce_space = ? AND replica = ?"
_READ_LIVE = (
    "SELECT quotes.order_hash, maker_asset, settlement, allowed_sender, reserved_amount, usd_wad, "
    "outcomes.order_hash "
    "FROM quotes LEFT JOIN outcomes ON outcomes.order_hash = quotes.order_hash WHERE quotes.order_hash IN ({})"
)
# Of a statement that names many rows at once: few forms, each prepared once.
_MOST_AT_ONCE = 64
_KNOWN = 64
# Totals kept in memory: one for each asset and for each taker with a live quote.
_MOST_TOTALS = 4_096

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Binding:
    body_hash: bytes
    quote: StoredQuote


class BatchWriter:
    """Writes batches of entries, one at a time. ``replica`` names this process in the rows.

    Where nobody else writes, the totals of one transaction are known to the next.
    """

    def __init__(self, store: Store, *, replica: str, unsynced: UnsyncedStore | None = None) -> None:
        self._store = store
        self._unsynced = unsynced
        self._replica = replica
        self._totals = Totals(replica)
        self._stopped: str | None = None
        # Snapshots follow each other: remembering a few spares their serialisation for every quote.
        self._snapshots_known: dict[str, None] = {}

    def stop(self, why: str) -> None:
        """Write nothing from now on: raise StoreDown that says ``why``."""
        self._stopped = why

    def write(self, entries: Sequence[Entry], *, unsynced: bool = False) -> None:
        """Write all entries in one transaction; sets each one's receipt. Raises StoreDown, BadRecord.

        ``unsynced`` waits for nobody, and leaves it to the caller to make the transaction durable.
        """
        if self._stopped is not None:
            raise StoreDown(self._stopped)
        if self._store.shared or len(self._totals) > _MOST_TOTALS:
            self._totals = Totals(self._replica)
        batch = _Batch(entries, self._replica, totals=self._totals, require_lease=self._store.shared)
        begin = self._unsynced.begin_unsynced if unsynced and self._unsynced else self._store.begin
        try:
            batch.accept(begin([*batch.reads(), *batch.total_reads()]))
            late = batch.total_reads()
            if late:
                batch.accept_totals(self._store.query(late))
            snapshots = self._fresh_snapshots(entries)
            statements = batch.decide()
            rows = [
                (INSERT_SNAPSHOT, snapshot_row(entry.market)) for entry in snapshots.values() if entry.market
            ]
            self._store.commit([*rows, *statements])
        except BaseException:
            # What was counted is not so, and the database knows it.
            self._totals = Totals(self._replica)
            self._store.rollback()
            raise
        self._remember(snapshots)

    def _fresh_snapshots(self, entries: Sequence[Entry]) -> dict[str, Entry]:
        return {
            entry.market.snapshot_id: entry
            for entry in entries
            if entry.market is not None and entry.market.snapshot_id not in self._snapshots_known
        }

    def _remember(self, fresh: dict[str, Entry]) -> None:
        self._snapshots_known.update(dict.fromkeys(fresh))
        while len(self._snapshots_known) > _KNOWN:
            del self._snapshots_known[next(iter(self._snapshots_known))]


class _Batch:
    """The decisions of one transaction."""

    def __init__(
        self, entries: Sequence[Entry], replica: str, *, totals: Totals, require_lease: bool
    ) -> None:
        self._entries = entries
        self._replica = replica
        self._require_lease = require_lease
        self._totals = totals
        keys: dict[Key, None] = {}
        spaces: dict[str, None] = {}
        hashes: dict[bytes, None] = {}
        self._names: list[str] = []
        for entry in entries:
            record = entry.record
            if record is not None:
                if record.idempotency_key is not None:
                    keys[record.relayer, record.idempotency_key] = None
                if record.admitted is not None:
                    self._names += names_of(record.admitted)
                    if entry.fence is not None:
                        spaces[nonce_space(record.admitted)] = None
            for outcome in entry.outcomes:
                hashes[outcome.order_hash] = None
        self._keys, self._spaces, self._hashes = list(keys), list(spaces), list(hashes)
        self._bindings: dict[Key, _Binding] = {}
        self._fences: dict[str, int | None] = {}
        self._live: dict[bytes, Row] = {}
        self._quotes: list[Statement] = []
        self._writes: list[Statement] = []
        self._ends: list[Statement] = []
        self._ended: list[bytes] = []

    def reads(self) -> list[Statement]:
        """Return the reads that need no answer of others."""
        keys: list[Statement] = [(_READ_BINDING, key) for key in self._keys]
        leases: list[Statement] = [(_READ_LEASE, (space, self._replica)) for space in self._spaces]
        return [*keys, *leases, *(many(_READ_LIVE, group) for group in groups_of(self._hashes))]

    def total_reads(self) -> list[Statement]:
        """Return the read of totals that are not known yet, if there are any."""
        return self._totals.read(self._names)

    def accept(self, answers: list[list[Row]]) -> None:
        """Take the answers to :meth:`reads`, and to :meth:`total_reads` behind them."""
        parts = iter(answers)
        for key in self._keys:
            rows = next(parts)
            if rows:
                self._bindings[key] = _Binding(bytes(rows[0][0]), stored_quote(rows[0][1:]))
        for space in self._spaces:
            rows = next(parts)
            self._fences[space] = rows[0][0] if rows else None
        for _ in groups_of(self._hashes):
            self._live.update((bytes(row[0]), row[1:]) for row in next(parts))
        for order_hash in self._hashes:
            if order_hash not in self._live:
                raise BadRecord(f"no quote 0x{order_hash.hex()} that could end")
        self.accept_totals(list(parts))
        for asset, venue, sender, *_ in self._live.values():
            name = asset_name(Address(asset), Settlement(venue))
            self._names += [COUNT, USD, taker_name(int(sender)), name]

    def accept_totals(self, answers: list[list[Row]]) -> None:
        """Take the answers to :meth:`total_reads`."""
        self._totals.accept(self._names, [row for rows in answers for row in rows])

    def decide(self) -> list[Statement]:
        """Decide on every entry in turn and return what to write."""
        for entry in self._entries:
            self._writes += entry.statements
            if entry.record is not None:
                entry.receipt = self._admit(entry.record, entry.fence)
            for outcome in entry.outcomes:
                self._end(outcome.order_hash, outcome.balance, outcome.block_number)
                self._ends.append((INSERT_OUTCOME, outcome_row(outcome)))
        # Rows of one table stand together, so that the store can write them at once.
        unbound = (many(DELETE_BINDINGS, group) for group in groups_of(self._ended))
        return [*self._quotes, *self._writes, *self._ends, *unbound, *self._totals.writes()]

    def _admit(self, record: QuoteRecord, fence: int | None) -> Receipt:
        key = _key(record)
        binding = self._bindings.get(key) if key else None
        body_hash = hashlib.sha256(record.body).digest() if key else b""
        if binding is not None:
            if binding.body_hash == body_hash:
                return Receipt(decision=Decision.accept(), earlier=binding.quote)
            return self._refuse(record, key_conflict(record.idempotency_key or ""))
        quote = record.admitted
        if quote is None:
            return self._refuse(record, record.decision)
        refusal = self._lease_refusal(quote, fence)
        if refusal is not None:
            return self._refuse(record, refusal)
        assert record.claim is not None
        decision = self._totals.admit(quote, record.claim)
        if not decision.accepted:
            return self._refuse(record, decision)
        self._quotes.append((INSERT_QUOTE, quote_row(record, self._replica)))
        if key:
            self._writes.append((INSERT_BINDING, (*key, body_hash, quote.order_hash)))
            self._bindings[key] = _Binding(body_hash, _stored(record.quote_id, quote))
        return Receipt(decision=Decision.accept())

    def _refuse(self, record: QuoteRecord, decision: Decision) -> Receipt:
        refused = replace(record, decision=decision, admitted=None)
        self._quotes.append((INSERT_QUOTE, quote_row(refused, self._replica)))
        return Receipt(decision=decision)

    def _lease_refusal(self, quote: AdmittedQuote, fence: int | None) -> Decision | None:
        if quote.nonce.settlement is not Settlement.PMM or (fence is None and not self._require_lease):
            return None
        if fence is not None and self._fences.get(nonce_space(quote)) == fence:
            return None
        return Decision.refuse(
            RefusalReason.NO_NONCE, f"the lease of lane {quote.nonce.lane} went to another replica; ask again"
        )

    def _end(self, order_hash: bytes, balance: int | None, block_number: int) -> None:
        asset, venue, sender, reserved, usd, ended = self._live[order_hash]
        if ended is not None:
            return
        self._live[order_hash] = (asset, venue, sender, reserved, usd, order_hash)
        self._totals.end(
            asset=asset_name(Address(asset), Settlement(venue)),
            taker=taker_name(int(sender)),
            reserved=int(reserved),
            usd_wad=int(usd),
            balance=balance,
            block_number=block_number,
        )
        self._ended.append(order_hash)


def groups_of(names: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return names in groups whose sizes are powers of two; the last one fills its group up."""
    groups: list[tuple[bytes, ...]] = []
    for start in range(0, len(names), _MOST_AT_ONCE):
        part = tuple(names[start : start + _MOST_AT_ONCE])
        groups.append(part + part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part)))
    return groups


def many(sql: str, names: tuple[bytes, ...]) -> Statement:
    """Return a statement about all of ``names``, whose marks take the place of ``{}``."""
    return sql.format(", ".join("?" * len(names))), names


def _key(record: QuoteRecord) -> Key | None:
    return None if record.idempotency_key is None else (record.relayer, record.idempotency_key)


def _stored(quote_id: str, quote: AdmittedQuote) -> StoredQuote:
    fields = {name: getattr(quote, name) for name in StoredQuote.__slots__ if name != "quote_id"}
    return StoredQuote(quote_id=quote_id, **fields)
