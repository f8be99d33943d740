"""Markouts that the desk measured while it ran come before those that the journal lets one guess."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

from pmm.desk.performance_ledger import put_fill, put_markouts
from pmm.domain import USDC, WETH
from pmm.ledger import open_ledger
from pmm.report.day import DayData, QuoteLine, day_report
from pmm.report.reading import read_day
from pmm.risk.markouts import FilledTrade, TakenMarkout
from tests.helpers.quoting import MAKER

DAY = date(2026, 11, 28)
START_MS = int(datetime(2026, 11, 28, tzinfo=UTC).timestamp()) * 1_000
END_MS = START_MS + 86_400_000


def ledger_with_markouts(path: Path) -> Path:
    ledger = open_ledger(path, chain_id=1, maker=MAKER)
    with ledger.transaction() as transaction:
        for key, at_ms in (
            ("before", START_MS - 1),
            ("last", END_MS - 1),
            ("first", START_MS),
            ("after", END_MS),
        ):
            put_fill(
                transaction,
                key,
                FilledTrade(
                    key=key,
                    at_ms=at_ms,
                    maker_asset=USDC.address,
                    taker_asset=WETH.address,
                    making_amount=1,
                    taking_amount=1,
                ),
            )
        found = [
            TakenMarkout(key=key, horizon_s=horizon_s, markout_bps_e3=value)
            for key, horizon_s, value in (
                ("before", 1, 99_000),
                ("first", 1, 1_500),
                ("first", 30, -2_000),
                ("last", 1, 2_500),
                ("after", 1, 99_000),
            )
        ]
        put_markouts(transaction, END_MS + 5_000, found)
    ledger.close()
    return path


def test_read_day__markouts_of_its_fills__are_read_however_late_they_were_taken(tmp_path: Path) -> None:
    found = read_day(DAY, journal=None, ledger=ledger_with_markouts(tmp_path / "ledger.sqlite"))
    assert found.taken_markouts == ((1, 1.5), (30, -2.0), (1, 2.5))
    lines = day_report(found).markouts
    assert [(one.horizon_s, one.count, one.mean) for one in lines] == [(1, 2, 2.0), (30, 1, -2.0)]


def test_read_day__ledger_of_an_older_desk__has_none_and_is_read(tmp_path: Path) -> None:
    path = ledger_with_markouts(tmp_path / "ledger.sqlite")
    with sqlite3.connect(path) as connection:
        for table in ("fills", "markouts", "profit", "prices"):
            connection.execute(f"DROP TABLE performance_{table}")
        connection.execute("DELETE FROM ledger_meta WHERE key = 'performance_schema'")
    assert read_day(DAY, journal=None, ledger=path).taken_markouts == ()


def test_day_report__nothing_measured__takes_the_journals(tmp_path: Path) -> None:
    quotes = tuple(
        QuoteLine(
            at_ms=START_MS + at_s * 1_000,
            relayer="r",
            decision="quoted",
            filled=at_s == 0,
            direction=("taker", "maker"),
            making_amount=99,
            taking_amount=100,
            fair_rate_e36=10**36,
        )
        for at_s in (0, 1)
    )
    data = DayData(day=DAY, start_ms=START_MS, end_ms=END_MS, quotes=quotes)
    assert [one.horizon_s for one in day_report(data).markouts] == [1]
    measured = DayData(day=DAY, start_ms=START_MS, end_ms=END_MS, quotes=quotes, taken_markouts=((300, 4.0),))
    assert [one.horizon_s for one in day_report(measured).markouts] == [300]
