"""Keeps the records in the desk's ledger, schema module ``sent``."""

from __future__ import annotations

import json
from dataclasses import asdict

from pmm.chain.sender.records import (
    Attempt,
    Inclusion,
    TransactionIntent,
    TransactionRecord,
    TransactionState,
)
from pmm.domain import Address, to_hex
from pmm.execution.ledger import DeskLedger, LedgerRow

_COLUMNS = "intent_key, chain_id, sender, nonce, state, detail, intent, attempts, inclusion"
_SELECT = f"SELECT {_COLUMNS} FROM sent_transactions "  # noqa: S608 - constants
_INSERT = f"INSERT INTO sent_transactions ({_COLUMNS}, final) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_UPDATE = (
    "UPDATE sent_transactions SET state = ?, detail = ?, intent = ?, attempts = ?, inclusion = ?, final = ? "
    "WHERE intent_key = ?"
)


class LedgerTransactionStore:
    """Implements ``TransactionStore``; raises what the ledger raises."""

    def __init__(self, ledger: DeskLedger) -> None:
        self._ledger = ledger

    def find(self, key: str) -> TransactionRecord | None:
        """Return the record of an intent."""
        rows = self._ledger.read(_SELECT + "WHERE intent_key = ?", (key,))
        return _record(rows[0]) if rows else None

    def open_records(self, *, chain_id: int, sender: Address) -> tuple[TransactionRecord, ...]:
        """Return an account's records that are not final, by nonce."""
        rows = self._ledger.read(
            _SELECT + "WHERE chain_id = ? AND sender = ? AND final = 0 ORDER BY nonce", (chain_id, sender)
        )
        return tuple(_record(row) for row in rows)

    def highest_nonce(self, *, chain_id: int, sender: Address) -> int | None:
        """Return the highest nonce that any record of an account has."""
        ((highest,),) = self._ledger.read(
            "SELECT max(nonce) FROM sent_transactions WHERE chain_id = ? AND sender = ?", (chain_id, sender)
        )
        return None if highest is None else int(highest)

    def add(self, record: TransactionRecord) -> None:
        """Write a new record; the ledger refuses a key or a nonce that is taken."""
        values = (
            record.intent.key,
            record.chain_id,
            record.sender,
            record.nonce,
            record.state.value,
            record.detail,
            _intent_text(record.intent),
            _attempts_text(record),
            _inclusion_text(record),
            int(record.final),
        )
        with self._ledger.transaction() as transaction:
            transaction.execute(_INSERT, values)

    def update(self, record: TransactionRecord) -> None:
        """Write what became of a record."""
        values = (
            record.state.value,
            record.detail,
            _intent_text(record.intent),
            _attempts_text(record),
            _inclusion_text(record),
            int(record.final),
            record.intent.key,
        )
        with self._ledger.transaction() as transaction:
            transaction.execute(_UPDATE, values)


def _intent_text(intent: TransactionIntent) -> str:
    return json.dumps({**asdict(intent), "data": to_hex(intent.data), "value_wei": str(intent.value_wei)})


def _attempts_text(record: TransactionRecord) -> str:
    return json.dumps([attempt.to_dict() for attempt in record.attempts])


def _inclusion_text(record: TransactionRecord) -> str | None:
    return None if record.inclusion is None else json.dumps(asdict(record.inclusion))


def _record(row: LedgerRow) -> TransactionRecord:
    _, chain_id, sender, nonce, state, detail, intent, attempts, inclusion = row
    fields = json.loads(intent)
    fields["data"] = bytes.fromhex(fields["data"][2:])
    fields["value_wei"] = int(fields["value_wei"])
    return TransactionRecord(
        intent=TransactionIntent(**fields),
        chain_id=chain_id,
        sender=Address(sender),
        nonce=nonce,
        attempts=tuple(Attempt.from_dict(one) for one in json.loads(attempts)),
        state=TransactionState(state),
        inclusion=None if inclusion is None else Inclusion(**json.loads(inclusion)),
        detail=detail,
    )
