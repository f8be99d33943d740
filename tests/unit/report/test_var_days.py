"""Value at risk against realised in the page and in `pmm report var`: a verdict, none, and days that do not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pmm.cli.report import app
from pmm.desk.backtest_ledger import DAY_MS, put_day, put_end, put_replay, var_days
from pmm.errors import InvalidInput
from pmm.ledger import open_ledger
from pmm.report import write_day
from pmm.risk.tail import TailRisk
from tests.helpers.desk_day import DAY, MAKER

LAST = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()) * 1_000 // DAY_MS
TAILS = {
    "monte_carlo": TailRisk(value_at_risk_usd=400.0, expected_shortfall_usd=500.0),
    "historical": TailRisk(value_at_risk_usd=900.0, expected_shortfall_usd=950.0),
}


def record(path: Path, days: int, *, beyond: int = 0) -> Path:
    """Write days up to the day of the report, the oldest ``beyond`` of them worse than Monte-Carlo allowed."""
    ledger = open_ledger(path, chain_id=1, maker=MAKER)
    with ledger.transaction() as transaction:
        for number in range(days):
            day = LAST - days + 1 + number
            put_day(transaction, day, day * DAY_MS + 7, 10_000 * 10**6, TAILS, {})
            put_end(transaction, day, (day + 1) * DAY_MS, (-700 if number < beyond else 30) * 10**6)
    ledger.close()
    return path


def says(path: Path) -> list[str]:
    done = CliRunner().invoke(app, ["var", "--ledger", str(path)])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_var__few_days__has_no_verdict_and_names_the_days_beyond(tmp_path: Path) -> None:
    lines = says(record(tmp_path / "ledger", 12, beyond=1))
    assert lines[:2] == [
        "historical: 12 of 250 days, 0 exceptions: no verdict",
        "monte_carlo: 12 of 250 days, 1 exception: no verdict",
    ]
    assert lines[2].startswith("2026-11-17: beyond monte_carlo; brought -700.00 USD; VaR historical 900.00,")
    assert len(lines) == 3


def test_var__year_of_days__is_judged(tmp_path: Path) -> None:
    lines = says(record(tmp_path / "ledger", 250, beyond=11))
    assert (
        lines[0]
        == "historical: 0 exceptions in 250 days: green; p 0.025 Kupiec, 1.000 independence, 0.081 both"
    )
    assert lines[1].startswith(
        "monte_carlo: 11 exceptions in 250 days: red; p 0.000 Kupiec, 0.000 independence"
    )


def test_var__nothing_kept_or_no_ledger__is_said(tmp_path: Path) -> None:
    open_ledger(tmp_path / "ledger", chain_id=1, maker=MAKER).close()
    assert says(tmp_path / "ledger")[0].startswith("no forecast was kept yet")
    refused = CliRunner().invoke(app, ["var"])
    assert isinstance(refused.exception, InvalidInput)


def test_var__day_open_lost_or_late__is_named_as_such(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger", chain_id=1, maker=MAKER)
    with ledger.transaction() as transaction:
        for number, late_h in ((0, 0), (1, 3), (2, 0)):
            day = LAST + number
            put_day(transaction, day, day * DAY_MS + late_h * 3_600_000, 10_000 * 10**6, TAILS, {})
        put_end(transaction, LAST, LAST * DAY_MS, None)
        put_end(transaction, LAST + 1, LAST * DAY_MS, -5 * 10**9)
    ledger.close()
    lines = says(tmp_path / "ledger")
    assert "0 of 250 days" in lines[0]
    assert "lost, nobody saw" in lines[2]
    assert "does not count" in lines[3]
    assert "open; VaR" in lines[4]


@pytest.mark.parametrize("days", [1, 12, 250])
def test_page__days_up_to_its_own__are_drawn_and_judged(tmp_path: Path, days: int) -> None:
    path = record(tmp_path / "ledger", days)
    target = tmp_path / "day.html"
    report = write_day(DAY, journal=None, ledger=path, target=target)
    assert len(report.var_days) == days
    text = target.read_text()
    assert 'id="var-days-' in text
    assert ("no verdict" in text) == (days < 250)
    earlier = write_day(DAY.replace(day=20), journal=None, ledger=path, target=target)
    assert earlier.empty == (days < 9)
    assert len(earlier.var_days) == max(days - 8, 0)


def test_var__days_of_a_price_history__are_named_as_such_and_end_where_the_desks_own_begin(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "ledger", 12)
    ledger = open_ledger(path, chain_id=1, maker=MAKER)
    own = var_days(ledger)
    first = own[0].day
    past = [
        replace(own[0], day=first + number, realised_usd=-(10**6) if number == -7 else 1.0, replayed=True)
        for number in range(-240, 5)
    ]
    with ledger.transaction() as transaction:
        put_replay(transaction, past)
    assert len(var_days(ledger)) == 240 + 12
    # Again: in place of the first, not beside it.
    with ledger.transaction() as transaction:
        put_replay(transaction, past[-9:])
    assert len(var_days(ledger)) == 4 + 12
    with ledger.transaction() as transaction:
        put_replay(transaction, past)
    ledger.close()
    lines = says(path)
    assert "1 exception in 250 days, 238 of them replayed: green" in lines[0]
    (day,) = [one for one in lines if "replayed; beyond" in one]
    assert "brought -1,000,000.00 USD" in day
    target = tmp_path / "day.html"
    write_day(DAY, journal=None, ledger=path, target=target)
    assert "238 of them replayed" in target.read_text()
