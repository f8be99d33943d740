"""How fast transactions of ours left and were mined: from the desk's decision to the node, and on to a block."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pmm.chain.sender import TransactionRecord, TransactionState
from pmm.desk.business_ledger import drop_submission, put_event, put_submission
from pmm.execution.ledger import LedgerTransaction
from pmm.risk.events import TransactionIncluded

_TAKEN: Final = (TransactionState.PENDING, TransactionState.UNKNOWN)
_UNTOLD: Final = (
    "SELECT s.intent_key, s.attempts, s.inclusion FROM sent_transactions s WHERE s.inclusion IS NOT NULL AND "
    "s.state != ? AND NOT EXISTS (SELECT 1 FROM business_events e WHERE e.event_key = 'included:' || s.intent_key)"
)
_BLOCK: Final = "SELECT time_s FROM chain_blocks WHERE hash = ?"


class OwnTransactions:
    """Watches the sender of one desk; one thread but for :meth:`seen`.

    ``restored`` is what an earlier process measured of transactions that were not in a block then.
    """

    def __init__(
        self, restored: Mapping[str, int], *, clock_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._clock_ns = clock_ns
        self._deciding_ns: int | None = None
        self._decided_ns: dict[str, int] = {}
        self._took_us = dict(restored)
        self._fresh: dict[str, int] = {}
        self._earlier: frozenset[str] = frozenset()

    def begin(self, open_keys: Iterable[str]) -> None:
        """Say which transactions an earlier process decided on: what is sent again of them says nothing."""
        self._earlier = frozenset(open_keys)

    def deciding(self) -> None:
        """What is sent from now on is decided from now on."""
        self._deciding_ns = self._clock_ns()

    def seen(self, record: TransactionRecord) -> None:
        """Hear what became of a record; the sender's ``watch``."""
        key = record.intent.key
        if key in self._took_us or key in self._earlier or self._deciding_ns is None:
            return
        decided_ns = self._decided_ns.setdefault(key, self._deciding_ns)
        if record.state in _TAKEN:
            del self._decided_ns[key]
            self._took_us[key] = self._fresh[key] = max(self._clock_ns() - decided_ns, 0) // 1_000

    def write(
        self, transaction: LedgerTransaction, changed: Iterable[TransactionRecord], now_ms: int
    ) -> list[TransactionIncluded]:
        """Write what is new; return what is in a block for the first time, for risk once it is durable."""
        for key, took_us in self._fresh.items():
            put_submission(transaction, key, now_ms, took_us)
        found: list[TransactionIncluded] = []
        for record in changed:
            if record.inclusion is None or record.state is TransactionState.CANCELLED or not record.attempts:
                continue
            blocks = record.inclusion.block_number - record.attempts[0].block
            found += self._put(transaction, record.intent.key, blocks, now_ms)
        return found

    def untold(
        self, transaction: LedgerTransaction, now_ms: int, *, since_ms: int
    ) -> list[TransactionIncluded]:
        """Write what a process that died had no time to write, at the times of its blocks; return it for risk."""
        found: list[TransactionIncluded] = []
        for key, attempts, text in transaction.query(_UNTOLD, (TransactionState.CANCELLED.value,)):
            inclusion = json.loads(text)
            block = transaction.query(_BLOCK, (bytes.fromhex(inclusion["block_hash"].removeprefix("0x")),))
            if block and since_ms <= block[0][0] * 1_000:
                blocks = inclusion["block_number"] - json.loads(attempts)[0]["block"]
                found += self._put(transaction, key, blocks, min(block[0][0] * 1_000, now_ms))
        return found

    def written(self, changed: Iterable[TransactionRecord]) -> None:
        """What :meth:`write` wrote is durable."""
        self._fresh.clear()
        for record in changed:
            if record.final:
                self._took_us.pop(record.intent.key, None)
                self._decided_ns.pop(record.intent.key, None)

    @property
    def waits(self) -> bool:
        """Whether something measured is not durable yet."""
        return bool(self._fresh)

    def _put(
        self, transaction: LedgerTransaction, key: str, blocks: int, at_ms: int
    ) -> list[TransactionIncluded]:
        one = TransactionIncluded(at_ms, self._took_us.get(key), max(blocks, 0))
        if not put_event(transaction, f"included:{key}", one):
            return []
        drop_submission(transaction, key)
        return [one]
