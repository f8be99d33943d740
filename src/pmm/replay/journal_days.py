"""The requests of a journal with what they were decided on, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pmm.journal.inputs_json import RecordedDecision, snapshot_from_json
from pmm.journal.reader import journal_rows
from pmm.pricing import MarketSnapshot

_ROWS = """
SELECT seq, quote_id, received_at_ms, decision, detail, losing, pricing, inputs, snapshot_id, body
FROM quotes LEFT JOIN snapshots USING (snapshot_id)
WHERE received_at_ms >= ? AND received_at_ms < ?
ORDER BY seq
"""
_SNAPSHOTS_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedQuote:
    """One request as journaled; ``decided`` and ``snapshot`` are None where nothing was priced."""

    seq: int
    quote_id: str
    received_at_ms: int
    decision: str
    detail: str
    losing: str
    pricing: str | None
    decided: RecordedDecision | None
    snapshot: MarketSnapshot | None


def recorded_quotes(where: Path | str, *, day: date | None = None) -> Iterator[RecordedQuote]:
    """Yield the requests of a journal, a file or a ``postgresql://`` URL, of one UTC day if given.

    Raises InvalidInput for what is no journal, or one written before decisions kept their inputs (schema version 2),
    SetupError for a database that cannot be read.
    """
    first_ms, last_ms = 0, 2**62
    if day is not None:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        first_ms, last_ms = _ms(start), _ms(start + timedelta(days=1))
    snapshots: dict[str, MarketSnapshot] = {}
    for row in journal_rows(where, _ROWS, (first_ms, last_ms)):
        snapshot = _snapshot(snapshots, row["snapshot_id"], row["body"])
        decided = RecordedDecision(row["inputs"], quote_id=row["quote_id"]) if row["inputs"] else None
        yield RecordedQuote(**{name: row[name] for name in _PLAIN}, decided=decided, snapshot=snapshot)


def _snapshot(
    known: dict[str, MarketSnapshot], snapshot_id: str | None, body: str | None
) -> MarketSnapshot | None:
    if snapshot_id is None or body is None:
        return None
    found = known.get(snapshot_id)
    if found is None:
        while len(known) >= _SNAPSHOTS_KEPT:
            del known[next(iter(known))]
        found = known[snapshot_id] = snapshot_from_json(snapshot_id, body)
    return found


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


_PLAIN = ("seq", "quote_id", "received_at_ms", "decision", "detail", "losing", "pricing")
