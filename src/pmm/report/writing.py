"""From a day to a file."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

from pmm.errors import SetupError
from pmm.report.day import DayReport, day_report
from pmm.report.page import page
from pmm.report.reading import read_day


def write_day(day: date, *, journal: Path | str | None, ledger: Path | str | None, target: Path) -> DayReport:
    """Read a UTC day, write its page, and return what it says.

    Raises InvalidInput where there is no journal or ledger, SetupError where ``target`` cannot be written; an older
    file there is replaced as a whole or stays.
    """
    report = day_report(read_day(day, journal=journal, ledger=ledger))
    text = page(report, made_at=datetime.now(UTC))
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Profit and positions are nobody else's business.
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        part.replace(target)
    except OSError as error:
        raise SetupError(f"expected to write {target}, found: {error.strerror}; name another --out") from None
    return report
