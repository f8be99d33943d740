"""Reads what a day's report is made of, beside running processes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pmm.desk.backtest_ledger import DAY_MS, var_days
from pmm.journal import JournalEntry, read
from pmm.ledger import LedgerReader, read_ledger
from pmm.monitoring.audit_log import read_audit, verify
from pmm.report.day import AlertLine, DayData, QuoteLine
from pmm.report.series import Point
from pmm.risk.var_record import VarDay

_POINTS = (
    "SELECT at_ms, run, series, subject, value FROM history_points WHERE at_ms >= ? AND at_ms < ? "
    "OR seq IN (SELECT max(seq) FROM history_points WHERE at_ms < ? GROUP BY run, series, subject) ORDER BY seq"
)
_ALERTS = (
    "SELECT at_ms, key, severity, title, fate FROM alerts_log WHERE at_ms >= ? AND at_ms < ? ORDER BY seq"
)
_MARKOUTS = (
    "SELECT m.horizon_s, m.markout_bps_e3 FROM performance_markouts m JOIN performance_fills f "
    "ON f.fill_key = m.fill_key WHERE f.at_ms >= ? AND f.at_ms < ? ORDER BY f.at_ms, m.horizon_s"
)
# Fair values after midnight judge the day's last fills.
_AFTER_MS = 3_600_000


def read_day(day: date, *, journal: Path | str | None, ledger: Path | str | None) -> DayData:
    """Return everything recorded on a UTC day.

    Raises InvalidInput where a journal or ledger is named and is none, SetupError where a database does not answer.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start_ms = int(start.timestamp()) * 1_000
    end_ms = int((start + timedelta(days=1)).timestamp()) * 1_000
    quotes = tuple(_quotes(journal, start_ms, end_ms + _AFTER_MS)) if journal is not None else ()
    if ledger is None:
        return DayData(day=day, start_ms=start_ms, end_ms=end_ms, quotes=quotes)
    with read_ledger(ledger) as reader:
        return DayData(
            day=day,
            start_ms=start_ms,
            end_ms=end_ms,
            quotes=quotes,
            points=_points(reader, start_ms, end_ms),
            alerts=tuple(
                AlertLine(at_ms=row[0], key=row[1], severity=row[2], title=row[3], fate=row[4])
                for row in reader.read(_ALERTS, (start_ms, end_ms))
            ),
            taken_markouts=_markouts(reader, start_ms, end_ms),
            var_days=tuple(one for one in var_days(reader) if one.day <= start_ms // DAY_MS),
            audit=_audit(reader),
        )


def read_var_days(ledger: Path | str) -> tuple[VarDay, ...]:
    """Return every day with a forecast of value at risk, oldest first; raises as ``read_day``."""
    with read_ledger(ledger) as reader:
        return var_days(reader)


def _quotes(journal: Path | str, start_ms: int, end_ms: int) -> Iterator[QuoteLine]:
    for entry in read(journal):
        if start_ms <= entry.received_at_ms < end_ms:
            yield _quote(entry)


def _quote(entry: JournalEntry) -> QuoteLine:
    if entry.order is None:
        return QuoteLine(
            at_ms=entry.received_at_ms, relayer=entry.relayer, decision=entry.decision, filled=False
        )
    return QuoteLine(
        at_ms=entry.received_at_ms,
        relayer=entry.relayer,
        decision=entry.decision,
        filled=entry.outcome == "spent",
        direction=(entry.order.taker_asset, entry.order.maker_asset),
        making_amount=entry.order.making_amount,
        taking_amount=entry.order.taking_amount,
        fair_rate_e36=entry.fair_rate_e36 or 0,
        usd=(entry.usd_wad or 0) / 10**18,
    )


def _points(reader: LedgerReader, start_ms: int, end_ms: int) -> tuple[Point, ...]:
    return tuple(
        Point(at_ms=row[0], run=row[1], series=row[2], subject=row[3], value=float(row[4]))
        for row in reader.read(_POINTS, (start_ms, end_ms, start_ms))
    )


def _markouts(reader: LedgerReader, start_ms: int, end_ms: int) -> tuple[tuple[int, float], ...]:
    # A ledger that no newer desk has opened lacks the tables.
    if not reader.read("SELECT 1 FROM ledger_meta WHERE key = ?", ("performance_schema",)):
        return ()
    return tuple((row[0], row[1] / 1_000) for row in reader.read(_MARKOUTS, (start_ms, end_ms)))


def _audit(reader: LedgerReader) -> str:
    verdict = verify(read_audit(reader))
    state = "whole" if verdict.intact else f"BROKEN: {verdict.detail}"
    return f"{verdict.number} entries, {state}, head {verdict.head.hex()}"
